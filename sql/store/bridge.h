/* External messages: queues that phones empty. A phone is handed a message under a lease;
 * what it does not acknowledge in time goes back to the queue. Leases end by comparing times:
 * nothing needs to run for that. */
#ifndef SQL_BRIDGE_H
#define SQL_BRIDGE_H

#include "message.h"
#include "channel.h"

#define BRIDGE_LEASE_MS 60000
#define BRIDGE_TRIES 5 /* after the first one */
#define BRIDGE_PAUSE_MS 3600000 /* the longest before another try */
#define BRIDGE_CLAIM_MOST 100

/* Of a message in the bridge: neither of the others, it waits for a phone, it failed there for
 * good.
 */
#define STAGE_OVER ((int64_t)0)
#define STAGE_QUEUED ((int64_t)1)
#define STAGE_FAILED ((int64_t)2)

/* How a message leaves. */
struct bridge_new {
	const char *phone_id; /* whose queue; empty: any phone of the sender */
	const char *bot_token; /* kept until the message is over; or NULL */
	bool by_relay; /* it goes to the outbox and not to a phone */
	enum outbox_kind kind; /* of the outbox */
	int64_t expires_at; /* for the outbox: it is not sent later than this; 0: however late */
	int most_per_day; /* messages of this channel by this sender; 0: any number */
	int64_t retry_at; /* out, with SEND_LIMITED: not before that */
};

/* Inside a write: the queue's row and the delivery of a new message. DB_DONE; DB_UNDO with
 * m->to.external->retry_at: that would be more than one may send in a day. */
enum db_result bridge_put(struct db *db, const struct message_new *m, int64_t message_id);

/* True while nobody was handed the message; for messages inside the relay too. */
bool bridge_holds(const struct message *m);

/* Inside a write: the message is not handed out any more. DB_DONE. */
enum db_result bridge_withdraw(struct db *db, const struct message *m);

/* Inside a write: the message is over, in that state and for that reason (""). DB_DONE. */
enum db_result
bridge_end(struct db *db, int64_t message_id, enum delivery_state state, const char *reason);

struct bridge_claim {
	int64_t owner_id;
	const char *phone_id;
	unsigned channels; /* bits: indexes of channel_list */
	int limit; /* up to BRIDGE_CLAIM_MOST */
	size_t text_limit; /* bytes of text after which the response ends, never before its first */
	int64_t now, cutoff; /* messages made at cutoff or before have expired; 0: none */
	uint8_t lease_id[ID_BYTES]; /* out: of all that were handed out */
};

struct bridge_item {
	struct message m;
	char *phone_id, *bot_token; /* bot_token: NULL where there is none */
	int tries; /* that failed before */
};

/* Hands out what is due: each queue in its turn, so that a long one never keeps another
 * waiting. Writes only if something is due or the phone was not seen lately. DB_DONE. */
enum db_result db_bridge_claim(struct db *db, struct arena *a, struct bridge_claim *c,
    struct bridge_item out[static BRIDGE_CLAIM_MOST], int *count);

enum ack_result {
	ACK_DONE, /* it stands at that state, or beyond */
	ACK_UNKNOWN, /* no such message of this owner for phones */
	ACK_NOT_LEASED, /* it was not handed out since it last failed */
	ACK_LEASE_EXPIRED, /* another lease is the newer one */
	ACK_FINAL /* it ended otherwise */
};

struct bridge_ack {
	int64_t owner_id;
	const char *phone_id;
	uint8_t public_id[ID_BYTES];
	const uint8_t *lease_id; /* NULL: whichever the phone was given last */
	enum delivery_state status; /* sent, delivered or failed */
	const char *error; /* never NULL */
	int64_t now;
	enum ack_result result; /* out */
	enum delivery_state state; /* out: where the message stands, unless ACK_UNKNOWN */
};

/* Takes down what the phone did, in order. A lease that ended still counts while nobody else was
 * handed the message: it did go out. DB_DONE. */
enum db_result db_bridge_ack(struct db *db, struct bridge_ack *list, int n);

/* Ends what of the owner waited too long, and is under no lease. DB_DONE. */
enum db_result db_bridge_expire(struct db *db, int64_t owner_id, int64_t cutoff, int64_t now);

/* Why a message that `sender_id` sent failed, in the arena: once it was scrubbed, the code alone,
 * if there was one. DB_ROW or DB_NONE. */
enum db_result db_bridge_error(struct db *db, struct arena *a,
    const uint8_t public_id[static ID_BYTES], int64_t sender_id, char **out);

struct phone {
	char *phone_id;
	int64_t last_seen_at; /* 0: it never asked */
	int64_t queued, oldest_queued_at, leased, failed;
};

/* Up to `limit` phones and queues of an account after the phone `after` (NULL: from the first), in
 * order of phone_id. DB_DONE. */
enum db_result db_phone_list(struct db *db, struct arena *a, int64_t account_id, int64_t now,
    const char *after, int limit, struct phone *out, int *count);

#endif
