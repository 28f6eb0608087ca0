/* Invite links. */
#include "admission.h"

#include "access_request.h"
#include "audit.h"
#include "group_internal.h"

#include <string.h>

/* A new link as it is stored, by whom and for which group: 0 for the operator, and for none. */
struct order {
	const uint8_t *token_hash;
	const char *actor;
	int64_t group_id, maker_id;
	int most; /* so many may be open for the same */
};

static enum db_result
count_open(struct db *db, int64_t group_id, int64_t *n)
{
	struct db_stmt *st = db_bind(db, ST_ADMISSION_COUNT, group_id);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*n = db_i64(st, 0);
	db_reset(st);
	return DB_DONE;
}

/* What lets somebody into the relay is in the audit log. */
static enum db_result
note(struct db *db, const struct admission *m, const char *actor, const char *what, int64_t now)
{
	char shown[ID_TEXT_BYTES];

	if (!m->admits)
		return DB_DONE;
	id_format("lnk_", m->public_id, shown);
	return audit_note(db, now, actor, what, shown);
}

static enum db_result
add(struct db *db, const struct order *o, struct admission *m, bool *made)
{
	const struct db_blob id = { m->public_id, ID_BYTES },
			     hash = { o->token_hash, SECRET_HASH_BYTES };
	int64_t n = 0;
	enum db_result r = db_exec(db, ST_ADMISSION_EXPIRE, m->created_at);

	if (!db_failed(r))
		r = count_open(db, o->group_id, &n);
	*made = n < o->most;
	if (r != DB_DONE || !*made)
		return r;
	id_make(m->public_id);
	r = db_exec(db, ST_ADMISSION_INSERT, &id, &hash, m->uses_left, m->created_at, m->expires_at,
	    o->group_id, o->maker_id, (int64_t)m->admits);
	return r == DB_DONE ? note(db, m, o->actor, "invite", m->created_at) : r;
}

enum db_result
db_admission_add(struct db *db, const uint8_t token_hash[static SECRET_HASH_BYTES],
    const char *actor, struct admission *m, bool *made)
{
	const struct order o = { token_hash, actor, 0, 0, ADMISSIONS_MAX };
	enum db_result r = db_begin(db);

	m->admits = true;
	return r == DB_DONE ? db_end(db, add(db, &o, m, made)) : r;
}

static enum db_result
add_group(struct db *db, struct arena *a, const struct group_act *act, const uint8_t *token_hash,
    struct admission *m, enum group_result *result)
{
	struct group g;
	enum db_result r = group_open(db, a, act, GROUP_ADMIN, &g, result);
	const struct order o = { token_hash, act->actor->chat_address, r == DB_ROW ? g.id : 0,
		act->actor->id, ADMISSIONS_GROUP_MAX };
	bool made = false;

	if (r != DB_ROW)
		return r;
	m->has_group = true;
	memcpy(m->group, g.public_id, ID_BYTES);
	r = add(db, &o, m, &made);
	if (r == DB_DONE && !made)
		*result = GROUP_TOO_MANY_LINKS;
	return r;
}

enum db_result
db_admission_add_group(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t token_hash[static SECRET_HASH_BYTES], struct admission *m,
    enum group_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, add_group(db, a, act, token_hash, m, result)) : r;
}

static enum db_result
read_list(struct db *db, struct db_stmt *st, struct admission *out, int *count)
{
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct admission *m = &out[(*count)++];

		*m = (struct admission){ .id = db_i64(st, 0),
			.uses_left = db_i64(st, 2),
			.created_at = db_i64(st, 3),
			.expires_at = db_i64(st, 4),
			.admits = db_int(st, 5) != 0,
			.has_group = !db_is_null(st, 6) };
		if (!db_blob(st, 1, m->public_id, ID_BYTES) ||
		    (m->has_group && !db_blob(st, 6, m->group, ID_BYTES))) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

enum db_result
db_admission_list(
    struct db *db, int64_t after, int64_t now, int limit, struct admission *out, int *count)
{
	return read_list(
	    db, db_bind(db, ST_ADMISSION_LIST, after, now, (int64_t)limit), out, count);
}

enum db_result
db_admission_list_group(struct db *db, struct arena *a, const struct group_act *act, int64_t after,
    int limit, struct admission *out, int *count, enum group_result *result)
{
	struct group g;
	enum db_result r = group_open(db, a, act, GROUP_ADMIN, &g, result);

	*count = 0;
	if (r != DB_ROW)
		return r;
	return read_list(db,
	    db_bind(db, ST_ADMISSION_LIST_GROUP, after, act->now, (int64_t)limit, g.id), out,
	    count);
}

static enum db_result
delete_one(struct db *db, const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now)
{
	struct admission m = { .admits = true };
	enum db_result r =
	    db_exec(db, ST_ADMISSION_DELETE, &(struct db_blob){ public_id, ID_BYTES });

	memcpy(m.public_id, public_id, ID_BYTES);
	return r == DB_DONE ? note(db, &m, actor, "revoke-invite", now) : r;
}

enum db_result
db_admission_delete(
    struct db *db, const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, delete_one(db, public_id, actor, now)) : r;
}

enum db_result
db_admission_delete_group(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t public_id[static ID_BYTES], enum group_result *result)
{
	struct group g;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = group_open(db, a, act, GROUP_ADMIN, &g, result);
	if (r == DB_ROW)
		r = db_exec(
		    db, ST_ADMISSION_DELETE_GROUP, &(struct db_blob){ public_id, ID_BYTES }, g.id);
	if (r == DB_NONE)
		*result = GROUP_NO_INVITE;
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

/* The number of the link, and whether it is for a group, where it admits. DB_ROW or DB_NONE. */
static enum db_result
find_admitting(struct db *db, const struct db_blob *hash, int64_t now, int64_t *id, bool *has_group)
{
	struct db_stmt *st = db_bind(db, ST_ADMISSION_FOR_ADDRESS, hash, now);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	*id = db_i64(st, 0);
	*has_group = db_int(st, 1) != 0;
	db_reset(st);
	return r;
}

static enum db_result
redeem(struct db *db, struct arena *a, const uint8_t token_hash[static SECRET_HASH_BYTES],
    const char *email, int64_t now)
{
	const struct db_blob hash = { token_hash, SECRET_HASH_BYTES };
	struct access_request q;
	uint8_t id[ID_BYTES];
	int64_t link = 0;
	bool has_group = false;
	enum db_result r = db_access_by_email(db, a, email, &q);

	if (db_failed(r))
		return r;
	if (r == DB_ROW && q.status != ACCESS_PENDING)
		return q.status == ACCESS_APPROVED ? DB_DONE : DB_NONE;
	r = find_admitting(db, &hash, now, &link, &has_group);
	if (r == DB_ROW)
		r = db_exec(db, ST_ADMISSION_USE, &hash, now);
	if (r != DB_DONE)
		return r;
	id_make(id);
	return db_exec(db, ST_ACCESS_ADMIT, &(struct db_blob){ id, sizeof(id) }, email, now,
	    has_group ? link : (int64_t)0);
}

enum db_result
db_admission_redeem(struct db *db, struct arena *a,
    const uint8_t token_hash[static SECRET_HASH_BYTES], const char *email, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, redeem(db, a, token_hash, email, now)) : r;
}

/* The number of the link, if it is for this group. DB_ROW or DB_NONE. */
static enum db_result
find_for_group(struct db *db, const struct group_act *act, const struct db_blob *hash, int64_t *id)
{
	return db_number(db,
	    db_bind(db, ST_ADMISSION_FOR_GROUP, hash, &(struct db_blob){ act->group_id, ID_BYTES },
		act->now),
	    id);
}

/* DB_DONE, or DB_NONE: the link is not good. */
static enum db_result
join(struct db *db, struct arena *a, const struct group_act *act, const struct db_blob *hash,
    enum group_result *result)
{
	struct group g;
	int64_t link = 0;
	enum db_result r = find_for_group(db, act, hash, &link);

	if (r == DB_ROW)
		r = db_group_get(db, a, act->group_id, act->actor->id, &g);
	if (r != DB_ROW)
		return r;
	*result = GROUP_OK;
	if (g.role != GROUP_NOBODY)
		return DB_DONE;
	r = db_exec(db, ST_ACCESS_JOIN, act->actor->email, link);
	if (r == DB_NONE)
		r = db_exec(db, ST_ADMISSION_USE, hash, act->now);
	if (r == DB_DONE)
		r = group_put_in(db, &g, act->actor, act->actor, GROUP_MEMBER, act->now, result);
	return r == DB_DONE && *result != GROUP_OK ? DB_UNDO : r;
}

enum db_result
db_admission_join(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t token_hash[static SECRET_HASH_BYTES], enum group_result *result)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = join(db, a, act, &(struct db_blob){ token_hash, SECRET_HASH_BYTES }, result);
	if (r == DB_NONE)
		*result = GROUP_NO_INVITE;
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}
