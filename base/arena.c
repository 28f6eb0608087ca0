/* A chain of chunks, newest first; one small chunk stays between requests. */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ARENA_CHUNK_BYTES
#define ARENA_CHUNK_BYTES 16384 /* a test takes so small ones that each allocation has its own */
#endif
#define CHUNK_BYTES ((size_t)ARENA_CHUNK_BYTES)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size, used;
	max_align_t data[];
};

void
arena_init(struct arena *a, size_t ceiling)
{
	*a = (struct arena){ .ceiling = ceiling };
}

static struct arena_chunk *
chunk_new(struct arena *a, size_t need)
{
	size_t size = need > CHUNK_BYTES ? need : CHUNK_BYTES;
	struct arena_chunk *c;

	if (size > a->ceiling || a->total > a->ceiling - size) {
		a->full = true;
		return NULL;
	}
	c = malloc(sizeof(*c) + size);
	if (!c) {
		a->full = a->gone = true;
		return NULL;
	}
	c->next = a->head;
	c->size = size;
	c->used = 0;
	a->head = c;
	a->total += size;
	return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_chunk *c = a->head;
	char *p;

	if (size > SIZE_MAX - align) {
		a->full = true;
		return NULL;
	}
	size = (size + align - 1) / align * align;
	if (!c || c->size - c->used < size)
		c = chunk_new(a, size);
	if (!c)
		return NULL;
	p = (char *)c->data + c->used;
	c->used += size;
	memset(p, 0, size);
	return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

/* Frees every chunk but (when `keep`) one of the standard size, wiping what stays. */
static void
release(struct arena *a, int keep)
{
	struct arena_chunk *c = a->head, *kept = NULL;

	while (c) {
		struct arena_chunk *next = c->next;

		explicit_bzero(c->data, c->used);
		if (keep && !kept && c->size == CHUNK_BYTES)
			kept = c;
		else
			free(c);
		c = next;
	}
	a->head = kept;
	a->total = 0;
	a->full = a->gone = false;
	if (kept) {
		kept->next = NULL;
		kept->used = 0;
		a->total = kept->size;
	}
}

void
arena_reset(struct arena *a)
{
	release(a, 1);
}

void
arena_free(struct arena *a)
{
	release(a, 0);
}
