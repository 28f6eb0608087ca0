/* A small table of language codes and the pairs of them. */
#include "languages.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int
find_exactly(const struct languages *l, const char *code)
{
	for (int i = 0; i < l->count; i++)
		if (strcasecmp(l->codes[i], code) == 0)
			return i;
	return -1;
}

bool
languages_is_code(const char *s)
{
	return text_is_language(s) && strlen(s) < TEXT_LANGUAGE_BYTES;
}

int
languages_add(struct languages *l, const char *code)
{
	int at = find_exactly(l, code);

	if (at >= 0)
		return at;
	if (!languages_is_code(code) || l->count == LANGUAGES_MAX)
		return -1;
	snprintf(l->codes[l->count], TEXT_LANGUAGE_BYTES, "%s", code);
	return l->count++;
}

static bool
add_item(const char *item, void *arg)
{
	languages_add(arg, item);
	return true;
}

void
languages_add_list(struct languages *l, const char *list)
{
	text_list_each(list, add_item, l);
	l->all_pairs = true;
}

void
languages_pair(struct languages *l, int from, int to)
{
	if (from >= 0 && to >= 0)
		l->pairs[from][to / 8] |= (uint8_t)(1U << to % 8);
}

bool
languages_has_pair(const struct languages *l, int from, int to)
{
	return l->all_pairs || (l->pairs[from][to / 8] >> to % 8 & 1);
}

void
languages_close(struct languages *l)
{
	bool all = true;

	for (int from = 0; from < l->count; from++)
		for (int to = 0; to < l->count; to++)
			all = all && (from == to || languages_has_pair(l, from, to));
	l->all_pairs = all;
}

/* Bytes before the first hyphen. */
static size_t
primary(const char *code)
{
	return strcspn(code, "-");
}

int
languages_find(const struct languages *l, const char *wanted)
{
	const int at = find_exactly(l, wanted);

	for (int i = 0; at < 0 && i < l->count; i++)
		if (primary(l->codes[i]) == primary(wanted) &&
		    strncasecmp(l->codes[i], wanted, primary(wanted)) == 0)
			return i;
	return at;
}
