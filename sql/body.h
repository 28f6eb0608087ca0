/* What a message says, as one sealed blob: text and all that belongs to it, under a key of its own.
 */
#ifndef SQL_BODY_H
#define SQL_BODY_H

#include "db_internal.h"
#include "id.h"
#include "secret.h"

enum body_part { BODY_TEXT, BODY_SUBJECT, BODY_TITLE, BODY_ATTACHMENTS, BODY_WAVEFORM, BODY__MAX };

struct body {
	uint8_t key[SECRET_SEAL_KEY_BYTES];
	uint8_t *sealed; /* to be freed with body_free */
	size_t len;
};

/* Seals the parts (NULL: left out) for the message `id` under a new key. False: out of memory. */
bool body_seal(
    const uint8_t id[static ID_BYTES], const char *const parts[static BODY__MAX], struct body *out);

/* Releases and wipes. */
void body_free(struct body *b);

/* Bytes of what the blob in column `c` says, without what packing and sealing add. */
size_t body_text_bytes(sqlite3_stmt *st, int c);

/* Opens the blob in column `c`, whose key stands in the next one, into strings of the arena. A
 * scrubbed body, and one that cannot be opened, has an empty text and no other part. False: no
 * room. */
bool body_open(sqlite3_stmt *st, int c, const uint8_t id[static ID_BYTES], struct arena *a,
    char *parts[static BODY__MAX]);

#endif
