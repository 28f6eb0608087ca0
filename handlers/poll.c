/* Polling: what is new for a session, and who is typing. */
#include "group.h"
#include "handlers.h"
#include "inputs.h"
#include "message.h"
#include "resp.h"
#include "share.h"
#include "show.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those who type to `to`, which the wire calls `name`; the caller is left out. */
static void
add_typists(struct request *r, struct json_object *array, int64_t to, const char *name)
{
	int64_t from[SHARE_SLOTS];
	int n = share_typing_get(r->worker->share, to, from);

	for (int i = 0; i < n; i++) {
		struct json_object *item;
		char *address = NULL;

		if ((from[i] == r->me.id && to != r->me.id) ||
		    db_account_address(r->worker->db, &r->arena, from[i], &address) != DB_ROW)
			continue;
		item = json_new_object();
		json_add_text(item, "from", address);
		json_add_text(item, "to", name);
		json_append(array, item);
	}
}

/* Of all groups to which somebody types, those that the caller is in. */
static void
add_group_typists(struct request *r, struct json_object *array)
{
	int64_t *groups = arena_alloc(&r->arena, SHARE_TYPED_GROUPS * sizeof(*groups));
	int count = groups ? share_typed_groups(r->worker->share, groups) : 0;

	for (int i = 0; i < count; i++) {
		uint8_t public_id[ID_BYTES];
		char id[ID_TEXT_BYTES];

		if (db_member_group(r->worker->db, groups[i], r->me.id, public_id) != DB_ROW)
			continue;
		id_format("grp_", public_id, id);
		add_typists(r, array, SHARE_GROUP(groups[i]), id);
	}
}

static void
add_typing(struct request *r, struct json_object *o)
{
	struct json_object *array = json_new_array();

	add_typists(r, array, r->me.id, r->me.chat_address);
	if (share_group_typing(r->worker->share))
		add_group_typists(r, array);
	if (array && json_object_array_length(array) > 0)
		json_add(o, "typing", array);
	else
		json_object_put(array);
}

/* How messages moved on, and which of the caller's own records changed. */
static void
add_changes(struct json_object *o, const struct change_page *changes)
{
	struct json_object *list = json_new_array(), *records = json_new_array();

	for (int i = 0; i < changes->count; i++)
		json_append(list, show_change(&changes->list[i]));
	for (int s = 0; s < SUBJECT__MAX; s++)
		if (changes->subjects[s])
			json_append(
			    records, json_new_text(record_subject_name((enum record_subject)s)));
	json_add(o, "changes", list);
	json_add(o, "records", records);
}

static void
respond(struct request *r, const struct message_page *page, const struct change_page *changes)
{
	struct json_object *o = resp_ok(r, 200), *messages = json_new_array();
	char cursor[24];

	for (int i = 0; i < page->count; i++)
		json_append(messages, show_message(r, &page->list[i]));
	snprintf(cursor, sizeof(cursor), "%lld", (long long)page->next);
	json_add(o, "messages", messages);
	json_add_text(o, "cursor", cursor);
	json_add_bool(o, "has_more", page->more);
	json_add_int(o, "poll_interval_ms", r->worker->conf->poll_interval_ms);
	if (page->with_own)
		add_changes(o, changes);
	add_typing(r, o);
}

/* POST poll: confirms all up to the cursor (without one: the last response) and hands out what
 * follows, oldest first; with `own` also what the caller's other sessions did, and changes. */
void
on_poll_post(struct request *r)
{
	const struct in_poll *in = r->in;
	struct poll p = { .account_id = r->me.id,
		.session_id = r->session.id,
		.session_created_at = r->session.created_at,
		.session_sent_seq = r->session.sent_seq,
		.session_confirmed_seq = r->session.confirmed_seq,
		.session_own = r->session.own,
		.own = in->own == 1,
		.delivered_seq = r->me.delivered_seq,
		.from = r->session.sent_seq,
		.now = r->now };
	struct message_page page = { .limit = (int)in->limit, .text_limit = SHOW_TEXT_BYTES };
	struct change_page changes;

	if (strcmp(in->chat_address, r->me.chat_address) != 0) {
		resp_field_error(
		    r, 403, "not_your_address", "chat_address", "This is not your chat address.");
		return;
	}
	if (in->cursor)
		p.from = in->cursor[0] ? strtoll(in->cursor, NULL, 10) : r->session.start_seq;
	if (!resp_db_failed(r, db_stream_poll(r->worker->db, &r->arena, &p, &page, &changes)))
		respond(r, &page, &changes);
}
