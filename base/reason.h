/* What another side said why something failed, without whom it was about. */
#ifndef BASE_REASON_H
#define BASE_REASON_H

#include <stddef.h>

/* The words on one line of UTF-8, cut to `size` bytes with the NUL. `address` (where the message
 * went; "": unknown), its parts, and whatever else looks like an e-mail address or a telephone
 * number, stand as "*"; status codes at the beginning stay. */
void reason_clean(const char *words, const char *address, char *out, size_t size);

/* The first number of 400 to 599 in the words, as SMTP and HTTP say that something failed; 0: there
 * is none. */
int reason_code(const char *words);

#endif
