/* Push subscriptions. A row is of one session and goes with it. */
#include "subscription.h"

#include "db_internal.h"

static enum db_result
put(struct db *db, int64_t session_id, int64_t account_id, const char *endpoint)
{
	enum db_result r = db_exec(db, ST_PUSH_FORGET, account_id, endpoint, session_id);

	/* a browser that signed in anew has the same address as before */
	return db_failed(r) ? r : db_exec(db, ST_PUSH_PUT, session_id, account_id, endpoint);
}

enum db_result
db_push_put(struct db *db, int64_t session_id, int64_t account_id, const char *endpoint)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, put(db, session_id, account_id, endpoint)) : r;
}

/* A write of one statement, which may find nothing to change. */
static enum db_result
ended(struct db *db, enum db_result r)
{
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_push_delete(struct db *db, int64_t session_id)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? ended(db, db_exec(db, ST_PUSH_DELETE, session_id)) : r;
}

enum db_result
db_push_list(struct db *db, struct arena *a, int64_t account_id, int limit, char **out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_PUSH_LIST, account_id, (int64_t)limit);
	enum db_result r;
	bool ok = true;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		out[(*count)++] = db_text(st, 0, a, &ok);
	return ok ? r : DB_FAIL;
}

enum db_result
db_push_due(struct db *db, struct arena *a, int64_t now, int64_t upto, int limit,
    struct push_due *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_PUSH_DUE, now, upto, (int64_t)limit);
	enum db_result r;
	bool ok = true;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct push_due *p = &out[(*count)++];

		p->session_id = db_i64(st, 0);
		p->account_id = db_i64(st, 1);
		p->endpoint = db_text(st, 2, a, &ok);
		p->tries = db_int(st, 3);
	}
	return ok ? r : DB_FAIL;
}

enum db_result
db_push_pause(struct db *db, int64_t account_id, int64_t until)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? ended(db, db_exec(db, ST_PUSH_PAUSE, account_id, until)) : r;
}

enum db_result
db_push_notified(struct db *db, const struct push_due *p, int64_t upto)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ?
	    ended(db, db_exec(db, ST_PUSH_NOTIFIED, p->session_id, p->endpoint, upto)) :
	    r;
}

enum db_result
db_push_failed(struct db *db, const struct push_due *p, int64_t until)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ?
	    ended(db, db_exec(db, ST_PUSH_FAILED, p->session_id, p->endpoint, until)) :
	    r;
}

enum db_result
db_push_drop(struct db *db, const struct push_due *p)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? ended(db, db_exec(db, ST_PUSH_DROP, p->session_id, p->endpoint)) : r;
}

enum db_result
db_push_newest(struct db *db, int64_t *seq)
{
	return db_number(db, db_bind(db, ST_NEWEST_AT), seq);
}
