/* Groups: making, finding, changing, deleting. */
#include "group.h"

#include "audit.h"
#include "record_internal.h"
#include "cleanup.h"
#include "group_internal.h"
#include "text.h"
#include "account_internal.h"
#include "channel.h"
#include "post.h"
#include "search.h"

#include <stdio.h>
#include <string.h>

static const char *const role_names[] = { "member", "writer", "admin", "owner" };

const char *
group_role_name(enum group_role role)
{
	return role_names[role];
}

enum group_role
group_role_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
		if (strcmp(role_names[i], name) == 0)
			return (enum group_role)i;
	return GROUP_NOBODY;
}

bool
group_read(struct db_stmt *st, struct arena *a, struct group *out)
{
	bool ok = true;

	*out = (struct group){ .id = db_i64(st, GROUP_ID_COLUMN) };
	if (!db_blob(st, GROUP_PUBLIC_ID_COLUMN, out->public_id, ID_BYTES))
		return false;
	out->name = db_text(st, GROUP_NAME_COLUMN, a, &ok);
	out->description = db_text(st, GROUP_DESCRIPTION_COLUMN, a, &ok);
	out->is_public = db_int(st, GROUP_IS_PUBLIC_COLUMN);
	out->is_stream = db_int(st, GROUP_IS_STREAM_COLUMN);
	out->is_open = db_int(st, GROUP_IS_OPEN_COLUMN);
	out->member_count = db_i64(st, GROUP_MEMBER_COUNT_COLUMN);
	out->created_at = db_i64(st, GROUP_CREATED_AT_COLUMN);
	out->role = db_is_null(st, GROUP_COLUMN_COUNT) ?
	    GROUP_NOBODY :
	    (enum group_role)db_int(st, GROUP_COLUMN_COUNT);
	out->is_asked = db_blob(st, GROUP_COLUMN_COUNT + 1, out->my_request, ID_BYTES);
	return ok;
}

static enum db_result
read_one(struct db *db, struct db_stmt *st, struct arena *a, struct group *out)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	if (!group_read(st, a, out))
		r = DB_FAIL;
	db_reset(st);
	return r;
}

static enum db_result
read_list(struct db *db, struct db_stmt *st, struct arena *a, struct group *out, int *count)
{
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if (!group_read(st, a, &out[(*count)++])) {
			db_reset(st);
			return DB_FAIL;
		}
	return r;
}

enum db_result
db_group_get(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, struct group *out)
{
	return read_one(db,
	    db_bind(db, ST_GROUP_GET, &(struct db_blob){ public_id, ID_BYTES }, account_id), a,
	    out);
}

enum db_result
db_group_list(struct db *db, struct arena *a, int64_t account_id, const uint8_t *after, int limit,
    struct group *out, int *count)
{
	const struct db_blob from = { after, ID_BYTES };

	return read_list(db,
	    db_bind(db, ST_GROUP_LIST, account_id, after ? &from : NULL, (int64_t)limit), a, out,
	    count);
}

enum db_result
db_group_list_public(struct db *db, struct arena *a, int64_t account_id, const char *match,
    int limit, struct group *out, int *count)
{
	const char *pattern = search_like(a, match);

	if (!pattern)
		return DB_FAIL;
	return read_list(db, db_bind(db, ST_GROUP_LIST_PUBLIC, account_id, pattern, (int64_t)limit),
	    a, out, count);
}

enum db_result
group_open(struct db *db, struct arena *a, const struct group_act *act, enum group_role need,
    struct group *g, enum group_result *result)
{
	enum db_result r = db_group_get(db, a, act->group_id, act->actor->id, g);

	*result = r == DB_ROW ? GROUP_OK : GROUP_UNKNOWN;
	if (r != DB_ROW)
		return db_failed(r) ? r : DB_DONE;
	if (g->role == GROUP_NOBODY && !g->is_public)
		*result = GROUP_UNKNOWN;
	else if (g->role < need)
		*result = need == GROUP_OWNER ? GROUP_NEEDS_OWNER :
		    need == GROUP_MEMBER      ? GROUP_NO_MEMBER :
						GROUP_NEEDS_ADMIN;
	return *result == GROUP_OK ? DB_ROW : DB_DONE;
}

enum db_result
group_notify(struct db *db, const struct group *g, const struct group_event *event, int64_t now)
{
	char id[ID_TEXT_BYTES];
	const struct account *who = event->who;
	struct fact fact = { .type = event->type,
		.role = fact_has_role(event->type) ? event->role : GROUP_NOBODY,
		.about_id = who->id,
		.actor_id = !event->by       ? 0 :
		    event->by->id == who->id ? FACT_BY_THEMSELVES :
					       event->by->id,
		.address = who->chat_address,
		.name = who->id ? account_name(who) : "",
		.group_name = event->type == FACT_INVITED ? g->name : "",
		.has_request = event->request };
	struct message_new m = { .channel = CHANNEL_CHAT,
		.kind = "system",
		.destination = id,
		.fact = &fact,
		.now = now };

	if (event->only)
		m.to = (struct message_target){ TARGET_ACCOUNT, .account = { .id = event->only } };
	else
		m.to = (struct message_target){ TARGET_GROUP,
			.group = { g->id, event->least_role, event->outlives_group } };
	id_format("grp_", g->public_id, id);
	if (event->request)
		memcpy(fact.request, event->request, ID_BYTES);
	return post_put(db, &m);
}

/* DB_NONE of a change that changed nothing is fine. */
static enum db_result
fine(enum db_result r)
{
	return r == DB_NONE ? DB_DONE : r;
}

static enum db_result
create(struct db *db, struct group *g, const struct account *owner, int64_t now)
{
	char key[512];
	struct db_stmt *st;
	enum db_result r;

	id_make(g->public_id);
	g->created_at = now;
	g->member_count = 1;
	g->role = GROUP_OWNER;
	text_fold(g->name, key, sizeof(key));
	st = db_bind(db, ST_GROUP_INSERT, &(struct db_blob){ g->public_id, ID_BYTES }, g->name,
	    g->description, key, (int64_t)g->is_public, (int64_t)g->is_stream, (int64_t)g->is_open,
	    now);
	r = db_step(db, st);
	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	g->id = db_i64(st, 0);
	db_reset(st);
	r = db_exec_async(db, ST_MEMBER_PUT, g->id, owner->id, (int64_t)GROUP_OWNER, now);
	if (r == DB_DONE)
		r = db_exec_async(db, ST_GROUP_COUNT, g->id);
	return r == DB_DONE ? record_changed(db, owner->id, SUBJECT_GROUPS) : r;
}

enum db_result
db_group_create(struct db *db, struct group *g, const struct account *owner, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, create(db, g, owner, now)) : r;
}

static enum db_result
update(struct db *db, struct arena *a, const struct group_act *act,
    const struct group_change *change, struct group *g)
{
	char key[512];
	enum db_result r;

	if (change->name)
		g->name = arena_strdup(a, change->name);
	if (change->description)
		g->description = arena_strdup(a, change->description);
	if (!g->name || !g->description)
		return DB_FAIL;
	g->is_public = change->is_public < 0 ? g->is_public : change->is_public;
	g->is_stream = change->is_stream < 0 ? g->is_stream : change->is_stream;
	g->is_open = change->is_open < 0 ? g->is_open : change->is_open;
	text_fold(g->name, key, sizeof(key));
	r = db_exec(db, ST_GROUP_UPDATE, g->id, g->name, g->description, key, (int64_t)g->is_public,
	    (int64_t)g->is_stream, (int64_t)g->is_open);
	if (r != DB_DONE)
		return r;
	return group_notify(db, g,
	    &(struct group_event){ .type = FACT_UPDATED, .who = act->actor, .by = act->actor },
	    act->now);
}

enum db_result
db_group_update(struct db *db, struct arena *a, const struct group_act *act,
    const struct group_change *change, struct group *out, enum group_result *result)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_ADMIN, out, result);
	return db_end(db, r == DB_ROW ? update(db, a, act, change, out) : r);
}

/* The event of the end belongs to no group: it must outlive this one. */
enum db_result
group_remove(struct db *db, const struct group *g, const struct account *by, int64_t now)
{
	const struct group_event event = {
		.type = FACT_DELETED, .who = by, .by = by, .outlives_group = true
	};
	enum db_result r = db_exec(db, ST_GROUP_DELETE_MESSAGES, g->id);

	if (!db_failed(r))
		r = group_notify(db, g, &event, now);
	if (!db_failed(r))
		r = db_exec(db, ST_GROUP_RELEASE, g->id);
	return db_failed(r) ? r : fine(db_exec(db, ST_GROUP_DELETE, g->id));
}

enum db_result
db_group_delete(
    struct db *db, struct arena *a, const struct group_act *act, enum group_result *result)
{
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_OWNER, &g, result);
	return db_end(db, r == DB_ROW ? group_remove(db, &g, act->actor, act->now) : r);
}

static enum db_result
end_group(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    const char *actor, int64_t now)
{
	char relay[] = "relay", id[ID_TEXT_BYTES];
	const struct account operator= { .chat_address = relay };
	struct group g;
	enum db_result r = db_group_get(db, a, public_id, 0, &g);

	if (r != DB_ROW)
		return r;
	id_format("grp_", public_id, id);
	r = group_remove(db, &g, &operator, now);
	return r == DB_DONE ? audit_note(db, now, actor, "delete-group", id) : r;
}

enum db_result
db_group_end(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    const char *actor, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, end_group(db, a, public_id, actor, now)) : r;
}

enum db_result
db_group_list_all(struct db *db, struct arena *a, const char *match, int64_t after, int limit,
    struct group_overview *out, int *count)
{
	const char *pattern = search_like(a, match);
	struct db_stmt *st;
	enum db_result r;
	bool ok = true;

	*count = 0;
	if (!pattern)
		return DB_FAIL;
	st = db_bind(db, ST_GROUP_LIST_ALL, after, pattern, (int64_t)limit);
	while ((r = db_step(db, st)) == DB_ROW) {
		struct group_overview *g = &out[(*count)++];

		ok = group_read(st, a, &g->group) && ok;
		g->owner =
		    db_is_null(st, GROUP_ROW_COUNT) ? NULL : db_text(st, GROUP_ROW_COUNT, a, &ok);
		g->owners = db_i64(st, GROUP_ROW_COUNT + 1);
		g->active_at = db_i64(st, GROUP_ROW_COUNT + 2);
	}
	return ok ? r : DB_FAIL;
}

/* The next group that only `acc` owns: DB_ROW or DB_NONE. */
static enum db_result
next_owned(struct db *db, struct arena *a, const struct account *acc, struct group *g)
{
	return read_one(db, db_bind(db, ST_GROUP_OWNED, acc->id), a, g);
}

static enum db_result
transfer_ownership(struct db *db, const struct group *g, const struct account *acc, int64_t now)
{
	struct db_stmt *st = db_bind(db, ST_GROUP_SUCCESSOR, g->id, acc->id);
	enum db_result r = db_step(db, st);
	int64_t successor;

	if (r != DB_ROW)
		return r == DB_DONE ? group_remove(db, g, acc, now) : r;
	successor = db_i64(st, 0);
	db_reset(st);
	r = db_exec(db, ST_MEMBER_ROLE, g->id, successor, (int64_t)GROUP_OWNER);
	return r == DB_DONE ? record_changed(db, successor, SUBJECT_GROUPS) : r;
}

enum db_result
group_transfer_owned(struct db *db, struct arena *a, const struct account *acc, int64_t now)
{
	struct group g;
	enum db_result r;

	while ((r = next_owned(db, a, acc, &g)) == DB_ROW) {
		r = transfer_ownership(db, &g, acc, now);
		if (r != DB_DONE)
			return r == DB_NONE ? DB_FAIL : r;
	}
	return r == DB_NONE ? fine(db_exec(db, ST_GROUP_COUNT_LESS, acc->id)) : r;
}
