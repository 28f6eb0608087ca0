/* Keys of what is sealed, as they stand in a row. In a file of one's own that is the key itself,
 * which is overwritten there. A server keeps what was overwritten, in dead rows and in its log:
 * there it is wrapped under the key of the epoch, which no server ever sees. */
#ifndef SQL_KEY_H
#define SQL_KEY_H

#include "db_internal.h"
#include "id.h"
#include "secret.h"

#define KEY_EPOCH_BYTES 8
#define KEY_WRAPPED_BYTES (KEY_EPOCH_BYTES + SECRET_SEAL_KEY_BYTES + SECRET_SEAL_EXTRA_BYTES)

struct key_row {
	uint8_t bytes[KEY_WRAPPED_BYTES];
	struct db_blob blob; /* of them, those that stand in the row */
};

/* As many zeros as a key: what a destroyed one is overwritten with, and what stands where none is
 * needed. */
extern const struct db_blob key_none;

/* Says, as db_prefetch, that key_wrap follows. */
void key_prefetch(struct db *db);

/* What stands in the row for the key of the message, file or document `id`. Inside of a write.
 * DB_DONE, or DB_BUSY: this machine has not the epoch's key yet. */
enum db_result key_wrap(struct db *db, const uint8_t id[static ID_BYTES],
    const uint8_t key[static SECRET_SEAL_KEY_BYTES], struct key_row *out);

/* The key that stands in a column. DB_ROW; DB_NONE: it was destroyed, there is none, or it is not
 * of this; DB_BUSY: it is under an epoch whose key this machine has not, yet or any more: ask
 * again. */
enum db_result key_unwrap(struct db *db, struct db_stmt *st, int column,
    const uint8_t id[static ID_BYTES], uint8_t key[static SECRET_SEAL_KEY_BYTES]);

/* The epoch of the wrapped key in a column; 0: it is not wrapped. */
int64_t key_epoch(struct db_stmt *st, int column);

/* How the wrapped keys of an epoch begin. */
void key_prefix(int64_t epoch, uint8_t out[static KEY_EPOCH_BYTES]);

/* Puts the key of where a message went back as it is, for the record that stays of it: who wrote to
 * whom is no secret of an epoch's length. Inside of a write. DB_DONE. */
enum db_result
key_lay_open(struct db *db, int64_t message_id, const uint8_t public_id[static ID_BYTES]);

#endif
