/* Input fields: a table per handler says what a request may hold; one reader checks it and fills a
 * struct. */
#ifndef FCGI_FIELDS_H
#define FCGI_FIELDS_H

#include "request.h"

enum field_kind {
	FIELD_END,
	FIELD_TEXT, /* const char *: NULL when absent; min and max count bytes */
	FIELD_INT, /* int64_t: `fallback` when absent */
	FIELD_BOOL, /* int: 0, 1, or `fallback` when absent */
	FIELD_TEXTS, /* struct field_texts; min and max count items of up to item_size bytes, 0: 128
		      */
	FIELD_NUMBERS, /* const char *: the list as JSON, NULL when absent; up to `max` numbers */
	FIELD_LIST, /* struct field_list: objects that `items` describes; min and max count them */
	FIELD_NAMED /* as FIELD_LIST; a string stands for an object with the first field alone */
};

struct field_texts {
	const char **items;
	int count;
};

struct field_list {
	void *items; /* `count` structs of the table's item_size */
	int count;
};

/* What a typed text is kept as, written to `out` (FIELD_CLEAN_BYTES), or what it must be instead,
 * as in "email must be ...". */
#define FIELD_CLEAN_BYTES 1024
typedef const char *field_clean(const char *typed, char *out);

struct field {
	const char *name;
	enum field_kind kind;
	bool required;
	int64_t min, max, fallback;
	size_t offset;
	bool (*check)(const char *value); /* for texts: a further rule, or NULL */
	const char *rule; /* what that rule allows, for the error */
	const struct field *items; /* of FIELD_LIST and FIELD_NAMED */
	size_t item_size;
	field_clean *clean; /* for texts: before all limits and rules, or NULL */
};

#define FIELD_REQUIRED true
#define FIELD_OPTIONAL false
#define FIELD_ABSENT (-1)

/* Reads body or query into r->in by the route's table. False: it responded with 400, 413 or 415. */
bool fields_read(struct request *r);

#endif
