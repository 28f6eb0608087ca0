/* What became of a message, for its sender; and reading, by its recipient. */
#ifndef SQL_RECEIPT_H
#define SQL_RECEIPT_H

#include "actor.h"
#include "message.h"

/* Marks received messages as read; unknown ids and those of others change nothing. *updated counts.
 * DB_DONE. */
enum db_result db_receipt_read(struct db *db, struct actor who, const uint8_t (*ids)[ID_BYTES],
    int n, int64_t now, int *updated);

/* State and times of a message that `account_id` sent. DB_ROW or DB_NONE. */
enum db_result db_receipt_get(struct db *db, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, struct message *out);

struct receipt {
	char *chat_address;
	enum delivery_state state;
	int64_t delivered_at, read_at;
};

/* Up to `limit` recipients of a group message that `account_id` sent, in order of address; none for
 * other messages. DB_DONE. */
enum db_result
db_receipt_list(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, int limit, struct receipt *out, int *count);

#endif
