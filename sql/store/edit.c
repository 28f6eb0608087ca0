/* Editing and withdrawing a message, and removing it for oneself. */
#include "edit.h"

#include "body.h"
#include "bridge.h"
#include "key.h"
#include "change_internal.h"
#include "db_internal.h"
#include "wakeup.h"
#include "post.h"
#include "scrub.h"
#include "seq.h"
#include "waiting.h"

/* Puts a change of the message into the stream of everyone who was handed it, and into the sender's
 * if another session of theirs wants it. Inside a write. */
static enum db_result
stream_changed(struct db *db, const struct message *m, int64_t session_id)
{
	int64_t seq = 0;
	enum db_result r = seq_next(db, &seq);

	if (r == DB_ROW)
		r = db_exec_async(db, ST_MESSAGE_WRITER, m->id, session_id);
	if (r != DB_DONE)
		return r;
	r = m->group_id ? post_stream_group(db, m->group_id, seq, m->id, 0, 0) :
			  wakeup_exec(db, WAKE_POLL, ST_STREAM_CHANGED, m->id, seq);
	/* a change that nobody waits for must not hold up the message's end */
	if (r == DB_DONE)
		r = db_exec_async(db, ST_MESSAGE_CHANGED, m->id, seq);
	if (db_failed(r) || m->group_id)
		return r == DB_NONE ? DB_DONE : r;
	return post_copy(db, m->sender_id, session_id, seq, m->id);
}

/* May the sender still write where the message went? They must have the right to write to the
 * group, and not be blocked by the one recipient. DB_DONE with *reaches. */
static enum db_result
may_reach(struct db *db, const struct message *m, bool *reaches)
{
	enum send_result result;
	struct db_stmt *st;
	enum db_result r;

	if (m->group_id) {
		r = post_check_group(db, m->group_id, m->sender_id, false, &result);
		*reaches = r == DB_DONE;
		return db_failed(r) ? r : DB_DONE;
	}
	st = db_bind(db, ST_BLOCK_OF_MESSAGE, m->id, m->sender_id);
	r = db_step(db, st);
	*reaches = r != DB_ROW;
	if (r == DB_ROW)
		db_reset(st);
	return r == DB_ROW ? DB_DONE : r;
}

/* Another text under a key of its own: copies of the older body are worth nothing. */
static enum db_result
put_text(struct db *db, const struct message *m, const char *text, int64_t now)
{
	const char *parts[BODY__MAX] = {
#define SEALED(NAME, field, shown) m->field,
#include "sealed.def"
#undef SEALED
	};
	struct key_row key;
	struct body body;
	enum db_result r;

	parts[BODY_TEXT] = text;
	if (!body_seal(m->public_id, parts, BODY__MAX, &body))
		return DB_FAIL;
	r = db_exec_async(
	    db, ST_MESSAGE_EDIT, m->id, &(struct db_blob){ body.sealed, body.len }, now);
	if (r == DB_DONE)
		r = key_wrap(db, m->public_id, body.key, &key);
	if (r == DB_DONE)
		r = db_exec_async(db, ST_KEY_BODY, m->id, &key.blob);
	body_free(&body);
	return r;
}

/* Where the text goes with the claim, a new one would reach nobody. */
static bool
claim_took_it(const struct db *db, const struct message *m)
{
	return m->scrubbed_at && (scrub_is_on_claim(db) || m->destination[0] == '\0');
}

static enum db_result
edit(struct db *db, const struct message *m, struct actor who, const char *text, int64_t window_ms,
    int64_t now, enum change_result *result)
{
	bool reaches = true, full = false;
	enum db_result r;

	*result = m->sender_id != who.account_id || message_is_reaction(m->kind) ?
	    CHANGE_FORBIDDEN :
	    m->deleted_at                                       ? CHANGE_WITHDRAWN :
	    claim_took_it(db, m)                                ? CHANGE_TOO_LATE :
	    now - m->created_at > window_ms || !bridge_holds(m) ? CHANGE_TOO_LATE :
								  CHANGE_DONE;
	if (*result != CHANGE_DONE)
		return DB_DONE;
	r = may_reach(db, m, &reaches);
	if (r != DB_DONE || !reaches) {
		/* who may not write there any more learns of it, somebody who is blocked must not
		 * learn of it */
		*result = m->group_id ? CHANGE_FORBIDDEN : CHANGE_DONE;
		return r;
	}
	r = put_text(db, m, text, now);
	if (r == DB_DONE)
		r = waiting_again(db, m, &full);
	if (r == DB_DONE && full) {
		*result = CHANGE_WAITING_FULL;
		return DB_UNDO;
	}
	return r == DB_DONE ? stream_changed(db, m, who.session_id) : r;
}

enum db_result
db_message_edit(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    struct actor who, const char *text, int64_t window_ms, int64_t now, enum change_result *result)
{
	struct message m;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = db_message_get(db, a, public_id, who.account_id, &m);
	return db_end(db, r == DB_ROW ? edit(db, &m, who, text, window_ms, now, result) : r);
}

/* The text and its files go at once. Those who were handed the message get a change of it; the
 * others never had it. Its own position in the streams is passed over from now on. */
static enum db_result
withdraw(struct db *db, const struct message *m, int64_t session_id, int64_t now)
{
	enum db_result r;

	if (m->deleted_at)
		return DB_DONE;
	r = db_exec_async(db, ST_MESSAGE_WITHDRAW, m->id, now);
	if (!db_failed(r))
		r = bridge_withdraw(db, m);
	if (!db_failed(r))
		r = scrub_files(db, m->id, now);
	if (!db_failed(r))
		r = scrub_content(db, m->id, m->public_id, now);
	if (!db_failed(r))
		r = db_exec_async(db, ST_DELIVERY_DELETE_WAITING, m->id);
	return db_failed(r) ? r : stream_changed(db, m, session_id);
}

/* Takes the message out of the account's stream and leaves a change for its sessions that were
 * handed it. */
static enum db_result
remove_own(struct db *db, const struct message *m, int64_t account_id, int64_t now)
{
	int64_t seq = 0;
	enum db_result r = change_exec(db, ST_DELIVERY_REMOVE, m->id, account_id, now);

	if (r == DB_DONE)
		r = db_exec_async(db, ST_STREAM_DELETE_ONE, account_id, m->id);
	if (db_failed(r))
		return r;
	wakeup_for(db, WAKE_POLL, account_id);
	r = seq_next(db, &seq);
	return r == DB_ROW ? db_exec_async(db, ST_STREAM_INSERT, account_id, seq, m->id) : r;
}

enum db_result
db_message_delete(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    struct actor who, int64_t now, enum change_result *result)
{
	struct message m;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = db_message_get(db, a, public_id, who.account_id, &m);
	if (r == DB_ROW) {
		*result = m.sender_id == who.account_id ? CHANGE_DONE : CHANGE_REMOVED;
		r = *result == CHANGE_DONE ? withdraw(db, &m, who.session_id, now) :
					     remove_own(db, &m, who.account_id, now);
	}
	return db_end(db, r);
}
