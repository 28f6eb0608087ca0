/* Invite links. */
#include "admission.h"

#include "audit.h"
#include "db_internal.h"
#include "access_request.h"

static enum db_result
count(struct db *db, int64_t *n)
{
	struct db_stmt *st = db_bind(db, ST_ADMISSION_COUNT);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*n = db_i64(st, 0);
	db_reset(st);
	return DB_DONE;
}

static enum db_result
add(struct db *db, const uint8_t token_hash[static SECRET_HASH_BYTES], const char *actor,
    struct admission *m, enum admission_result *result)
{
	const struct db_blob id = { m->public_id, ID_BYTES },
			     hash = { token_hash, SECRET_HASH_BYTES };
	char shown[ID_TEXT_BYTES];
	int64_t n = 0;
	enum db_result r = db_exec(db, ST_ADMISSION_EXPIRE, m->created_at);

	if (!db_failed(r))
		r = count(db, &n);
	if (r != DB_DONE)
		return r;
	*result = n >= ADMISSIONS_MAX ? ADMISSION_TOO_MANY : ADMISSION_MADE;
	if (*result != ADMISSION_MADE)
		return DB_DONE;
	id_make(m->public_id);
	id_format("lnk_", m->public_id, shown);
	r = db_exec(
	    db, ST_ADMISSION_INSERT, &id, &hash, m->uses_left, m->created_at, m->expires_at);
	return r == DB_DONE ? audit_note(db, m->created_at, actor, "invite", shown) : r;
}

enum db_result
db_admission_add(struct db *db, const uint8_t token_hash[static SECRET_HASH_BYTES],
    const char *actor, struct admission *m, enum admission_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, add(db, token_hash, actor, m, result)) : r;
}

enum db_result
db_admission_list(
    struct db *db, int64_t after, int64_t now, int limit, struct admission *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_ADMISSION_LIST, after, now, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct admission *m = &out[(*count)++];

		m->id = db_i64(st, 0);
		m->uses_left = db_i64(st, 2);
		m->created_at = db_i64(st, 3);
		m->expires_at = db_i64(st, 4);
		if (!db_blob(st, 1, m->public_id, ID_BYTES)) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

static enum db_result
delete_one(struct db *db, const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now)
{
	char shown[ID_TEXT_BYTES];
	enum db_result r =
	    db_exec(db, ST_ADMISSION_DELETE, &(struct db_blob){ public_id, ID_BYTES });

	id_format("lnk_", public_id, shown);
	return r == DB_DONE ? audit_note(db, now, actor, "revoke-invite", shown) : r;
}

enum db_result
db_admission_delete(
    struct db *db, const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, delete_one(db, public_id, actor, now)) : r;
}

static enum db_result
redeem(struct db *db, struct arena *a, const uint8_t token_hash[static SECRET_HASH_BYTES],
    const char *email, int64_t now)
{
	struct access_request q;
	uint8_t id[ID_BYTES];
	enum db_result r = db_access_by_email(db, a, email, &q);

	if (db_failed(r))
		return r;
	if (r == DB_ROW && q.status != ACCESS_PENDING)
		return q.status == ACCESS_APPROVED ? DB_DONE : DB_NONE;
	r = db_exec(db, ST_ADMISSION_USE, &(struct db_blob){ token_hash, SECRET_HASH_BYTES }, now);
	if (r != DB_DONE)
		return r;
	id_make(id);
	return db_exec(db, ST_ACCESS_ADMIT, &(struct db_blob){ id, sizeof(id) }, email, now);
}

enum db_result
db_admission_redeem(struct db *db, struct arena *a,
    const uint8_t token_hash[static SECRET_HASH_BYTES], const char *email, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, redeem(db, a, token_hash, email, now)) : r;
}
