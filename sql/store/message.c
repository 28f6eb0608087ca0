/* Messages: storing, finding, editing, withdrawing. */
#include "message.h"

#include "block.h"
#include "body.h"
#include "bridge.h"
#include "group.h"
#include "message_rows.h"
#include "rows.h"
#include "scrub.h"
#include "waiting.h"

#include <string.h>

#define IDEMPOTENCY_TTL_MS ((int64_t)24 * 3600000)

const char *
delivery_state_name(enum delivery_state s)
{
	static const char *const names[DELIVERY__MAX] = { "queued", "claimed", "delivered", "read",
		"sent", "failed", "expired" };

	return names[s];
}

bool
delivery_may_become(enum delivery_state from, enum delivery_state to)
{
	static const int place[DELIVERY__MAX] = { [DELIVERY_QUEUED] = 0,
		[DELIVERY_CLAIMED] = 1,
		[DELIVERY_SENT] = 2,
		[DELIVERY_DELIVERED] = 3,
		[DELIVERY_READ] = 4,
		[DELIVERY_FAILED] = 5,
		[DELIVERY_EXPIRED] = 5 };

	if (to == DELIVERY_FAILED || to == DELIVERY_EXPIRED)
		return place[from] < place[DELIVERY_SENT];
	return place[to] > place[from];
}

/* One place in the group's stream, and news for each member. */
static enum db_result
stream_group(struct db *db, int64_t group_id, int64_t seq, int64_t message_id, int64_t but_account,
    int64_t least_role)
{
	enum db_result r = db_exec(db, ST_STREAM_INSERT, -group_id, seq, message_id);

	return r == DB_DONE ? db_exec(db, ST_MEMBER_NEWS, seq, group_id, but_account, least_role) :
			      r;
}

static enum db_result
deliver_group(struct db *db, const struct message_new *m, int64_t seq)
{
	enum db_result r =
	    db_exec(db, ST_MEMBER_DELIVER, seq, m->group_id, m->sender_id, (int64_t)m->least_role);

	if (db_failed(r))
		return r;
	r = m->outlives_group ?
	    db_exec(db, ST_MEMBER_STREAM, seq, m->group_id, m->sender_id, (int64_t)m->least_role) :
	    stream_group(db, m->group_id, seq, seq, m->sender_id, (int64_t)m->least_role);
	return r == DB_NONE ? DB_DONE : r;
}

/* One delivery for each who gets it, and a place in the stream where they fetch it. */
static enum db_result
deliver(struct db *db, const struct message_new *m, int64_t seq)
{
	enum db_result r;

	if (m->dropped)
		return DB_DONE;
	if (m->bridge)
		return bridge_put(db, m, seq);
	if (!m->recipient_id)
		return deliver_group(db, m, seq);
	r = db_exec(db, ST_DELIVERY_INSERT, seq, m->recipient_id);
	return r == DB_DONE ? db_exec(db, ST_STREAM_INSERT, m->recipient_id, seq, seq) : r;
}

static enum db_result
insert(struct db *db, struct message_new *m, int64_t seq, const struct body *body,
    const struct body *address)
{
	const struct db_blob id = { m->public_id, ID_BYTES }, reply = { m->reply_to, ID_BYTES },
			     what = { body->sealed, body->len },
			     where = { address->sealed, address->len },
			     key = { body->key, sizeof(body->key) },
			     address_key = { address->key, sizeof(address->key) };
	enum db_result r =
	    db_exec(db, ST_MESSAGE_INSERT, seq, &id, m->outside ? (int64_t)0 : m->sender_id,
		m->channel, m->kind, &where, &what, m->reply_to ? &reply : NULL, m->actions, m->now,
		m->group_id, m->about_id, m->duration_ms, m->received_at);

	if (r == DB_DONE)
		r = db_exec(db, ST_KEY_PUT, seq, &key, &address_key);
	if (r != DB_DONE)
		return r;
	for (int i = 0; i < m->file_count && r == DB_DONE; i++)
		r = db_exec(db, ST_FILE_ATTACH, seq, m->files[i]);
	m->file_is_gone = m->file_count > 0 && r == DB_ORPHAN;
	return r;
}

enum db_result
message_put(struct db *db, struct message_new *m)
{
	const char *const parts[BODY__MAX] = { [BODY_TEXT] = m->text,
		[BODY_SUBJECT] = m->subject,
		[BODY_TITLE] = m->title,
		[BODY_SOURCE] = m->source,
		[BODY_ATTACHMENTS] = m->attachments,
		[BODY_WAVEFORM] = m->waveform,
		[BODY_EVENT] = m->event };
	const char *const places[ADDRESS__MAX] = {
		[ADDRESS_TO] = m->destination, [ADDRESS_OUTSIDE] = m->outside
	};
	struct body body = { .sealed = NULL }, address = { .sealed = NULL };
	int64_t seq = 0;
	enum db_result r = rows_next_seq(db, &seq);

	if (r != DB_ROW)
		return r;
	id_make(m->public_id);
	r = body_seal(m->public_id, parts, BODY__MAX, &body) &&
		body_seal(m->public_id, places, ADDRESS__MAX, &address) ?
	    insert(db, m, seq, &body, &address) :
	    DB_FAIL;
	body_free(&body);
	body_free(&address);
	if (r == DB_DONE)
		r = deliver(db, m, seq);
	return r == DB_DONE && m->sender_id ? waiting_put(db, seq, m->sender_id, waiting_for(m)) :
					      r;
}

/* May the account write to the group now? DB_DONE, or DB_NONE with *result. */
static enum db_result
check_group(struct db *db, int64_t group_id, int64_t sender_id, enum send_result *result)
{
	struct db_stmt *st = db_bind(db, ST_MEMBER_RIGHT, group_id, sender_id);
	enum db_result r = db_one(db, st);
	enum group_role need;

	*result = SEND_NO_MEMBER;
	if (r != DB_ROW)
		return r;
	need = db_int(st, 1) ? GROUP_WRITER : GROUP_MEMBER;
	*result = db_int(st, 0) >= (int)need ? SEND_NEW : SEND_NO_RIGHT;
	db_reset(st);
	return *result == SEND_NEW ? DB_DONE : DB_NONE;
}

/* Is the one recipient there, and do they hear the sender? A block is not told. DB_DONE, or DB_NONE
 * with *result. */
static enum db_result
check_recipient(struct db *db, struct message_new *m, enum send_result *result)
{
	struct db_stmt *st = db_bind(db, ST_ACCOUNT_HEARS, m->recipient_id);
	enum db_result r = db_one(db, st);

	*result = SEND_NO_RECIPIENT;
	if (r != DB_ROW)
		return r;
	db_reset(st);
	*result = SEND_NEW;
	r = db_block_get(db, m->recipient_id, m->sender_id);
	m->dropped = r == DB_ROW;
	return db_failed(r) ? r : DB_DONE;
}

/* Everything that may have changed since the sender asked. DB_DONE, or DB_NONE with *result. */
static enum db_result
check_place(struct db *db, struct message_new *m, enum send_result *result)
{
	*result = SEND_NEW;
	if (m->group_id)
		return check_group(db, m->group_id, m->sender_id, result);
	return m->recipient_id ? check_recipient(db, m, result) : DB_DONE;
}

/* DB_ROW: the key is known, *result tells whether the body is the same; DB_NONE: a new key. */
static enum db_result
idempotency_find(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result)
{
	uint8_t mac[SECRET_HASH_BYTES];
	struct db_stmt *st;
	enum db_result r;

	st = db_bind(db, ST_IDEMPOTENCY_GET, m->sender_id, key->key, m->now - IDEMPOTENCY_TTL_MS);
	r = db_one(db, st);
	if (r != DB_ROW)
		return r;
	if (!db_blob(st, 1, m->public_id, ID_BYTES))
		r = DB_FAIL;
	/* of a scrubbed message only the key is still known */
	*result = !db_blob(st, 0, mac, sizeof(mac)) || secret_equal(mac, key->body_mac) ?
	    SEND_REPEATED :
	    SEND_KEY_REUSED;
	db_reset(st);
	return r;
}

enum db_result
db_message_repeat(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result)
{
	return key->key ? idempotency_find(db, m, key, result) : DB_NONE;
}

static enum db_result
send_message(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result)
{
	enum db_result r = db_message_repeat(db, m, key, result);

	if (r != DB_NONE)
		return r == DB_ROW ? DB_DONE : r;
	r = check_place(db, m, result);
	if (r != DB_DONE)
		return r == DB_NONE ? DB_DONE : r;
	r = waiting_check(db, m->sender_id, waiting_for(m));
	if (r == DB_CONFLICT) {
		*result = SEND_WAITING_FULL;
		return DB_DONE;
	}
	if (r == DB_DONE)
		r = message_put(db, m);
	if (r != DB_DONE || !key->key)
		return r;
	return db_exec(db, ST_IDEMPOTENCY_PUT, m->sender_id, key->key,
	    &(struct db_blob){ key->body_mac, SECRET_HASH_BYTES },
	    &(struct db_blob){ m->public_id, ID_BYTES }, (int64_t)DELIVERY_QUEUED, m->now);
}

enum db_result
db_message_send(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = db_end(db, send_message(db, m, key, result));
	if (r != DB_ORPHAN || !m->file_is_gone)
		return r;
	*result = SEND_NO_FILE;
	return DB_DONE;
}

/* The account's own delivery of a message: DB_ROW or DB_NONE. */
static enum db_result
delivery_get(
    struct db *db, int64_t message_id, int64_t account_id, struct message *out, int64_t *removed_at)
{
	struct db_stmt *st = db_bind(db, ST_DELIVERY_GET, message_id, account_id);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	out->state = rows_state(db, out->created_at, db_int(st, 0));
	out->delivered_at = db_i64(st, 1);
	out->read_at = db_i64(st, 2);
	*removed_at = db_i64(st, 3);
	db_reset(st);
	return r;
}

/* Any message by its id, as its sender sees it. DB_ROW or DB_NONE. */
static enum db_result
message_find(
    struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES], struct message *out)
{
	struct db_stmt *st =
	    db_bind(db, ST_MESSAGE_BY_ID, &(struct db_blob){ public_id, ID_BYTES });
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	if (!rows_message(st, a, out))
		r = DB_FAIL;
	rows_receipt(db, st, MESSAGE_COLUMN_COUNT, out);
	db_reset(st);
	return r;
}

enum db_result
db_message_get(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, struct message *out)
{
	int64_t removed_at = 0;
	enum db_result r = message_find(db, a, public_id, out);

	if (r == DB_ROW && out->state == DELIVERY_EXPIRED)
		rows_hide_content(out);
	if (r != DB_ROW || out->sender_id == account_id)
		return r;
	r = delivery_get(db, out->id, account_id, out, &removed_at);
	return r == DB_ROW && (removed_at || out->state == DELIVERY_EXPIRED) ? DB_NONE : r;
}

/* Puts a change of the message into the stream of everyone who was handed it. Inside a write. */
static enum db_result
stream_changed(struct db *db, const struct message *m)
{
	int64_t seq = 0;
	enum db_result r = rows_next_seq(db, &seq);

	if (r != DB_ROW)
		return r;
	r = m->group_id ? stream_group(db, m->group_id, seq, m->id, 0, 0) :
			  db_exec(db, ST_STREAM_CHANGED, m->id, seq);
	/* a change that nobody waits for must not hold up the message's end */
	if (r == DB_DONE)
		r = db_exec(db, ST_MESSAGE_CHANGED, m->id, seq);
	return r == DB_NONE ? DB_DONE : r;
}

/* Is the sender still heard where the message went? He must have the right to write to the group,
 * and not be blocked by the one recipient. DB_DONE with *heard. */
static enum db_result
is_heard(struct db *db, const struct message *m, bool *heard)
{
	enum send_result result;
	struct db_stmt *st;
	enum db_result r;

	if (m->group_id) {
		r = check_group(db, m->group_id, m->sender_id, &result);
		*heard = r == DB_DONE;
		return db_failed(r) ? r : DB_DONE;
	}
	st = db_bind(db, ST_BLOCK_OF_MESSAGE, m->id, m->sender_id);
	r = db_step(db, st);
	*heard = r != DB_ROW;
	if (r == DB_ROW)
		db_reset(st);
	return r == DB_ROW ? DB_DONE : r;
}

/* Another text under a key of its own: copies of the older body are worth nothing. */
static enum db_result
put_text(struct db *db, const struct message *m, const char *text, int64_t now)
{
	const char *const parts[BODY__MAX] = { [BODY_TEXT] = text,
		[BODY_SUBJECT] = m->subject,
		[BODY_TITLE] = m->title,
		[BODY_SOURCE] = m->source,
		[BODY_ATTACHMENTS] = m->attachments,
		[BODY_WAVEFORM] = m->waveform,
		[BODY_EVENT] = m->event };
	struct body body;
	enum db_result r;

	if (!body_seal(m->public_id, parts, BODY__MAX, &body))
		return DB_FAIL;
	r = db_exec(db, ST_MESSAGE_EDIT, m->id, &(struct db_blob){ body.sealed, body.len }, now);
	if (r == DB_DONE)
		r = db_exec(
		    db, ST_KEY_BODY, m->id, &(struct db_blob){ body.key, sizeof(body.key) });
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
edit(struct db *db, const struct message *m, int64_t account_id, const char *text,
    int64_t window_ms, int64_t now, enum change_result *result)
{
	bool heard = true;
	enum db_result r;

	*result = m->sender_id != account_id                    ? CHANGE_FORBIDDEN :
	    m->deleted_at                                       ? CHANGE_WITHDRAWN :
	    claim_took_it(db, m)                                ? CHANGE_TOO_LATE :
	    now - m->created_at > window_ms || !bridge_holds(m) ? CHANGE_TOO_LATE :
								  CHANGE_DONE;
	if (*result != CHANGE_DONE)
		return DB_DONE;
	r = is_heard(db, m, &heard);
	if (r != DB_DONE || !heard) {
		/* who may not write there any more is told, somebody who is blocked must not learn
		 * of it */
		*result = m->group_id ? CHANGE_FORBIDDEN : CHANGE_DONE;
		return r;
	}
	r = put_text(db, m, text, now);
	if (r == DB_DONE)
		r = waiting_again(db, m);
	*result = r == DB_CONFLICT ? CHANGE_WAITING_FULL : *result;
	return r == DB_DONE ? stream_changed(db, m) : r;
}

enum db_result
db_message_edit(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, const char *text, int64_t window_ms, int64_t now,
    enum change_result *result)
{
	struct message m;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = db_message_get(db, a, public_id, account_id, &m);
	r = db_end(db, r == DB_ROW ? edit(db, &m, account_id, text, window_ms, now, result) : r);
	return r == DB_CONFLICT && *result == CHANGE_WAITING_FULL ? DB_DONE : r;
}

/* The text and its files go at once. Those who were handed the message get a change of it; the
 * others never had it. Its own place in the streams is passed over from now on. */
static enum db_result
withdraw(struct db *db, const struct message *m, int64_t now)
{
	enum db_result r;

	if (m->deleted_at)
		return DB_DONE;
	r = db_exec(db, ST_MESSAGE_WITHDRAW, m->id, now);
	if (!db_failed(r))
		r = bridge_withdraw(db, m);
	if (!db_failed(r))
		r = scrub_files(db, m->id);
	if (!db_failed(r))
		r = scrub_content(db, m->id, m->public_id, now);
	if (!db_failed(r))
		r = db_exec(db, ST_DELIVERY_DELETE_WAITING, m->id);
	return db_failed(r) ? r : stream_changed(db, m);
}

/* Takes the message out of the account's stream and leaves a change for its sessions that were
 * handed it. */
static enum db_result
remove_own(struct db *db, const struct message *m, int64_t account_id, int64_t now)
{
	int64_t seq = 0;
	enum db_result r = db_exec(db, ST_DELIVERY_REMOVE, m->id, account_id, now);

	if (r == DB_DONE)
		r = db_exec(db, ST_STREAM_DELETE_ONE, account_id, m->id);
	if (db_failed(r))
		return r;
	r = rows_next_seq(db, &seq);
	return r == DB_ROW ? db_exec(db, ST_STREAM_INSERT, account_id, seq, m->id) : r;
}

enum db_result
db_message_delete(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, int64_t now, enum change_result *result)
{
	struct message m;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = db_message_get(db, a, public_id, account_id, &m);
	if (r == DB_ROW) {
		*result = m.sender_id == account_id ? CHANGE_DONE : CHANGE_REMOVED;
		r = *result == CHANGE_DONE ? withdraw(db, &m, now) :
					     remove_own(db, &m, account_id, now);
	}
	return db_end(db, r);
}

enum db_result
db_message_export(struct db *db, struct arena *a, int64_t account_id, bool sent, int64_t after,
    struct message_page *page)
{
	struct db_stmt *st = db_bind(db, sent ? ST_EXPORT_SENT : ST_EXPORT_RECEIVED, account_id,
	    after, (int64_t)page->limit + 1);

	return rows_page(db, st, a, after, page);
}
