/* Presence, and the directory of people who want to be found. */
#include "block.h"
#include "group.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"
#include "text.h"

#include <string.h>

#define ONLINE_MS 60000
#define SESSIONS_SHOWN 20
#define GROUPS_SHOWN 200

/* POST presence: shows or hides the session that asks; its names may change with it. */
void
on_presence_post(struct request *r)
{
	const struct in_presence *in = r->in;
	const struct presence p = { .visible = in->visible,
		.device_name = in->device_name,
		.session_name = in->session_name,
		.listen_channel = in->listen_channel,
		.account_name = in->display_name && in->display_name[0] ? in->display_name : NULL };

	if (strcmp(in->chat_address, r->me.chat_address) != 0) {
		resp_field_error(
		    r, 403, "not_your_address", "chat_address", "This is not your chat address.");
		return;
	}
	if (!resp_db_failed(r, db_session_presence(r->worker->db, r->session.id, &r->me, &p)))
		json_add_bool(resp_ok(r, 200), "online", p.visible);
}

/* Up to `limit` sessions of a person that are live now. To those whom they blocked a person looks
 * offline. */
static enum db_result
live_sessions(
    struct request *r, const struct account *a, int limit, struct session *list, int *count)
{
	enum db_result res = db_block_get(r->worker->db, a->id, r->me.id);

	*count = 0;
	return res == DB_NONE ? db_session_live(r->worker->db, &r->arena, a->id, r->now,
				    r->now - ONLINE_MS, limit, list, count) :
				res;
}

static void
show_person(struct json_object *o, const struct account *a, bool online)
{
	json_add_text(o, "chat_address", a->chat_address);
	json_add_text(o, "display_name", account_name(a));
	json_add_bool(o, "online", online);
}

/* One person of the directory with the sessions that are live now. */
static enum db_result
add_person(struct request *r, struct json_object *array, const struct account *a)
{
	struct session list[SESSIONS_SHOWN + 1];
	struct json_object *o = json_new_object(), *sessions = json_new_array();
	int count;
	enum db_result res = live_sessions(r, a, SESSIONS_SHOWN + 1, list, &count);

	show_person(o, a, count > 0);
	for (int i = 0; i < count && i < SESSIONS_SHOWN; i++) {
		struct json_object *s = json_new_object();

		json_add_text(s, "device_name", list[i].device_name);
		json_add_text(s, "session_name", list[i].session_name);
		json_add_text(s, "listen_channel", list[i].listen_channel);
		json_append(sessions, s);
	}
	json_add(o, "sessions", sessions);
	if (count > SESSIONS_SHOWN)
		json_add_bool(o, "sessions_has_more", true);
	json_append(array, o);
	return res;
}

/* The caller's own groups and the public ones, as far as `match` fits; with the first page only.
 * Where there are more, the response says so: all of one's own are in another list, and a longer
 * word to search for finds the others. */
static bool
add_groups(struct request *r, struct json_object *o, struct json_object *array, const char *match)
{
	struct group *list = arena_alloc(&r->arena, (GROUPS_SHOWN + 1) * sizeof(*list));
	char name[512];
	bool more;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_group_list(
		    r->worker->db, &r->arena, r->me.id, NULL, GROUPS_SHOWN + 1, list, &count)))
		return false;
	more = count > GROUPS_SHOWN;
	for (int i = 0; i < count && i < GROUPS_SHOWN; i++) {
		text_fold(list[i].name, name, sizeof(name));
		if (strstr(name, match))
			json_append(array, show_group(&list[i]));
	}
	if (resp_db_failed(r,
		db_group_list_public(
		    r->worker->db, &r->arena, r->me.id, match, GROUPS_SHOWN + 1, list, &count)))
		return false;
	for (int i = 0; i < count && i < GROUPS_SHOWN; i++)
		json_append(array, show_group(&list[i]));
	json_add_bool(o, "groups_has_more", more || count > GROUPS_SHOWN);
	return true;
}

/* GET directory: public people in order of address, a page at a time. */
void
on_directory_get(struct request *r)
{
	const struct in_page *in = r->in;
	int limit = (int)in->limit, count = 0;
	struct account *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *o, *users, *groups;
	char match[512] = "";
	enum db_result res;

	text_fold(in->q ? in->q : "", match, sizeof(match));
	if (!list)
		return;
	res = db_account_list_public(
	    r->worker->db, &r->arena, match, in->after ? in->after : "", limit + 1, list, &count);
	if (resp_db_failed(r, res))
		return;
	o = resp_ok(r, 200);
	users = json_new_array();
	groups = json_new_array();
	json_add(o, "users", users);
	json_add(o, "groups", groups);
	if (!(in->after && in->after[0]) && !add_groups(r, o, groups, match))
		return;
	json_add_bool(o, "has_more", count > limit);
	if (count > limit)
		json_add_text(o, "after", list[limit - 1].chat_address);
	for (int i = 0; i < count && i < limit; i++)
		if (resp_db_failed(r, add_person(r, users, &list[i])))
			return;
	resp_etag(r, NULL);
}

/* Somebody whom the caller may see. Where nobody has the address, the same is looked through as for
 * somebody hidden: neither words nor time tell them apart. DB_ROW or DB_NONE. */
static enum db_result
find_met(struct request *r, const char *address, struct account *out)
{
	enum db_result res = db_account_by_address(r->worker->db, &r->arena, address, out);

	if (res != DB_ROW && res != DB_NONE)
		return res;
	if (res == DB_ROW && (out->id == r->me.id || account_is_listed(out)))
		return res;
	return db_account_met(r->worker->db, r->me.id, res == DB_ROW ? out->id : 0);
}

/* GET users/<chat_address>: one person, whom the directory shows or the caller has met. */
void
on_user_get(struct request *r)
{
	struct account a = { .id = 0 };
	struct session session;
	int count = 0;
	enum db_result res = find_met(r, r->args[0], &a);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE) {
		resp_field_error(r, 404, "unknown_recipient", "chat_address",
		    "Nobody whom you may see has this chat address.");
		return;
	}
	if (!resp_db_failed(r, live_sessions(r, &a, 1, &session, &count)))
		show_person(resp_ok(r, 200), &a, count > 0);
}
