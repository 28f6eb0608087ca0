/* What a search looks at, and for. */
#include "search.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

void
search_key(const char *name, const char *address, char *out, size_t size)
{
	size_t len;

	text_fold(name, out, size);
	len = strlen(out);
	snprintf(out + len, size - len, "\n%s", address);
}

char *
search_like(struct arena *a, const char *match)
{
	char *out = arena_alloc(a, 2 * strlen(match) + 3), *p = out;

	if (!out || !*match)
		return out;
	*p++ = '%';
	for (; *match; match++) {
		if (strchr("%_\\", *match))
			*p++ = '\\';
		*p++ = *match;
	}
	*p = '%';
	return out;
}
