/* One's own account: seeing, changing, exporting, erasing. */
#include "apikey.h"
#include "handlers.h"
#include "inputs.h"
#include "invite.h"
#include "resp.h"
#include "subscription.h"
#include "show.h"
#include "erase.h"
#include "stream.h"
#include "versioned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED 200
#define GROUPS_EXPORTED 1000

/* GET me: the user and the session that asks. */
void
on_me_get(struct request *r)
{
	struct json_object *o = resp_ok(r, 200);

	json_add(o, "user", show_user(&r->me));
	json_add(o, "session", show_session(&r->session, r->session.id));
}

/* PUT me: changes what is named. */
void
on_me_put(struct request *r)
{
	const struct in_me *in = r->in;
	const struct account_change change = { .display_name = in->display_name,
		.language = in->language,
		.public_visible = in->public_visible,
		.mail_reply_to = in->mail_reply_to,
		.invites_from =
		    in->group_invites ? invites_from_parse(in->group_invites) : FIELD_ABSENT };

	if (!resp_db_failed(r, db_account_update(r->worker->db, &r->arena, &r->me, &change)))
		json_add(resp_ok(r, 200), "user", show_user(&r->me));
}

/* DELETE me: the account and all that hangs on it is gone for good. */
void
on_me_delete(struct request *r)
{
	if (resp_db_failed(r, db_account_erase(r->worker->db, &r->arena, &r->me, r->now)))
		return;
	file_clear(r);
	json_add_text(resp_ok(r, 200), "status", "erased");
}

/* The lists of the export, each as long as one page of the call that lists them all: where one was
 * cut, LIST_has_more says so. */
static void
add_list(struct json_object *o, const char *name, struct json_object *array, bool more)
{
	char flag[32];

	json_add(o, name, array);
	snprintf(flag, sizeof(flag), "%s_has_more", name);
	if (more)
		json_add_bool(o, flag, true);
}

static bool
add_sessions(struct request *r, struct json_object *o)
{
	struct session *list = arena_alloc(&r->arena, (EXPORTED + 1) * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_session_list(
		    r->worker->db, &r->arena, r->me.id, r->now, 0, EXPORTED + 1, list, &count)))
		return false;
	array = json_new_array();
	for (int i = 0; i < count && i < EXPORTED; i++)
		json_append(array, show_session(&list[i], r->session.id));
	add_list(o, "sessions", array, count > EXPORTED);
	return true;
}

static bool
add_groups(struct request *r, struct json_object *o)
{
	struct group *list = arena_alloc(&r->arena, (GROUPS_EXPORTED + 1) * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_group_list(
		    r->worker->db, &r->arena, r->me.id, NULL, GROUPS_EXPORTED + 1, list, &count)))
		return false;
	array = json_new_array();
	for (int i = 0; i < count && i < GROUPS_EXPORTED; i++)
		json_append(array, show_group(&list[i]));
	add_list(o, "groups", array, count > GROUPS_EXPORTED);
	return true;
}

static bool
add_invites(struct request *r, struct json_object *o)
{
	struct invite *list = arena_alloc(&r->arena, (EXPORTED + 1) * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_invite_list(r->worker->db, &r->arena, r->me.id, 0, EXPORTED + 1, list, &count)))
		return false;
	array = json_new_array();
	for (int i = 0; i < count && i < EXPORTED; i++)
		json_append(array, show_invite(&list[i]));
	add_list(o, "invites", array, count > EXPORTED);
	return true;
}

static bool
add_keys(struct request *r, struct json_object *o)
{
	struct session *list = arena_alloc(&r->arena, APIKEY_MOST * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r, db_apikey_list(r->worker->db, &r->arena, r->me.id, list, &count)))
		return false;
	array = json_new_array();
	for (int i = 0; i < count; i++)
		json_append(array, show_key(&list[i]));
	json_add(o, "keys", array);
	return true;
}

static bool
add_phones(struct request *r, struct json_object *o)
{
	struct phone *list = arena_alloc(&r->arena, (EXPORTED + 1) * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_phone_list(
		    r->worker->db, &r->arena, r->me.id, r->now, NULL, EXPORTED + 1, list, &count)))
		return false;
	array = json_new_array();
	for (int i = 0; i < count && i < EXPORTED; i++)
		json_append(array, show_phone(&list[i]));
	add_list(o, "phones", array, count > EXPORTED);
	return true;
}

/* With the first page only, for it may be long. */
static bool
add_prefs(struct request *r, struct json_object *o)
{
	struct document d;

	if (!versioned_load(r, DOCUMENT_PREFS, &d))
		return false;
	json_add_text(o, "prefs", d.text ? d.text : "");
	return true;
}

/* Likewise: where devices want to be told of news. */
static bool
add_push(struct request *r, struct json_object *o)
{
	char **list = arena_alloc(&r->arena, EXPORTED * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(
		r, db_push_list(r->worker->db, &r->arena, r->me.id, EXPORTED, list, &count)))
		return false;
	array = json_new_array();
	json_add(o, "push", array);
	for (int i = 0; i < count; i++)
		json_append(array, json_new_text(list[i]));
	return true;
}

/* GET sessions: the user's own, oldest first, a page at a time. */
void
on_session_list(struct request *r)
{
	show_sessions(r, r->me.id);
}

/* A cursor of the export: first all sent messages, then all received ones; "s" or "r" and a number.
 */
static bool
read_cursor(const char *after, bool *sent, int64_t *cursor)
{
	char *end;

	*sent = after[0] != 'r';
	*cursor = 0;
	if (!after[0])
		return true;
	if ((after[0] != 's' && after[0] != 'r') || after[1] < '0' || after[1] > '9')
		return false;
	errno = 0;
	*cursor = strtoll(after + 1, &end, 10);
	return !*end && errno == 0;
}

static void
add_messages(struct request *r, struct json_object *o, const struct message_page *page, bool sent)
{
	struct json_object *array = json_new_array();
	char cursor[32] = "r0";

	for (int i = 0; i < page->count; i++) {
		struct json_object *item = show_message(r, &page->list[i]);

		json_add_text(item, "status", delivery_state_name(page->list[i].state));
		json_append(array, item);
	}
	json_add(o, "messages", array);
	json_add_bool(o, "has_more", sent || page->more);
	if (page->more)
		snprintf(cursor, sizeof(cursor), "%c%lld", sent ? 's' : 'r', (long long)page->next);
	if (sent || page->more)
		json_add_text(o, "after", cursor);
}

/* GET export: all that the relay holds on the caller, messages page by page. */
void
on_me_export(struct request *r)
{
	const struct in_page *in = r->in;
	struct message_page page = { .limit = (int)in->limit, .text_limit = SHOW_TEXT_BYTES };
	struct json_object *o;
	int64_t after = 0;
	bool sent = true;

	if (!read_cursor(in->after ? in->after : "", &sent, &after)) {
		resp_field_error(
		    r, 400, "invalid_field", "after", "after must be what an earlier answer gave.");
		return;
	}
	if (resp_db_failed(
		r, db_message_export(r->worker->db, &r->arena, r->me.id, sent, after, &page)))
		return;
	o = resp_ok(r, 200);
	json_add(o, "user", show_user(&r->me));
	if (add_sessions(r, o) && add_groups(r, o) && add_invites(r, o) && add_keys(r, o) &&
	    add_phones(r, o) &&
	    ((in->after && in->after[0]) || (add_prefs(r, o) && add_push(r, o))))
		add_messages(r, o, &page, sent);
}
