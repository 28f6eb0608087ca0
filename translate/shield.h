/* What of a text a translation must not change, and which parts of it are for an engine: never line
 * breaks, code, links, addresses, mentions, emoji and white space around them. */
#ifndef TRANSLATE_SHIELD_H
#define TRANSLATE_SHIELD_H

#include "arena.h"

#include <stdbool.h>
#include <stddef.h>

/* A part of a text that an engine is asked for. */
struct segment {
	const char *at;
	size_t len;
	int owner; /* of the list when it was added */
	const char *out; /* what replaces it; NULL: it stays as it is */
};

struct segments {
	struct segment *list;
	int count, room;
	int owner; /* of what is added next; for callers that keep several texts in one list */
	bool failed; /* out of memory */
};

/* Adds a segment for each line that has letters outside of what is kept. What is kept at its ends
 * is left out, what is kept between words is in it. In the arena. */
void shield_lines(const char *text, struct arena *a, struct segments *out);

/* Adds a segment for each run of words of `s`, without what is kept between them. */
void shield_pieces(const struct segment *s, struct arena *a, struct segments *out);

/* Is every kept part of the segment in the translation, as often as in the segment? */
bool shield_holds(const struct segment *s, const char *translation);

/* Is it fit to be shown instead of `s`: UTF-8, one line, not empty, of a sane length? White
 * space around it is taken off, in place. */
bool shield_trim(const struct segment *s, char *translation);

/* The text with the segments replaced, which are in its order; in the arena. NULL: no memory. */
char *shield_join(const char *text, const struct segments *s, struct arena *a);

#endif
