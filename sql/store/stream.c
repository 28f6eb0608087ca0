/* Polling: one index range per poll, and no write while there is nothing new. */
#include "stream.h"

#include "change_internal.h"
#include "message_internal.h"
#include "wakeup.h"
#include "scrub.h"

/* Anything for the session after p->from? DB_ROW or DB_NONE; *group_seq is the last position that
 * its groups got for it. */
static enum db_result
probe(struct db *db, const struct poll *p, int64_t *group_seq)
{
	struct db_stmt *st = db_bind(db, ST_STREAM_PROBE, p->account_id, p->from, (int64_t)p->own);
	enum db_result r = db_step(db, st);
	bool own;

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	own = db_int(st, 0);
	*group_seq = db_i64(st, 1);
	db_reset(st);
	return own || *group_seq > p->from ? DB_ROW : DB_NONE;
}

/* The last position at or before `seq` in any of the account's streams, or of a change if the
 * session is notified of those; 0 for none. DB_DONE. */
static enum db_result
last_seq(struct db *db, const struct poll *p, int64_t seq, int64_t *out)
{
	struct db_stmt *st = db_bind(db, ST_STREAM_LAST, p->account_id, seq);
	enum db_result r = db_step(db, st);
	int64_t change = 0;

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*out = db_i64(st, 0);
	db_reset(st);
	r = p->own ? change_last(db, p->account_id, seq, &change) : DB_DONE;
	*out = change > *out ? change : *out;
	return r;
}

/* A cursor beyond what the session was noted to have been handed: when it names a position exactly,
 * it came from a response that could not be noted (nothing could be written then) and counts. Any
 * other is taken back to the last position there is: it hides nothing that comes, and confirms
 * nothing. */
static enum db_result
bound(struct db *db, struct poll *p)
{
	int64_t seq = 0;
	enum db_result r;

	if (p->from <= p->session_sent_seq)
		return DB_DONE;
	r = last_seq(db, p, p->from, &seq);
	if (seq == p->from)
		p->session_sent_seq = seq;
	p->from = seq > p->session_sent_seq ? seq : p->session_sent_seq;
	return db_failed(r) ? r : DB_DONE;
}

/* How far the poll confirms: nothing counts as received that this session was not handed. */
static int64_t
confirmed(const struct poll *p)
{
	return p->from < p->session_sent_seq ? p->from : p->session_sent_seq;
}

/* Everything up to p->from was received by this session, so by the account. */
static enum db_result
confirm(struct db *db, const struct poll *p)
{
	int64_t upto = confirmed(p);
	enum db_result r;

	if (upto <= p->delivered_seq)
		return DB_DONE;
	r = change_exec(db, ST_DELIVERY_CONFIRM, p->account_id, p->delivered_seq, upto, p->now,
	    db_expired_at(db));
	return db_failed(r) ? r : db_exec_async(db, ST_ACCOUNT_DELIVERED, p->account_id, upto);
}

static enum db_result
read_stream(struct db *db, struct arena *a, const struct poll *p, int64_t upto, bool with_groups,
    struct message_page *page)
{
	const int64_t limit = (int64_t)page->limit + 1;

	return message_page_read(db,
	    p->own ? db_bind(db, with_groups ? ST_STREAM_READ_OWN_ALL : ST_STREAM_READ_OWN,
			 p->account_id, p->from, p->session_created_at, limit, db_expired_at(db),
			 p->session_id, upto) :
		     db_bind(db, with_groups ? ST_STREAM_READ_ALL : ST_STREAM_READ, p->account_id,
			 p->from, p->session_created_at, limit, db_expired_at(db)),
	    a, p->from, page);
}

/* At the end of the streams the next page starts past what was left out of this one, even if it is
 * no longer there: or its last position would be looked for for ever. */
static enum db_result
skip_to_end(struct db *db, const struct poll *p, int64_t group_seq, struct message_page *page)
{
	enum db_result r = last_seq(db, p, INT64_MAX, &page->next);

	if (page->next < group_seq)
		page->next = group_seq;
	if (page->next < p->from)
		page->next = p->from;
	return r;
}

/* In the modes that scrub on claim a text goes with the response that hands it to the last
 * recipient; files stay until that is confirmed, or nobody could fetch them. What has no recipient
 * waits for its time, or its sender would see in a copy of theirs that they are blocked. */
static enum db_result
scrub_claimed(struct db *db, const struct message_page *page, int64_t now)
{
	enum db_result r = DB_DONE;

	for (int i = 0; i < page->count && !db_failed(r); i++) {
		const struct message *m = &page->list[i];
		struct db_stmt *st = db_bind(db, ST_CLAIMED_BY_ALL, m->id);

		r = db_step(db, st);
		if (r != DB_ROW)
			continue;
		db_reset(st);
		if (m->scrubbed_at)
			continue;
		r = scrub_content(db, m->id, m->public_id, now);
		if (r == DB_DONE && scrub_takes_all(db))
			r = scrub_address(db, m->id);
	}
	return r;
}

/* What the page passes over because its time is over is written down as such: were the clock wrong,
 * and right again by the time that the page is confirmed, it would count as received. */
static enum db_result
pass_over(struct db *db, const struct poll *p, int64_t upto)
{
	const int64_t expired_at = db_expired_at(db);

	return !expired_at || upto <= p->from ?
	    DB_DONE :
	    db_exec_async(db, ST_DELIVERY_PASSED, p->account_id, p->from, upto, expired_at);
}

/* The page, and with `own` the changes up to its end, which is where both end. */
static enum db_result
read_all(struct db *db, struct arena *a, const struct poll *p, int64_t group_seq,
    struct message_page *page, struct change_page *changes)
{
	int64_t upto = INT64_MAX;
	enum db_result r = p->own ? change_cut(db, p->account_id, p->from, &upto) : DB_DONE;

	if (r == DB_DONE)
		r = read_stream(db, a, p, upto, group_seq > p->from, page);
	if (r == DB_DONE && !page->more && upto == INT64_MAX) {
		r = skip_to_end(db, p, group_seq, page);
	} else if (!page->more && upto != INT64_MAX) {
		page->next = upto;
		page->more = true;
	}
	return r == DB_DONE && p->own ?
	    change_page_read(db, a, p->account_id, p->from, page->next, changes) :
	    r;
}

static bool
session_moved(const struct poll *p, const struct message_page *page)
{
	return page->next != p->session_sent_seq || confirmed(p) > p->session_confirmed_seq ||
	    p->own != p->session_own;
}

static enum db_result
hand_out(struct db *db, struct arena *a, const struct poll *p, struct message_page *page,
    struct change_page *changes)
{
	int64_t group_seq = 0;
	enum db_result r = confirm(db, p);

	if (!db_failed(r))
		r = probe(db, p, &group_seq);
	if (!db_failed(r))
		r = read_all(db, a, p, group_seq, page, changes);
	if (!db_failed(r))
		r = pass_over(db, p, page->next);
	if (!db_failed(r) && page->count > 0)
		r = db_exec_async(db, ST_DELIVERY_CLAIM, p->account_id, p->from, page->next);
	if (!db_failed(r) && scrub_is_on_claim(db))
		r = scrub_claimed(db, page, p->now);
	if (!db_failed(r) && session_moved(p, page))
		r = db_exec_async(db, ST_SESSION_ADVANCE, p->session_id, page->next, confirmed(p),
		    (int64_t)p->own);
	return db_failed(r) ? r : DB_DONE;
}

/* Is there anything to do for it? DB_ROW or DB_NONE. */
static enum db_result
look(struct db *db, const struct poll *p, int64_t *group_seq)
{
	return confirmed(p) > p->session_confirmed_seq || p->own != p->session_own ?
	    DB_ROW :
	    probe(db, p, group_seq);
}

/* While nothing can be written people go on reading: the same page, not confirmed and not claimed;
 * the next polls that can write catch up. But nothing is handed out that must be scrubbed with it.
 */
enum db_result
db_stream_poll(struct db *db, struct arena *a, const struct poll *asked, struct message_page *page,
    struct change_page *changes)
{
	struct poll p = *asked;
	int64_t group_seq = 0;
	enum db_result r = bound(db, &p);

	page->count = 0;
	page->more = false;
	page->next = p.from;
	page->with_own = p.own;
	*changes = (struct change_page){ .count = 0 };
	if (r == DB_DONE)
		r = look(db, &p, &group_seq);
	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, hand_out(db, a, &p, page, changes));
	if ((r != DB_BUSY && r != DB_FULL) || scrub_is_on_claim(db))
		return r;
	*changes = (struct change_page){ .count = 0 };
	r = probe(db, &p, &group_seq);
	return db_failed(r) ? r : read_all(db, a, &p, group_seq, page, changes);
}
