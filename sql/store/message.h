/* Messages, their deliveries and the streams in which sessions fetch them. Strings live in the
 * given arena. */
#ifndef SQL_MESSAGE_H
#define SQL_MESSAGE_H

#include "fact.h"

enum delivery_state {
	DELIVERY_QUEUED,
	DELIVERY_CLAIMED,
	DELIVERY_DELIVERED,
	DELIVERY_READ,
	DELIVERY_SENT, /* left the relay */
	DELIVERY_FAILED,
	DELIVERY_EXPIRED,
	DELIVERY__MAX
};

/* True when a delivery may go from one state to the other: queued, claimed, sent, delivered, read,
 * in this order; failed and expired are ends that only what was not sent comes to. */
bool delivery_may_become(enum delivery_state from, enum delivery_state to);
#define MESSAGE_FILES_MAX 10

/* Is a message of this kind a reaction to another? */
bool message_is_reaction(const char *kind);

/* The wire's word for a state. */
const char *delivery_state_name(enum delivery_state s);

struct message {
	int64_t id;
	uint8_t public_id[ID_BYTES];
	int64_t sender_id; /* 0: the relay itself */
	int64_t group_id; /* 0: not sent to a group */
	char *channel, *kind, *destination;
#define SEALED(NAME, field, shown) char *field; /* NULL where there is none */
#include "sealed.def"
#undef SEALED
	struct fact *fact; /* what the relay tells, which has no text; or NULL */
	int64_t duration_ms; /* of a voice note; 0: none is given */
	bool is_reply;
	uint8_t reply_to[ID_BYTES];
	int64_t created_at, edited_at, deleted_at, scrubbed_at; /* 0: never */
	int64_t received_at; /* by the phone that brought it in; 0: no phone did */
	char *phone_id; /* that it came in by or leaves by; NULL: none, or any */
	char *from, *from_name; /* NULL for the relay itself */
	enum delivery_state state;
	int64_t delivered_at, read_at;
	int64_t seq; /* position in the stream it was read from */
	bool is_own; /* in a poll that asks for them: another session of the caller wrote it */
	char *request_key; /* there: what the caller sent it under, if still known; or NULL */
};

/* Where a new message goes, or that it came in. */
enum target_kind { TARGET_ACCOUNT, TARGET_GROUP, TARGET_EXTERNAL, TARGET_INBOUND };

struct message_target {
	enum target_kind kind;
	union {
		struct {
			int64_t id;
			bool blocked; /* the sender, by it: it never reaches its stream */
		} account;
		struct {
			int64_t id; /* its members get it, but for the sender */
			int least_role; /* of those who do */
			bool outlives; /* it goes to the members' own streams */
		} group;
		struct bridge_new *external; /* how it leaves the relay */
		struct { /* brought by a phone of `sender_id`, who gets it */
			const char *from; /* who wrote it there */
			const char *phone_id; /* empty: it has no name */
			int64_t received_at; /* by the phone */
		} inbound;
	};
};

struct message_new {
	int64_t sender_id; /* 0: the relay itself */
	struct message_target to;
	int64_t session_id; /* of the sender */
	const char *channel, *kind, *destination; /* as it is shown */
#define SEALED(NAME, field, shown) const char *field; /* or NULL */
#include "sealed.def"
#undef SEALED
	const struct fact *fact; /* what the relay tells, instead of a text; or NULL */
	int64_t duration_ms; /* 0: none */
	int64_t files[MESSAGE_FILES_MAX]; /* what `attachments` names */
	int file_count;
	bool file_is_gone; /* out: one of the files went a moment ago */
	const uint8_t *reply_to;
	int64_t now;
	uint8_t public_id[ID_BYTES]; /* out */
};

/* A message that `account_id` sent or received: DB_ROW, or DB_NONE (also when it is somebody
 * else's). State and times are the account's own as a recipient, the least advanced recipient's as
 * the sender. */
enum db_result db_message_get(struct db *db, struct arena *a,
    const uint8_t public_id[static ID_BYTES], int64_t account_id, struct message *out);

/* A page of messages: the caller sets limit and text_limit, the store the rest. */
struct message_page {
	int limit;
	size_t text_limit; /* bytes of text after which the page ends, never before its first
			      message */
	bool with_own; /* the statement returns is_own and request_key, too */
	struct message *list; /* in the arena */
	int count;
	bool more;
	int64_t next; /* where the next page starts */
};

/* One page of all messages that the account sent (after id `after`) or received (after position
 * `after`). DB_DONE. */
enum db_result db_message_export(struct db *db, struct arena *a, int64_t account_id, bool sent,
    int64_t after, struct message_page *page);

#endif
