/* Memory of one request: allocations are never freed one by one, arena_reset releases all at once.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
	size_t total, ceiling; /* bytes held by chunks, and the most they may hold */
	bool full; /* something was refused since the last reset: what was made may lack parts */
	bool gone; /* the system had no memory left */
};

/* Prepares an empty arena that will hold at most `ceiling` bytes. */
void arena_init(struct arena *a, size_t ceiling);

/* `size` zeroed bytes, aligned for any type; NULL when the ceiling is reached (then `full` is set)
 * or memory is out (then `gone` is set as well). */
void *arena_alloc(struct arena *a, size_t size);

/* A NUL-terminated copy of `len` bytes; NULL as arena_alloc. */
char *arena_strndup(struct arena *a, const char *s, size_t len);

/* A copy of a string; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);

/* A formatted string; NULL as arena_alloc. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets all allocations; keeps one small chunk for the next request. */
void arena_reset(struct arena *a);

/* Releases everything. */
void arena_free(struct arena *a);

#endif
