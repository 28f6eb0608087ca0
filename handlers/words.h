/* What the relay itself says to people, in their language. */
#ifndef HANDLERS_WORDS_H
#define HANDLERS_WORDS_H

#include "arena.h"

enum word {
#define WORDS(key, ...) WORD_##key,
#include "words.def"
#undef WORDS
	WORD__MAX
};

/* What stands for a {name} of a text; the list ends with a name that is NULL. */
struct words_value {
	const char *name, *value;
};

/* The text with its placeholders filled, in the arena. `language` is a tag such as "de" or "pt-BR"
 * (RFC 5646), of which the first part counts; English where it is NULL or not among the
 * catalogue's. NULL: no memory. */
const char *
words_say(struct arena *a, enum word which, const char *language, const struct words_value *values);

/* The same for a text that people see among others': values are kept apart from it, whichever way
 * their letters run. English ones stand as they are. */
const char *words_format(
    struct arena *a, enum word which, const char *language, const struct words_value *values);

enum words_mail { WORDS_CODE, WORDS_STRANGER, WORDS_MAIL__MAX };

struct words {
	const char *subject, *body;
};

/* Subject and body of a mail, as words_say. `code` may be NULL. */
struct words words_mail(struct arena *a, enum words_mail which, const char *language,
    const char *relay_name, const char *code);

#endif
