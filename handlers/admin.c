/* What admins of the relay see and do; every deed goes to the audit log. */
#include "audit.h"
#include "day.h"
#include "handlers.h"
#include "inputs.h"
#include "outbox.h"
#include "resp.h"
#include "show.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define DAYS_SHOWN 30
#define DAY_MS INT64_C(86400000)

/* A user as admins see them. NULL: it responded with an error. */
static struct json_object *
show_account(struct request *r, const struct account *a)
{
	int64_t seen_at = 0;
	struct json_object *o;

	if (resp_db_failed(r, db_session_last_seen(r->worker->db, a->id, &seen_at)))
		return NULL;
	o = show_user(a);
	json_add_bool(o, "blocked", a->blocked);
	json_add_bool(o, "hidden", a->hidden);
	if (seen_at)
		json_add_int(o, "last_seen_at", seen_at);
	return o;
}

/* GET admin/users: in order of address, a page at a time; q matches names, addresses and e-mails.
 */
void
on_admin_users(struct request *r)
{
	const struct in_page *in = r->in;
	int limit = (int)in->limit, count = 0;
	struct account *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *o, *array;
	char match[512];

	text_fold(in->q ? in->q : "", match, sizeof(match));
	if (!list ||
	    resp_db_failed(r,
		db_account_list(r->worker->db, &r->arena, match, in->after ? in->after : "",
		    limit + 1, list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "users", array);
	json_add_bool(o, "has_more", count > limit);
	if (count > limit)
		json_add_text(o, "after", list[limit - 1].chat_address);
	for (int i = 0; i < count && i < limit; i++) {
		struct json_object *user = show_account(r, &list[i]);

		if (!user) /* and the array went with the response that it was part of */
			return;
		json_append(array, user);
	}
}

/* POST admin/users/<chat_address>: promote, demote, block, unblock, hide or unhide; a blocked
 * user's sessions end at once. */
void
on_admin_user_post(struct request *r)
{
	const struct in_action *in = r->in;
	struct json_object *user;
	struct account who;
	enum account_result result;
	enum db_result res = db_account_act(r->worker->db, &r->arena, r->args[0], in->action,
	    r->me.chat_address, r->now, &who, &result);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE) {
		resp_error(r, 404, "unknown_user", "Nobody has this chat address.");
		return;
	}
	if (result == ACCOUNT_LAST_ADMIN) {
		resp_error(
		    r, 409, "last_admin", "The relay needs an admin: promote another one first.");
		return;
	}
	user = show_account(r, &who);
	if (user)
		json_add(resp_ok(r, 200), "user", user);
}

static void
add_days(struct json_object *o, const struct day_figures *list, int count)
{
	struct json_object *array = json_new_array();

	for (int i = 0; i < count; i++) {
		struct json_object *day = json_new_object();

		json_add_int(day, "starts_at", list[i].starts_at);
		json_add_int(day, "messages", list[i].messages);
		json_add_int(day, "users", list[i].users);
		json_add_int(day, "accounts", list[i].accounts);
		json_append(array, day);
	}
	json_add(o, "days", array);
}

/* GET admin/stats: counts, and what the last weeks came to. */
void
on_admin_stats(struct request *r)
{
	struct day_figures days[DAYS_SHOWN];
	struct db_figures f;
	struct json_object *o;
	int count = 0;

	if (resp_db_failed(r, db_stats(r->worker->db, r->now, &f)) ||
	    resp_db_failed(r,
		db_day_list(r->worker->db, r->now - DAYS_SHOWN * DAY_MS, DAYS_SHOWN, days, &count)))
		return;
	o = resp_ok(r, 200);
	json_add_int(o, "accounts", f.accounts);
	json_add_int(o, "sessions", f.sessions);
	json_add_int(o, "groups", f.groups);
	json_add_int(o, "messages", f.messages);
	json_add_int(o, "undelivered", f.undelivered);
	json_add_int(o, "mails", f.mails);
	json_add_int(o, "access_requests", f.access_requests);
	add_days(o, days, count);
}

/* GET admin/audit: newest first, a page at a time. */
void
on_admin_audit(struct request *r)
{
	const struct in_page *in = r->in;
	int limit = (int)in->limit, count = 0;
	struct audit_entry *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *o, *array;
	int64_t before = in->after && in->after[0] ? strtoll(in->after, NULL, 10) : 0;
	char cursor[24];

	if (!list ||
	    resp_db_failed(
		r, db_audit_list(r->worker->db, &r->arena, before, limit + 1, list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "entries", array);
	json_add_bool(o, "has_more", count > limit);
	if (count > limit) {
		snprintf(cursor, sizeof(cursor), "%lld", (long long)list[limit - 1].id);
		json_add_text(o, "after", cursor);
	}
	for (int i = 0; i < count && i < limit; i++) {
		struct json_object *item = json_new_object();

		json_add_int(item, "at", list[i].at);
		json_add_text(item, "actor", list[i].actor);
		json_add_text(item, "action", list[i].action);
		json_add_text(item, "target", list[i].target);
		json_append(array, item);
	}
}
