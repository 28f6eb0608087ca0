/* Storing a message, with its deliveries and their positions in the streams. */
#include "post.h"

#include "block.h"
#include "body.h"
#include "bridge.h"
#include "change_internal.h"
#include "db_internal.h"
#include "expiry.h"
#include "group_role.h"
#include "key.h"
#include "wakeup.h"
#include "seq.h"
#include "waiting.h"

#define IDEMPOTENCY_TTL_MS ((int64_t)24 * 3600000)

/* One position in the group's stream, and a wake-up for each member. */
enum db_result
post_stream_group(struct db *db, int64_t group_id, int64_t seq, int64_t message_id,
    int64_t but_account, int64_t least_role)
{
	enum db_result r = db_exec_async(db, ST_STREAM_INSERT, -group_id, seq, message_id);

	return r == DB_DONE ?
	    wakeup_exec(db, WAKE_POLL, ST_MEMBER_LAST_SEQ, seq, group_id, but_account, least_role) :
	    r;
}

enum db_result
post_copy(struct db *db, int64_t sender_id, int64_t session_id, int64_t seq, int64_t message_id)
{
	enum db_result r = change_has_others(db, sender_id, session_id);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	wakeup_for(db, WAKE_POLL, sender_id);
	/* of a saved message it is there */
	return db_exec_async(db, ST_STREAM_COPY, sender_id, seq, message_id);
}

/* The sender's other sessions find it in the group's stream as well. */
static enum db_result
deliver_group(struct db *db, const struct message_new *m, int64_t seq)
{
	const int64_t group = m->to.group.id, least_role = m->to.group.least_role;
	enum db_result r =
	    db_exec_async(db, ST_MEMBER_DELIVER, seq, group, m->sender_id, least_role);

	if (db_failed(r))
		return r;
	if (m->to.group.outlives)
		return wakeup_exec(
		    db, WAKE_POLL, ST_MEMBER_STREAM, seq, group, m->sender_id, least_role);
	r = m->sender_id ? change_has_others(db, m->sender_id, m->session_id) : DB_NONE;
	if (r != DB_ROW && r != DB_NONE)
		return r;
	return post_stream_group(db, group, seq, seq, r == DB_ROW ? 0 : m->sender_id, least_role);
}

static enum db_result
deliver_one(struct db *db, int64_t account_id, int64_t seq)
{
	enum db_result r;

	wakeup_for(db, WAKE_POLL, account_id);
	r = db_exec_async(db, ST_DELIVERY_INSERT, seq, account_id);
	return r == DB_DONE ? db_exec_async(db, ST_STREAM_INSERT, account_id, seq, seq) : r;
}

/* One delivery for each who gets it, and a position in the stream where they fetch it. */
static enum db_result
deliver(struct db *db, const struct message_new *m, int64_t seq)
{
	enum db_result r;

	switch (m->to.kind) {
	case TARGET_ACCOUNT:
		return m->to.account.blocked ? DB_DONE : deliver_one(db, m->to.account.id, seq);
	case TARGET_GROUP:
		r = deliver_group(db, m, seq);
		return r == DB_NONE ? DB_DONE : r;
	case TARGET_EXTERNAL:
		return bridge_put(db, m, seq);
	case TARGET_INBOUND:
		return deliver_one(db, m->sender_id, seq);
	}
	return DB_FAIL;
}

/* A file that was held lives as long as any other again. DB_DONE, or DB_ORPHAN: it is gone. */
static enum db_result
attach(struct db *db, int64_t message_id, int64_t file_id)
{
	enum db_result r = db_exec(db, ST_FILE_ATTACH, message_id, file_id);

	return r == DB_DONE ? db_exec_async(db, ST_FILE_END_HOLD, file_id) : r;
}

static enum db_result
put_keys(struct db *db, const struct message_new *m, int64_t seq, const struct body *body,
    const struct body *address)
{
	struct key_row key, address_key;
	enum db_result r = key_wrap(db, m->public_id, body->key, &key);

	if (r == DB_DONE)
		r = key_wrap(db, m->public_id, address->key, &address_key);
	return r == DB_DONE ? db_exec_async(db, ST_KEY_PUT, seq, &key.blob, &address_key.blob) : r;
}

static enum db_result
insert(struct db *db, struct message_new *m, int64_t seq, const struct body *body,
    const struct body *address)
{
	const struct db_blob id = { m->public_id, ID_BYTES }, reply = { m->reply_to, ID_BYTES },
			     what = { body->sealed, body->len },
			     where = { address->sealed, address->len },
			     request = { m->fact ? m->fact->request : NULL, ID_BYTES };
	const bool came_in = m->to.kind == TARGET_INBOUND;
	enum db_result r = db_exec_async(db, ST_MESSAGE_INSERT, seq, &id,
	    came_in ? (int64_t)0 : m->sender_id, m->channel, m->kind, &where, &what,
	    m->reply_to ? &reply : NULL, m->fact && m->fact->has_request ? &request : NULL, m->now,
	    m->to.kind == TARGET_GROUP ? m->to.group.id : 0, m->fact ? m->fact->about_id : 0,
	    m->duration_ms, came_in ? m->to.inbound.received_at : 0,
	    came_in ? (int64_t)0 : m->session_id);

	if (r == DB_DONE)
		r = put_keys(db, m, seq, body, address);
	if (r != DB_DONE)
		return r;
	for (int i = 0; i < m->file_count && r == DB_DONE; i++)
		r = attach(db, seq, m->files[i]);
	m->file_is_gone = m->file_count > 0 && r == DB_ORPHAN;
	return r;
}

/* The phone that brought it or is to carry it; NULL: none, or any. */
static const char *
phone_of(const struct message_new *m)
{
	const char *phone = m->to.kind == TARGET_EXTERNAL ? m->to.external->phone_id :
	    m->to.kind == TARGET_INBOUND                  ? m->to.inbound.phone_id :
							    "";

	return phone[0] ? phone : NULL;
}

enum db_result
post_put(struct db *db, struct message_new *m)
{
	char fact[FACT_BYTES];
	const char *parts[BODY__MAX] = {
#define SEALED(NAME, field, shown) m->field,
#include "sealed.def"
#undef SEALED
	};
	const char *const addresses[ADDRESS__MAX] = { [ADDRESS_TO] = m->destination,
		[ADDRESS_EXTERNAL] = m->to.kind == TARGET_INBOUND ? m->to.inbound.from : NULL,
		[ADDRESS_PHONE] = phone_of(m) };
	struct body body = { .sealed = NULL }, address = { .sealed = NULL };
	int64_t seq = 0;
	enum db_result r = seq_next(db, &seq);

	if (r != DB_ROW)
		return r;
	if (m->fact) {
		if (!fact_pack(m->fact, fact))
			return DB_FAIL;
		parts[BODY_TEXT] = "";
		parts[BODY_FACT] = fact;
	}
	id_make_near(m->public_id);
	r = body_seal(m->public_id, parts, BODY__MAX, &body) &&
		body_seal(m->public_id, addresses, ADDRESS__MAX, &address) ?
	    insert(db, m, seq, &body, &address) :
	    DB_FAIL;
	body_free(&body);
	body_free(&address);
	if (r == DB_DONE)
		r = deliver(db, m, seq);
	if (r == DB_DONE && m->sender_id &&
	    (m->to.kind == TARGET_ACCOUNT || m->to.kind == TARGET_EXTERNAL))
		r = post_copy(db, m->sender_id, m->session_id, seq, seq);
	return r == DB_DONE && m->sender_id ? waiting_put(db, seq, m->sender_id, waiting_for(m)) :
					      r;
}

/* May the account write to the group now? DB_DONE, or DB_NONE with *result. */
enum db_result
post_check_group(
    struct db *db, int64_t group_id, int64_t sender_id, bool as_reader, enum send_result *result)
{
	struct db_stmt *st = db_bind(db, ST_MEMBER_RIGHT, group_id, sender_id);
	enum db_result r = db_one(db, st);
	enum group_role need;

	*result = SEND_NO_MEMBER;
	if (r != DB_ROW)
		return r;
	need = db_int(st, 1) && !as_reader ? GROUP_WRITER : GROUP_MEMBER;
	*result = db_int(st, 0) >= (int)need ? SEND_NEW : SEND_NO_RIGHT;
	db_reset(st);
	return *result == SEND_NEW ? DB_DONE : DB_NONE;
}

/* Is the one recipient there? DB_DONE, or DB_NONE with *result. */
static enum db_result
check_account(struct db *db, int64_t account_id, enum send_result *result)
{
	enum db_result r = db_find(db, ST_ACCOUNT_RECEIVES, account_id);

	*result = r == DB_ROW ? SEND_NEW : SEND_NO_RECIPIENT;
	return r == DB_ROW ? DB_DONE : r;
}

/* Do they take messages of the sender? A block is not disclosed. As check_account. */
static enum db_result
check_recipient(struct db *db, struct message_new *m, enum send_result *result)
{
	enum db_result r = check_account(db, m->to.account.id, result);

	if (r != DB_DONE)
		return r;
	r = db_block_get(db, m->to.account.id, m->sender_id);
	m->to.account.blocked = r == DB_ROW;
	return db_failed(r) ? r : DB_DONE;
}

/* Everything that may have changed since the sender asked. DB_DONE, or DB_NONE with *result. */
static enum db_result
check_target(struct db *db, struct message_new *m, enum send_result *result)
{
	switch (m->to.kind) {
	case TARGET_ACCOUNT:
		return check_recipient(db, m, result);
	case TARGET_GROUP:
		return post_check_group(
		    db, m->to.group.id, m->sender_id, message_is_reaction(m->kind), result);
	case TARGET_INBOUND:
		return check_account(db, m->sender_id, result);
	case TARGET_EXTERNAL:
		break;
	}
	*result = SEND_NEW;
	return DB_DONE;
}

/* DB_ROW: the key is known, *result tells whether the body is the same; DB_NONE: a new key. */
static enum db_result
idempotency_find(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result)
{
	uint8_t mac[SECRET_HASH_BYTES];
	struct db_stmt *st;
	enum db_result r;

	st = db_bind(db, ST_IDEMPOTENCY_GET, m->sender_id, key->key,
	    expiry_cutoff(m->now, IDEMPOTENCY_TTL_MS));
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

/* What a send reads before it writes, in one wait. */
static void
prefetch(struct db *db, const struct message_new *m, const struct idempotency *key)
{
	if (key->key)
		db_prefetch(db, ST_IDEMPOTENCY_GET, m->sender_id, key->key,
		    expiry_cutoff(m->now, IDEMPOTENCY_TTL_MS));
	if (m->to.kind == TARGET_ACCOUNT) {
		db_prefetch(db, ST_ACCOUNT_RECEIVES, m->to.account.id);
		db_prefetch(db, ST_BLOCK_GET, m->to.account.id, m->sender_id);
	} else if (m->to.kind == TARGET_GROUP) {
		db_prefetch(db, ST_MEMBER_RIGHT, m->to.group.id, m->sender_id);
	}
	db_prefetch(db, ST_WAITING_GET, m->sender_id, waiting_for(m));
	if (m->to.kind != TARGET_INBOUND)
		db_prefetch(db, ST_SESSION_OTHERS, m->sender_id, m->session_id);
	key_prefetch(db);
}

static enum db_result
send_message(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result)
{
	bool full = false;
	enum db_result r;

	prefetch(db, m, key);
	r = db_message_repeat(db, m, key, result);
	if (r != DB_NONE)
		return r == DB_ROW ? DB_DONE : r;
	r = check_target(db, m, result);
	if (r != DB_DONE)
		return r == DB_NONE ? DB_DONE : r;
	r = waiting_check(db, m->sender_id, waiting_for(m), &full);
	if (r == DB_DONE && full) {
		*result = SEND_WAITING_FULL;
		return DB_DONE;
	}
	if (r == DB_DONE)
		r = post_put(db, m);
	if (r == DB_UNDO)
		*result = SEND_LIMITED;
	if (r != DB_DONE || !key->key)
		return r;
	return db_exec_async(db, ST_IDEMPOTENCY_PUT, m->sender_id, key->key,
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
