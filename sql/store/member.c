/* Members of groups: joining, leaving, roles, and the requests to join. */
#include "group.h"

#include "record_internal.h"
#include "group_internal.h"

static enum db_result
recount(struct db *db, enum db_result r, int64_t group_id)
{
	return db_failed(r) ? r : db_exec_async(db, ST_GROUP_COUNT, group_id);
}

static enum db_result
forget_request(struct db *db, int64_t group_id, int64_t account_id)
{
	return db_exec_async(db, ST_JOIN_DELETE, group_id, account_id);
}

/* The invitations of somebody who may no longer invite go with them. */
static enum db_result
take_back_invites(struct db *db, int64_t group_id, int64_t account_id)
{
	enum db_result r = db_exec_async(db, ST_INVITE_TAKE_BACK, group_id, account_id);

	return r == DB_DONE ? db_exec_async(db, ST_ADMISSION_TAKE_BACK, group_id, account_id) : r;
}

/* The role that an account has in a group, GROUP_NOBODY for none. DB_DONE. */
static enum db_result
role_of(struct db *db, int64_t group_id, int64_t account_id, enum group_role *role)
{
	struct db_stmt *st = db_bind(db, ST_MEMBER_GET, group_id, account_id);
	enum db_result r = db_step(db, st);

	*role = GROUP_NOBODY;
	if (r != DB_ROW)
		return r;
	*role = (enum group_role)db_int(st, 0);
	db_reset(st);
	return DB_DONE;
}

enum db_result
group_put_in(struct db *db, struct group *g, const struct account *who, const struct account *by,
    enum group_role role, int64_t now, enum group_result *result)
{
	const struct group_event event = {
		.type = FACT_JOINED, .who = who, .by = by, .role = role
	};
	enum group_role before;
	enum db_result r = role_of(db, g->id, who->id, &before);

	if (r != DB_DONE || before != GROUP_NOBODY)
		return r;
	if (g->member_count >= GROUP_MEMBERS_MAX) {
		*result = GROUP_FULL;
		return DB_DONE;
	}
	r = db_exec(db, ST_MEMBER_PUT, g->id, who->id, (int64_t)role, now);
	if (r != DB_DONE)
		return r == DB_NONE ? DB_DONE : r;
	r = db_exec_async(db, ST_INVITE_DELETE, g->id, who->id);
	if (!db_failed(r))
		r = recount(db, forget_request(db, g->id, who->id), g->id);
	if (r == DB_DONE)
		r = record_changed(db, who->id, SUBJECT_GROUPS);
	return r == DB_DONE ? group_notify(db, g, &event, now) : r;
}

enum db_result
group_take_out(struct db *db, const struct group *g, int64_t account_id)
{
	enum db_result r = db_exec_async(db, ST_MEMBER_FORGET_STREAM, account_id, g->id);

	if (!db_failed(r))
		r = db_exec_async(db, ST_MEMBER_FORGET_DELIVERY, account_id, g->id);
	if (!db_failed(r))
		r = db_exec_async(db, ST_MEMBER_DELETE, g->id, account_id);
	if (!db_failed(r))
		r = take_back_invites(db, g->id, account_id);
	if (!db_failed(r))
		r = record_changed(db, account_id, SUBJECT_GROUPS);
	return recount(db, r, g->id);
}

/* True in *last when nobody else owns the group. DB_DONE. */
static enum db_result
is_last_owner(struct db *db, int64_t group_id, enum group_role role, bool *last)
{
	struct db_stmt *st;
	enum db_result r;

	*last = false;
	if (role != GROUP_OWNER)
		return DB_DONE;
	st = db_bind(db, ST_GROUP_OWNERS, group_id);
	r = db_step(db, st);
	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*last = db_i64(st, 0) == 1;
	db_reset(st);
	return DB_DONE;
}

/* Notes the request once, notifies those who decide, and finds its id. */
static enum db_result
ask(struct db *db, const struct group *g, const struct group_act *act,
    uint8_t request_id[static ID_BYTES])
{
	const struct group_event event = { .type = FACT_REQUESTED,
		.who = act->actor,
		.by = act->actor,
		.request = request_id,
		.least_role = GROUP_ADMIN };
	struct db_stmt *st;
	enum db_result r;

	id_make(request_id);
	r = db_exec(db, ST_JOIN_PUT, &(struct db_blob){ request_id, ID_BYTES }, g->id,
	    act->actor->id, act->now);
	if (r == DB_DONE) {
		r = record_changed(db, act->actor->id, SUBJECT_GROUPS);
		return r == DB_DONE ? group_notify(db, g, &event, act->now) : r;
	}
	if (r != DB_NONE)
		return r;
	st = db_bind(db, ST_JOIN_OWN, g->id, act->actor->id);
	r = db_step(db, st);
	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	r = db_blob(st, 0, request_id, ID_BYTES) ? DB_DONE : DB_FAIL;
	db_reset(st);
	return r;
}

enum db_result
db_group_join(struct db *db, struct arena *a, const struct group_act *act,
    uint8_t request_id[static ID_BYTES], enum group_result *result)
{
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_NOBODY, &g, result);
	if (r == DB_ROW && g.role != GROUP_NOBODY) {
		r = DB_DONE;
	} else if (r == DB_ROW && g.is_open) {
		r = group_put_in(db, &g, act->actor, act->actor, GROUP_MEMBER, act->now, result);
	} else if (r == DB_ROW) {
		*result = GROUP_REQUESTED;
		r = ask(db, &g, act, request_id);
	}
	return db_end(db, r);
}

/* Also of a group that has become a private one since. */
static enum db_result
take_back(struct db *db, struct arena *a, const struct group_act *act, enum group_result *result)
{
	struct group g;
	enum db_result r = db_group_get(db, a, act->group_id, act->actor->id, &g);

	*result = GROUP_UNKNOWN;
	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = db_exec(db, ST_JOIN_DELETE, g.id, act->actor->id);
	if (r == DB_NONE) {
		*result = g.role == GROUP_NOBODY && !g.is_public ? GROUP_UNKNOWN : GROUP_NO_REQUEST;
		return DB_DONE;
	}
	*result = GROUP_OK;
	return r == DB_DONE ? record_changed(db, act->actor->id, SUBJECT_GROUPS) : r;
}

enum db_result
db_join_take_back(
    struct db *db, struct arena *a, const struct group_act *act, enum group_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, take_back(db, a, act, result)) : r;
}

static enum db_result
leave(struct db *db, const struct group *g, const struct group_act *act, enum group_result *result)
{
	const struct group_event event = { .type = FACT_LEFT, .who = act->actor, .by = act->actor };
	bool last;
	enum db_result r = is_last_owner(db, g->id, g->role, &last);

	if (r != DB_DONE)
		return r;
	if (last && g->member_count > 1) {
		*result = GROUP_LAST_OWNER;
		return DB_DONE;
	}
	if (last) {
		*result = GROUP_DELETED;
		return group_remove(db, g, act->actor, act->now);
	}
	r = group_take_out(db, g, act->actor->id);
	return r == DB_DONE ? group_notify(db, g, &event, act->now) : r;
}

enum db_result
db_group_leave(
    struct db *db, struct arena *a, const struct group_act *act, enum group_result *result)
{
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_MEMBER, &g, result);
	return db_end(db, r == DB_ROW ? leave(db, &g, act, result) : r);
}

/* Who asked to join is let in; anybody else is invited. */
static enum db_result
add(struct db *db, struct group *g, const struct account *who, enum group_role role,
    const struct group_act *act, enum group_result *result)
{
	enum group_role before;
	enum db_result r = role_of(db, g->id, who->id, &before);

	if (r != DB_DONE || before != GROUP_NOBODY)
		return r;
	r = db_find(db, ST_JOIN_OWN, g->id, who->id);
	if (r == DB_ROW)
		return group_put_in(db, g, who, act->actor, role, act->now, result);
	if (r != DB_NONE)
		return r;
	*result = GROUP_INVITED;
	return invite_put(db, g, who, act->actor, role, act->now);
}

enum db_result
db_member_add(struct db *db, struct arena *a, const struct group_act *act, const char *address,
    enum group_role role, enum group_result *result)
{
	struct account who;
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, role >= GROUP_ADMIN ? GROUP_OWNER : GROUP_ADMIN, &g, result);
	if (r != DB_ROW)
		return db_end(db, r);
	r = db_account_by_address(db, a, address, &who);
	if (r == DB_NONE || (r == DB_ROW && who.blocked)) {
		*result = GROUP_NO_ACCOUNT;
		r = DB_DONE;
	} else if (r == DB_ROW) {
		r = add(db, &g, &who, role, act, result);
	}
	return db_end(db, r);
}

/* Who put them out is the members' affair: it is not disclosed to the member. */
static enum db_result
put_out(
    struct db *db, const struct group *g, const struct account *who, const struct group_act *act)
{
	struct group_event event = { .type = FACT_REMOVED, .who = who, .by = act->actor };
	enum db_result r = group_take_out(db, g, who->id);

	if (r == DB_DONE)
		r = group_notify(db, g, &event, act->now);
	event.by = NULL;
	event.only = who->id;
	return r == DB_DONE ? group_notify(db, g, &event, act->now) : r;
}

static enum db_result
give_role(struct db *db, const struct group *g, const struct account *who, enum group_role role,
    const struct group_act *act)
{
	const struct group_event event = {
		.type = FACT_ROLE, .who = who, .by = act->actor, .role = role
	};
	enum db_result r = db_exec(db, ST_MEMBER_ROLE, g->id, who->id, (int64_t)role);

	if (r == DB_DONE && role < GROUP_ADMIN)
		r = take_back_invites(db, g->id, who->id);
	if (!db_failed(r))
		r = record_changed(db, who->id, SUBJECT_GROUPS);
	return r == DB_DONE ? group_notify(db, g, &event, act->now) : r;
}

/* Owners and admins are made and unmade by owners alone, and one owner always stays. */
static enum db_result
set_member(struct db *db, const struct group *g, const struct account *who, enum group_role role,
    const struct group_act *act, enum group_result *result)
{
	enum group_role before;
	bool last = false;
	enum db_result r = role_of(db, g->id, who->id, &before);

	if (r == DB_DONE)
		r = is_last_owner(db, g->id, before, &last);
	if (r != DB_DONE)
		return r;
	if (before == GROUP_NOBODY)
		*result = GROUP_NO_MEMBER;
	else if ((before >= GROUP_ADMIN || role >= GROUP_ADMIN) && g->role != GROUP_OWNER)
		*result = GROUP_NEEDS_OWNER;
	else if (last && role != GROUP_OWNER)
		*result = GROUP_LAST_OWNER;
	if (*result != GROUP_OK || before == role)
		return DB_DONE;
	return role == GROUP_NOBODY ? put_out(db, g, who, act) : give_role(db, g, who, role, act);
}

enum db_result
db_member_set(struct db *db, struct arena *a, const struct group_act *act, const char *address,
    enum group_role role, enum group_result *result)
{
	struct account who;
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_ADMIN, &g, result);
	if (r != DB_ROW)
		return db_end(db, r);
	r = db_account_by_address(db, a, address, &who);
	if (r == DB_NONE) {
		*result = GROUP_NO_MEMBER;
		r = DB_DONE;
	}
	return db_end(db, r == DB_ROW ? set_member(db, &g, &who, role, act, result) : r);
}

enum db_result
db_member_list(struct db *db, struct arena *a, int64_t group_id, const char *after, int limit,
    struct group_member *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_MEMBER_LIST, group_id, after, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct group_member *m = &out[(*count)++];

		m->chat_address = db_text(st, 0, a, &ok);
		m->display_name = db_text(st, 1, a, &ok);
		m->role = (enum group_role)db_int(st, 2);
		m->joined_at = db_i64(st, 3);
	}
	return ok ? r : DB_FAIL;
}

enum db_result
db_member_group(
    struct db *db, int64_t group_id, int64_t account_id, uint8_t public_id[static ID_BYTES])
{
	struct db_stmt *st = db_bind(db, ST_MEMBER_GROUP, group_id, account_id);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	r = db_blob(st, 0, public_id, ID_BYTES) ? DB_ROW : DB_FAIL;
	db_reset(st);
	return r;
}

enum db_result
db_join_list(struct db *db, struct arena *a, int64_t group_id, int64_t after, int limit,
    struct join_request *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_JOIN_LIST, group_id, after, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct join_request *q = &out[(*count)++];

		ok = db_blob(st, 0, q->public_id, ID_BYTES) && ok;
		q->chat_address = db_text(st, 1, a, &ok);
		q->display_name = db_text(st, 2, a, &ok);
		q->created_at = db_i64(st, 3);
		q->id = db_i64(st, 4);
	}
	return ok ? r : DB_FAIL;
}

/* The account behind a pending request: DB_ROW or DB_NONE. */
static enum db_result
find_request(struct db *db, struct arena *a, int64_t group_id,
    const uint8_t request_id[static ID_BYTES], struct account *who)
{
	struct db_stmt *st =
	    db_bind(db, ST_JOIN_GET, group_id, &(struct db_blob){ request_id, ID_BYTES });
	char *address = NULL;
	int64_t id;
	enum db_result r = db_number(db, st, &id);

	if (r != DB_ROW)
		return r;
	r = db_account_address(db, a, id, &address);
	return r == DB_ROW ? db_account_by_address(db, a, address, who) : r;
}

/* Who turned somebody down is not disclosed. */
static enum db_result
decide(struct db *db, struct group *g, const struct account *who, bool approve,
    const struct group_act *act, enum group_result *result)
{
	const struct group_event event = { .type = approve ? FACT_APPROVED : FACT_REJECTED,
		.who = who,
		.by = approve ? act->actor : NULL,
		.only = who->id };
	enum db_result r = approve ?
	    group_put_in(db, g, who, act->actor, GROUP_MEMBER, act->now, result) :
	    forget_request(db, g->id, who->id);

	return r == DB_DONE && *result == GROUP_OK ? group_notify(db, g, &event, act->now) : r;
}

enum db_result
db_join_decide(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t request_id[static ID_BYTES], bool approve, enum group_result *result)
{
	struct account who;
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_ADMIN, &g, result);
	if (r != DB_ROW)
		return db_end(db, r);
	r = find_request(db, a, g.id, request_id, &who);
	if (r == DB_NONE) {
		*result = GROUP_NO_REQUEST;
		r = DB_DONE;
	}
	return db_end(db, r == DB_ROW ? decide(db, &g, &who, approve, act, result) : r);
}
