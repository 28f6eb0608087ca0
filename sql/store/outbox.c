/* The outbox, and the operator's counts. */
#include "outbox.h"

#include "bridge.h"
#include "message_internal.h"
#include "seq.h"

static bool
read_mail(struct db_stmt *st, struct arena *a, struct outbox_mail *out)
{
	bool ok = true;

	*out = (struct outbox_mail){ .id = db_i64(st, 0) };
	out->recipient = db_text(st, 1, a, &ok);
	out->subject = db_text(st, 2, a, &ok);
	out->body = db_text(st, 3, a, &ok);
	out->tries = db_int(st, 4);
	out->created_at = db_i64(st, 5);
	out->message_id = db_i64(st, 6);
	return ok;
}

static enum db_result
next_time(struct db *db, enum outbox_kind kind, int64_t *next_at)
{
	enum db_result r;

	*next_at = 0;
	r = db_number(db, db_bind(db, ST_OUTBOX_NEXT_AT, (int64_t)kind), next_at);
	return r == DB_ROW ? DB_NONE : r;
}

/* The row goes; a user's message ends with it. Inside a write. */
static enum db_result
end(struct db *db, int64_t id, int64_t message_id, enum delivery_state state, const char *reason)
{
	enum db_result r = db_exec(db, ST_OUTBOX_DELETE, id);

	if (r == DB_DONE && message_id)
		r = bridge_end(db, message_id, state, reason);
	return r;
}

static enum db_result
end_mail(
    struct db *db, const struct outbox_mail *mail, enum delivery_state state, const char *reason)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, end(db, mail->id, mail->message_id, state, reason)) : r;
}

/* DB_ROW or DB_NONE. */
static enum db_result
find_stale(struct db *db, int64_t now, int64_t *id, int64_t *message_id)
{
	struct db_stmt *st = db_bind(db, ST_OUTBOX_STALE, now);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	*id = db_i64(st, 0);
	*message_id = db_i64(st, 1);
	db_reset(st);
	return r;
}

enum db_result
db_outbox_expire(struct db *db, int64_t now)
{
	int64_t id = 0, message_id = 0;
	enum db_result r = find_stale(db, now, &id, &message_id);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = db_begin(db);
	if (r != DB_DONE)
		return r;
	while ((r = find_stale(db, now, &id, &message_id)) == DB_ROW) {
		r = end(db, id, message_id, DELIVERY_EXPIRED, "");
		if (r != DB_DONE)
			break;
	}
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

/* What a user's message says, to whom, and in whose name. */
static enum db_result
read_message(struct db *db, struct arena *a, struct outbox_mail *out)
{
	struct db_stmt *st = db_bind(db, ST_OUTBOX_MESSAGE, out->message_id);
	enum db_result r = db_step(db, st);
	struct message m;
	bool ok = true;

	if (r != DB_ROW)
		return DB_FAIL;
	r = message_read(db, st, a, &m);
	if (r != DB_ROW) {
		db_reset(st);
		return r;
	}
	out->recipient = m.destination;
	out->subject = m.subject ? m.subject : arena_strdup(a, "");
	out->body = m.text;
	if (db_int(st, MESSAGE_COLUMN_COUNT + 1))
		out->reply_to = db_text(st, MESSAGE_COLUMN_COUNT, a, &ok);
	out->bot_token = db_text(st, MESSAGE_COLUMN_COUNT + 2, a, &ok);
	db_reset(st);
	return ok && out->subject ? DB_ROW : DB_FAIL;
}

enum db_result
db_outbox_due(struct db *db, struct arena *a, enum outbox_kind kind, int64_t now,
    struct outbox_mail *out, int64_t *next_at)
{
	struct db_stmt *st = db_bind(db, ST_OUTBOX_DUE, (int64_t)kind, INT64_MIN, now);
	enum db_result r = db_step(db, st);

	*next_at = 0;
	if (r == DB_DONE) {
		st = db_bind(db, ST_OUTBOX_DUE, (int64_t)kind, now + OUTBOX_PAUSE_MS, INT64_MAX);
		r = db_step(db, st);
	}
	if (r != DB_ROW)
		return r == DB_DONE ? next_time(db, kind, next_at) : r;
	if (!read_mail(st, a, out))
		r = DB_FAIL;
	db_reset(st);
	return r == DB_ROW && out->message_id ? read_message(db, a, out) : r;
}

enum db_result
db_outbox_sent(struct db *db, const struct outbox_mail *mail)
{
	return end_mail(db, mail, DELIVERY_SENT, "");
}

enum db_result
db_outbox_refused(struct db *db, const struct outbox_mail *mail, const char *reason)
{
	return end_mail(db, mail, DELIVERY_FAILED, reason);
}

enum db_result
db_outbox_retry(struct db *db, int64_t id, int64_t next_try_at, const char *reason)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, db_exec(db, ST_OUTBOX_RETRY, id, next_try_at, reason)) : r;
}

enum db_result
db_outbox_list(
    struct db *db, struct arena *a, int64_t after, int limit, struct outbox_mail *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_OUTBOX_LIST, after, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct outbox_mail *m = &out[(*count)++];
		bool ok = read_mail(st, a, m);

		m->next_try_at = db_i64(st, 7);
		m->last_error = db_text(st, 8, a, &ok);
		if (!ok) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

enum db_result
db_outbox_oldest_code(struct db *db, int64_t now, int64_t *at)
{
	struct db_stmt *st = db_bind(db, ST_OUTBOX_OLDEST_CODE, now);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*at = db_i64(st, 0);
	db_reset(st);
	return r;
}

enum db_result
db_outbox_state(struct db *db, struct arena *a, struct outbox_state *out)
{
	struct db_stmt *st = db_bind(db, ST_OUTBOX_STATE);
	enum db_result r = db_step(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*out = (struct outbox_state){ .waiting = db_i64(st, 0),
		.oldest_at = db_i64(st, 1),
		.failing = db_i64(st, 2),
		.failing_since = db_i64(st, 3),
		.last_error = db_text(st, 4, a, &ok) };
	db_reset(st);
	return ok ? r : DB_FAIL;
}

enum db_result
db_stats(struct db *db, int64_t now, struct db_figures *out)
{
	struct db_stmt *st = db_bind(db, ST_STATS, now);
	int64_t *const fields[] = { &out->accounts, &out->sessions, &out->messages,
		&out->undelivered, &out->mails, &out->access_requests, &out->groups };
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	for (int i = 0; i < (int)(sizeof(fields) / sizeof(fields[0])); i++)
		*fields[i] = db_i64(st, i);
	db_reset(st);
	return r;
}

enum db_result
outbox_put(struct db *db, const struct mail *m, int64_t now)
{
	int64_t id = 0;
	enum db_result r = seq_next(db, &id);

	return r == DB_ROW ? db_exec_async(db, ST_OUTBOX_INSERT, id, m->recipient, m->subject,
				 m->body, now, m->expires_at) :
			     r;
}
