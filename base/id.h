/* Public ids: a short prefix and a random UUID (RFC 4122, version 4) as 32 hex digits, such as
 * msg_0af3.... */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define ID_BYTES 16
#define ID_TEXT_BYTES 40 /* prefix of 4, 32 digits, NUL, rounded up */

/* A new random id. */
void id_make(uint8_t out[static ID_BYTES]);

/* One that begins as the last ones of this process do, with 80 random bits of its own: in an index
 * of millions these lie on one page, where each of id_make's dirties another. Unlike one that
 * begins with the time (UUID version 7) it does not say when it was made, which outlives what else
 * did. */
void id_make_near(uint8_t out[static ID_BYTES]);

/* The public form of an id; `prefix` has 4 characters. */
void
id_format(const char *prefix, const uint8_t id[static ID_BYTES], char out[static ID_TEXT_BYTES]);

/* Reads the public form; false when it is anything else. */
bool id_parse(const char *prefix, const char *s, uint8_t out[static ID_BYTES]);

#endif
