/* Changes, kept by the clock of the streams so that one cursor covers both. A message has one row
 * for each account that is notified of it, which moves up with every change: nothing piles up. */
#include "change_internal.h"

#include "message_internal.h"
#include "wakeup.h"
#include "seq.h"

/* Each change has a position of its own, so that pages of them can end anywhere. DB_DONE, DB_NONE:
 * no session but that one wants to be notified. */
static enum db_result
put(struct db *db, int64_t account_id, int64_t message_id, int64_t but_session)
{
	int64_t seq = 0;
	enum db_result r = seq_next(db, &seq);

	if (r == DB_ROW)
		r = db_exec(db, ST_CHANGE_PUT, account_id, message_id, seq, but_session);
	return r;
}

enum db_result
change_exec(struct db *db, enum stmt which, ...)
{
	enum db_result r, noted = DB_DONE;
	struct db_stmt *st;
	bool any = false;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	for (; (r = db_step(db, st)) == DB_ROW; any = true) {
		int64_t sender_id = db_i64(st, 0);

		wakeup_for(db, WAKE_RECEIPTS, sender_id);
		if (sender_id > 0 && !db_failed(noted))
			noted = put(db, sender_id, db_i64(st, 1), 0);
	}
	if (r != DB_DONE)
		return r;
	return db_failed(noted) ? noted : any ? DB_DONE : DB_NONE;
}

enum db_result
change_read(
    struct db *db, int64_t account_id, int64_t session_id, const uint8_t public_id[static ID_BYTES])
{
	struct db_stmt *st =
	    db_bind(db, ST_MESSAGE_NUMBER, &(struct db_blob){ public_id, ID_BYTES });
	int64_t message_id;
	enum db_result r = db_number(db, st, &message_id);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = put(db, account_id, message_id, session_id);
	if (r == DB_DONE)
		wakeup_for(db, WAKE_POLL, account_id);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
change_has_others(struct db *db, int64_t account_id, int64_t session_id)
{
	return db_find(db, ST_SESSION_OTHERS, account_id, session_id);
}

/* The one number that a statement returns. DB_DONE. */
static enum db_result
number(struct db *db, struct db_stmt *st, int64_t *out)
{
	enum db_result r = db_number(db, st, out);

	return r == DB_ROW || r == DB_NONE ? DB_DONE : r;
}

enum db_result
change_last(struct db *db, int64_t account_id, int64_t seq, int64_t *out)
{
	*out = 0;
	return number(db, db_bind(db, ST_CHANGE_LAST, account_id, seq), out);
}

enum db_result
change_cut(struct db *db, int64_t account_id, int64_t from, int64_t *upto)
{
	*upto = INT64_MAX;
	return number(db, db_bind(db, ST_CHANGE_CUT, account_id, from, (int64_t)CHANGES_MAX), upto);
}

static bool
change_row(struct db *db, struct db_stmt *st, struct change *out)
{
	struct message m = { .created_at = db_i64(st, 1) };
	bool sent = db_int(st, 2);

	if (!db_blob(st, 0, out->public_id, ID_BYTES))
		return false;
	message_receipt(db, st, 4, &m);
	out->state = sent ? m.state : DELIVERY_READ;
	out->at = !sent ? db_i64(st, 3) : m.read_at ? m.read_at : m.delivered_at;
	return true;
}

static enum db_result
read_messages(struct db *db, struct arena *a, int64_t account_id, int64_t from, int64_t upto,
    struct change_page *page)
{
	struct db_stmt *st = db_bind(db, ST_CHANGE_READ, account_id, from, upto);
	enum db_result r;

	while ((r = db_step(db, st)) == DB_ROW) {
		if (!page->list)
			page->list = arena_alloc(a, CHANGES_MAX * sizeof(*page->list));
		if (!page->list || page->count == CHANGES_MAX ||
		    !change_row(db, st, &page->list[page->count++])) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

enum db_result
change_page_read(struct db *db, struct arena *a, int64_t account_id, int64_t from, int64_t upto,
    struct change_page *page)
{
	struct db_stmt *st;
	enum db_result r = read_messages(db, a, account_id, from, upto, page);

	if (r != DB_DONE)
		return r;
	st = db_bind(db, ST_RECORDS_CHANGED, account_id, from, upto);
	while ((r = db_step(db, st)) == DB_ROW) {
		int subject = db_int(st, 0);

		if (subject >= 0 && subject < SUBJECT__MAX)
			page->subjects[subject] = true;
	}
	return r;
}
