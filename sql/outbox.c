/* The outbox, and the operator's counts. */
#include "outbox.h"

#include "db_internal.h"

static bool
read_mail(sqlite3_stmt *st, struct arena *a, struct outbox_mail *out)
{
	bool ok = true;

	*out = (struct outbox_mail){ .id = sqlite3_column_int64(st, 0) };
	out->recipient = db_text(st, 1, a, &ok);
	out->subject = db_text(st, 2, a, &ok);
	out->body = db_text(st, 3, a, &ok);
	out->tries = sqlite3_column_int(st, 4);
	out->created_at = sqlite3_column_int64(st, 5);
	return ok;
}

static enum db_result
next_time(struct db *db, int64_t *next_at)
{
	sqlite3_stmt *st = db_bind(db, ST_OUTBOX_NEXT_AT, "");
	enum db_result r = db_step(db, st);

	*next_at = 0;
	if (r != DB_ROW)
		return r == DB_DONE ? DB_NONE : r;
	*next_at = sqlite3_column_int64(st, 0);
	db_reset(st);
	return DB_NONE;
}

static enum db_result
write_one(struct db *db, enum stmt which, int64_t value)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, db_exec(db, which, "i", value)) : r;
}

enum db_result
db_outbox_due(
    struct db *db, struct arena *a, int64_t now, struct outbox_mail *out, int64_t *next_at)
{
	enum db_result r = next_time(db, next_at);
	sqlite3_stmt *st;

	if (db_failed(r) || *next_at == 0 || *next_at > now)
		return r;
	r = write_one(db, ST_OUTBOX_EXPIRE, now);
	if (db_failed(r))
		return r;
	st = db_bind(db, ST_OUTBOX_DUE, "i", now);
	r = db_step(db, st);
	if (r != DB_ROW)
		return r == DB_DONE ? next_time(db, next_at) : r;
	if (!read_mail(st, a, out))
		r = DB_FAIL;
	db_reset(st);
	return r;
}

enum db_result
db_outbox_sent(struct db *db, int64_t id)
{
	return write_one(db, ST_OUTBOX_DELETE, id);
}

enum db_result
db_outbox_retry(struct db *db, int64_t id, int64_t next_try_at, const char *reason)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ?
	    db_end(db, db_exec(db, ST_OUTBOX_RETRY, "iit", id, next_try_at, reason)) :
	    r;
}

enum db_result
db_outbox_list(
    struct db *db, struct arena *a, int64_t after, int limit, struct outbox_mail *out, int *count)
{
	sqlite3_stmt *st = db_bind(db, ST_OUTBOX_LIST, "ii", after, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct outbox_mail *m = &out[(*count)++];
		bool ok = read_mail(st, a, m);

		m->next_try_at = sqlite3_column_int64(st, 6);
		m->last_error = db_text(st, 7, a, &ok);
		if (!ok) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

enum db_result
db_stats(struct db *db, int64_t now, struct db_figures *out)
{
	sqlite3_stmt *st = db_bind(db, ST_STATS, "i", now);
	int64_t *const fields[] = { &out->accounts, &out->sessions, &out->messages,
		&out->undelivered, &out->mails, &out->access_requests, &out->groups };
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	for (int i = 0; i < (int)(sizeof(fields) / sizeof(fields[0])); i++)
		*fields[i] = sqlite3_column_int64(st, i);
	db_reset(st);
	return r;
}
