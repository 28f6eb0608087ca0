/* What a message says, where it went, what a file is called: packed texts, each pack sealed under a
 * key of its own. */
#ifndef SQL_BODY_H
#define SQL_BODY_H

#include "db_internal.h"
#include "id.h"
#include "secret.h"

enum body_part {
#define SEALED(NAME, field, shown) BODY_##NAME,
#include "sealed.def"
#undef SEALED
	BODY__MAX
};
/* Parts are identified by their position: new ones go to the end. */
enum address_part { ADDRESS_TO, ADDRESS_EXTERNAL, ADDRESS_PHONE, ADDRESS__MAX };
enum label_part { LABEL_NAME, LABEL_MIME, LABEL__MAX };

struct body {
	uint8_t key[SECRET_SEAL_KEY_BYTES];
	uint8_t *sealed; /* to be freed with body_free */
	size_t len;
};

/* Seals `count` parts (NULL: left out) for the message or file `id` under a new key. False: out of
 * memory. */
bool
body_seal(const uint8_t id[static ID_BYTES], const char *const *parts, int count, struct body *out);

/* Releases and wipes. */
void body_free(struct body *b);

/* Bytes of what the body in column `c` says, without what packing and sealing add. */
size_t body_text_bytes(struct db_stmt *st, int c);

/* Opens the pack in column `c`, whose key stands in the next one, into `count` strings of the
 * arena. Of one that was scrubbed, or cannot be opened, the first part is empty and the others are
 * NULL. DB_DONE; DB_BUSY as key_unwrap; DB_FAIL: no room. */
enum db_result body_open(struct db *db, struct db_stmt *st, int c,
    const uint8_t id[static ID_BYTES], struct arena *a, char **parts, int count);

#endif
