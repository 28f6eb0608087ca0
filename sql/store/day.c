/* Figures of days. */
#include "day.h"

#include "db_internal.h"

#define DAY_MS INT64_C(86400000)
#define DAYS_KEPT 400
#define MESSAGES_AT_ONCE INT64_C(5000)

/* Up to which message they were counted, and up to which the next step goes. DB_ROW. */
static enum db_result
next_step(struct db *db, int64_t *from, int64_t *until)
{
	enum db_result r = db_number(db, db_bind(db, ST_DAY_COUNTED), from);

	if (r == DB_ROW)
		r = db_number(db, db_bind(db, ST_DAY_NEXT, *from, MESSAGES_AT_ONCE), until);
	return r == DB_NONE ? DB_FAIL : r;
}

/* Within a write. */
static enum db_result
count_step(struct db *db)
{
	int64_t from = 0, until = 0;
	enum db_result r = next_step(db, &from, &until);

	if (r != DB_ROW || until <= from)
		return r == DB_ROW ? DB_NONE : r;
	r = db_exec(db, ST_DAY_ADD, from, until);
	return db_failed(r) ? r : db_exec(db, ST_DAY_COUNTED_SET, until);
}

/* Whether there is anything to count is found out without the writers' lock. */
enum db_result
db_day_count(struct db *db)
{
	int64_t from = 0, until = 0;
	enum db_result r = next_step(db, &from, &until);

	if (r != DB_ROW || until <= from)
		return r == DB_ROW ? DB_NONE : r;
	r = db_begin(db);
	return r == DB_DONE ? db_end(db, count_step(db)) : r;
}

static enum db_result
note(struct db *db, int64_t day)
{
	enum db_result r = db_exec(db, ST_DAY_PEOPLE, day, day * DAY_MS);

	if (!db_failed(r))
		r = db_exec(db, ST_DAY_DROP, day - DAYS_KEPT);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
db_day_note(struct db *db, int64_t now)
{
	const int64_t day = now / DAY_MS;
	enum db_result r = db_find(db, ST_DAY_DUE, day, day * DAY_MS, day - DAYS_KEPT);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = db_begin(db);
	return r == DB_DONE ? db_end(db, note(db, day)) : r;
}

enum db_result
db_day_list(struct db *db, int64_t since, int limit, struct day_figures *out, int *count)
{
	struct db_stmt *st =
	    db_bind(db, ST_DAY_LIST, (since + DAY_MS - 1) / DAY_MS, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		out[(*count)++] = (struct day_figures){ .starts_at = db_i64(st, 0) * DAY_MS,
			.messages = db_i64(st, 1),
			.users = db_i64(st, 2),
			.accounts = db_i64(st, 3) };
	return r;
}
