/* What the relay itself says to people by mail, in their language. */
#ifndef HANDLERS_WORDS_H
#define HANDLERS_WORDS_H

#include "arena.h"

enum words_mail { WORDS_CODE, WORDS_STRANGER, WORDS__MAX };

struct words {
	const char *subject, *body;
};

/* Subject and body in the arena. `language` is a tag such as "de" or "pt-BR" (RFC 5646), of which
 * the first part counts; English where it is NULL or not among the catalogue's. `code` may be NULL.
 * Without memory either is NULL. */
struct words words_mail(struct arena *a, enum words_mail which, const char *language,
    const char *relay_name, const char *code);

#endif
