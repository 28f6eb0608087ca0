/* Which languages an engine offers, and from which to which. It may lie in shared memory. */
#ifndef TRANSLATE_LANGUAGES_H
#define TRANSLATE_LANGUAGES_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

#define LANGUAGES_MAX 128

/* All zeros: none are known. */
struct languages {
	int count;
	bool all_pairs; /* every one into every other */
	char codes[LANGUAGES_MAX][TEXT_LANGUAGE_BYTES]; /* as clients write them */
	uint8_t pairs[LANGUAGES_MAX][LANGUAGES_MAX / 8]; /* bits, by from and to */
};

/* Is it a language as engines name them? */
bool languages_is_code(const char *s);

/* The index of a code, which is added when it is not there. -1: it is none, or the table is full.
 */
int languages_add(struct languages *l, const char *code);

/* Adds the list of a setting; every pair is offered then. */
void languages_add_list(struct languages *l, const char *list);

/* Notes that `from` is translated into `to`; indexes, where -1 is ignored. */
void languages_pair(struct languages *l, int from, int to);
bool languages_has_pair(const struct languages *l, int from, int to);

/* Notes whether every pair is offered. */
void languages_close(struct languages *l);

/* The index of a language as a client asks for it: the code itself, without regard to case, or the
 * first with the same language before the hyphen. -1: it is not offered. */
int languages_find(const struct languages *l, const char *wanted);

#endif
