/* Sending a message. */
#ifndef SQL_POST_H
#define SQL_POST_H

#include "message.h"
#include "secret.h"

struct idempotency {
	const char *key; /* NULL: none */
	uint8_t body_mac[SECRET_HASH_BYTES];
};

/* Inside a write of the store: puts the message, its deliveries and their positions in the streams.
 * DB_DONE.
 */
enum db_result post_put(struct db *db, struct message_new *m);

enum send_result {
	SEND_NEW,
	SEND_REPEATED,
	SEND_KEY_REUSED,
	SEND_NO_MEMBER, /* of the group */
	SEND_NO_RIGHT, /* a plain member of a stream group */
	SEND_NO_RECIPIENT, /* erased or blocked a moment ago */
	SEND_NO_FILE, /* likewise */
	SEND_WAITING_FULL, /* too much of the sender's waits already */
	SEND_LIMITED /* no more external ones before m->to.external->retry_at */
};

/* Stores a message together with its idempotency record, or finds the one that the key already
 * made; either way m->public_id is the message's. Rights are
 * those of this moment. DB_DONE with *result; DB_ORPHAN: the sender was erased. */
enum db_result db_message_send(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result);

/* Looks the key up without sending: DB_ROW with *result and m->public_id, or DB_NONE. */
enum db_result db_message_repeat(
    struct db *db, struct message_new *m, const struct idempotency *key, enum send_result *result);

/* Inside a write: one position in the group's stream, and a wake-up for its members of at least
 * that role, but for one account (0: for all). DB_DONE. */
enum db_result post_stream_group(struct db *db, int64_t group_id, int64_t seq, int64_t message_id,
    int64_t but_account, int64_t least_role);

/* Inside a write: the same position in the stream of a sender who has another session that wants to
 * see what this one does. DB_DONE. */
enum db_result
post_copy(struct db *db, int64_t sender_id, int64_t session_id, int64_t seq, int64_t message_id);

/* May the account write to the group now, or with as_reader what plain members may? DB_DONE, or
 * DB_NONE with *result. */
enum db_result post_check_group(
    struct db *db, int64_t group_id, int64_t sender_id, bool as_reader, enum send_result *result);

#endif
