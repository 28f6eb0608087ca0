/* What a search looks at, and for. */
#ifndef SQL_SEARCH_H
#define SQL_SEARCH_H

#include "arena.h"

/* The case-folded text that the directory searches. */
void search_key(const char *name, const char *address, char *out, size_t size);

/* A LIKE pattern for "contains"; wildcards in `match` are taken literally; "" for "". NULL: no
 * room. */
char *search_like(struct arena *a, const char *match);

#endif
