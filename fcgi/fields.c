/* Reading and validating input: JSON bodies and query strings by the same tables. */
#include "fields.h"

#include "json_read.h"
#include "resp.h"
#include "route.h"
#include "text.h"
#include "req.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ITEM_BYTES 128
#define NUMBER_MAX 1000000

static bool bad(struct request *r, const struct field *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool
bad(struct request *r, const struct field *f, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	resp_field_error(r, 400, "invalid_field", f->name, why);
	return false;
}

static bool
take_text(struct request *r, const struct field *f, const char *value, const char **out)
{
	size_t len;

	if (f->clean) {
		char *kept = arena_alloc(&r->arena, FIELD_CLEAN_BYTES);
		const char *must = kept ? f->clean(value, kept) : "smaller";

		if (must)
			return bad(r, f, "%s must be %s.", f->name, must);
		value = kept;
	}
	len = strlen(value);
	if ((int64_t)len < f->min || (int64_t)len > f->max)
		return bad(r, f, "%s must have %lld to %lld bytes.", f->name, (long long)f->min,
		    (long long)f->max);
	if (f->check && !f->check(value))
		return bad(r, f, "%s must be %s.", f->name, f->rule);
	*out = value;
	return true;
}

static bool
take_int(struct request *r, const struct field *f, int64_t value, int64_t *out)
{
	if (value < f->min || value > f->max)
		return bad(r, f, "%s must be %lld to %lld.", f->name, (long long)f->min,
		    (long long)f->max);
	*out = value;
	return true;
}

static bool
take_texts(struct request *r, const struct field *f, struct json_object *v, struct field_texts *out)
{
	const int most = f->item_size ? (int)f->item_size : ITEM_BYTES;
	size_t n = json_object_array_length(v);

	if ((int64_t)n < f->min || (int64_t)n > f->max)
		return bad(r, f, "%s must have %lld to %lld items.", f->name, (long long)f->min,
		    (long long)f->max);
	out->items = arena_alloc(&r->arena, (n + 1) * sizeof(*out->items));
	if (!out->items)
		return bad(r, f, "%s is too large.", f->name);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);

		if (!json_object_is_type(item, json_type_string) ||
		    json_object_get_string_len(item) > most)
			return bad(r, f, "%s must hold texts of up to %d bytes.", f->name, most);
		out->items[i] = arena_strdup(&r->arena, json_object_get_string(item));
		if (!out->items[i])
			return bad(r, f, "%s is too large.", f->name);
	}
	out->count = (int)n;
	return true;
}

static bool
fill_from_json(struct request *r, const struct field *fields, void *into, struct json_object *root);
static bool take_json(struct request *r, const struct field *f, void *into, struct json_object *v);

static bool
take_item(struct request *r, const struct field *f, struct json_object *item, void *into)
{
	if (f->kind == FIELD_NAMED && json_object_is_type(item, json_type_string))
		return take_json(r, f->items, into, item);
	if (json_object_is_type(item, json_type_object))
		return fill_from_json(r, f->items, into, item);
	return bad(
	    r, f, "%s must hold %sobjects.", f->name, f->kind == FIELD_NAMED ? "strings or " : "");
}

static bool
take_list(struct request *r, const struct field *f, struct json_object *v, struct field_list *out)
{
	size_t n = json_object_array_length(v);

	if ((int64_t)n < f->min || (int64_t)n > f->max)
		return bad(r, f, "%s must have %lld to %lld items.", f->name, (long long)f->min,
		    (long long)f->max);
	out->items = arena_alloc(&r->arena, (n + 1) * f->item_size);
	if (!out->items)
		return bad(r, f, "%s is too large.", f->name);
	for (size_t i = 0; i < n; i++) {
		if (!take_item(r, f, json_object_array_get_idx(v, i),
			(char *)out->items + i * f->item_size))
			return false;
	}
	out->count = (int)n;
	return true;
}

/* The list again as JSON text: nobody here counts with it. */
static bool
take_numbers(struct request *r, const struct field *f, struct json_object *v, const char **out)
{
	size_t n = json_object_array_length(v);

	if ((int64_t)n > f->max)
		return bad(r, f, "%s must have up to %lld numbers.", f->name, (long long)f->max);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);

		if ((!json_object_is_type(item, json_type_int) &&
			!json_object_is_type(item, json_type_double)) ||
		    !(json_object_get_double(item) >= -NUMBER_MAX &&
			json_object_get_double(item) <= NUMBER_MAX))
			return bad(r, f, "%s must hold numbers up to %d.", f->name, NUMBER_MAX);
	}
	*out = arena_strdup(&r->arena, json_text(v, NULL));
	return *out || bad(r, f, "%s is too large.", f->name);
}

static bool
take_json(struct request *r, const struct field *f, void *into, struct json_object *v)
{
	static const enum json_type want[] = { [FIELD_TEXT] = json_type_string,
		[FIELD_INT] = json_type_int,
		[FIELD_BOOL] = json_type_boolean,
		[FIELD_TEXTS] = json_type_array,
		[FIELD_NUMBERS] = json_type_array,
		[FIELD_LIST] = json_type_array,
		[FIELD_NAMED] = json_type_array };
	static const char *const words[] = { [FIELD_TEXT] = "a string",
		[FIELD_INT] = "a whole number",
		[FIELD_BOOL] = "true or false",
		[FIELD_TEXTS] = "a list of strings",
		[FIELD_NUMBERS] = "a list of numbers",
		[FIELD_LIST] = "a list of objects",
		[FIELD_NAMED] = "a list of strings or objects" };
	char *at = (char *)into + f->offset;
	int64_t most;
	char *copy;

	if (!json_object_is_type(v, want[f->kind]))
		return bad(r, f, "%s must be %s.", f->name, words[f->kind]);
	switch (f->kind) {
	case FIELD_TEXT:
		most = f->clean ? FIELD_CLEAN_BYTES - 1 : f->max;
		if (json_object_get_string_len(v) > most)
			return bad(r, f, "%s must have %lld to %lld bytes.", f->name,
			    (long long)f->min, (long long)f->max);
		copy = arena_strdup(&r->arena, json_object_get_string(v));
		if (!copy)
			return bad(r, f, "%s is too large.", f->name);
		return take_text(r, f, copy, (const char **)(void *)at);
	case FIELD_INT:
		return take_int(r, f, json_object_get_int64(v), (int64_t *)(void *)at);
	case FIELD_BOOL:
		*(int *)(void *)at = json_object_get_boolean(v);
		return true;
	case FIELD_NUMBERS:
		return take_numbers(r, f, v, (const char **)(void *)at);
	case FIELD_LIST:
	case FIELD_NAMED:
		return take_list(r, f, v, (struct field_list *)(void *)at);
	default:
		return take_texts(r, f, v, (struct field_texts *)(void *)at);
	}
}

static void
set_fallbacks(struct request *r)
{
	for (const struct field *f = r->route->fields; f->kind != FIELD_END; f++) {
		char *at = (char *)r->in + f->offset;

		if (f->kind == FIELD_INT)
			*(int64_t *)(void *)at = f->fallback;
		else if (f->kind == FIELD_BOOL)
			*(int *)(void *)at = (int)f->fallback;
	}
}

static bool
missing(struct request *r, const struct field *f)
{
	char why[128];

	snprintf(why, sizeof(why), "%s is missing.", f->name);
	resp_field_error(r, 400, "missing_field", f->name, why);
	return false;
}

static bool
fill_from_json(struct request *r, const struct field *fields, void *into, struct json_object *root)
{
	for (const struct field *f = fields; f->kind != FIELD_END; f++) {
		struct json_object *v;

		/* null is as good as nothing */
		if (json_object_object_get_ex(root, f->name, &v) && v) {
			if (!take_json(r, f, into, v))
				return false;
		} else if (f->required) {
			return missing(r, f);
		}
	}
	return true;
}

static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json";
	size_t n = sizeof(json) - 1;

	return strncasecmp(type, json, n) == 0 &&
	    (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static bool
only_blank(const char *s, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", s[len - 1]) && s[len - 1])
		len--;
	return len == 0;
}

static bool
read_json(struct request *r)
{
	struct json_object *root;
	bool ok;

	if (!req_read_body(r, r->route->body_limit))
		return false;
	if (r->body_len > 0 && !is_json_type(r->content_type)) {
		resp_error(r, 415, "unsupported_media_type", "The body must be application/json.");
		return false;
	}
	if (r->body_len >= 3 &&
	    memcmp(r->body, "\xef\xbb\xbf", 3) == 0) { /* a BOM: RFC 8259, 8.1 */
		r->body += 3;
		r->body_len -= 3;
	}
	if (only_blank(r->body, r->body_len)) {
		for (const struct field *f = r->route->fields; f->kind != FIELD_END; f++)
			if (f->required) {
				resp_error(
				    r, 400, "invalid_body", "The body must be a JSON object.");
				return false;
			}
		return true;
	}
	if (!json_read(r->body, r->body_len, &root)) {
		resp_error(r, 400, "invalid_json", "The body is not valid JSON in UTF-8.");
		return false;
	}
	ok = json_object_is_type(root, json_type_object);
	if (!ok)
		resp_error(r, 400, "invalid_body", "The body must be a JSON object.");
	ok = ok && fill_from_json(r, r->route->fields, r->in, root);
	json_object_put(root);
	return ok;
}

static int
hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Decodes one query value in place; false on a bad escape or an encoded NUL. */
static bool
percent_decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '%') {
			if (!isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]))
				return false;
			*out = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
			if (!*out)
				return false;
			s += 2;
		} else {
			*out = (char)(*s == '+' ? ' ' : *s);
		}
		out++;
	}
	*out = '\0';
	return true;
}

/* The value of a query parameter in the arena; NULL when it is absent. */
static char *
query_value(struct request *r, const char *name, bool *ok)
{
	size_t len = strlen(name);

	for (const char *p = r->query; *p;) {
		size_t part = strcspn(p, "&");

		if (part > len && strncmp(p, name, len) == 0 && p[len] == '=') {
			char *value = arena_strndup(&r->arena, p + len + 1, part - len - 1);

			*ok = value && percent_decode(value);
			return value;
		}
		p += part + (p[part] == '&');
	}
	return NULL;
}

static bool
take_query(struct request *r, const struct field *f, const char *value)
{
	char *at = (char *)r->in + f->offset, *end;
	long long n;

	if (f->kind == FIELD_TEXT && text_is_utf8(value, strlen(value)))
		return take_text(r, f, value, (const char **)(void *)at);
	errno = 0;
	n = strtoll(value, &end, 10);
	if (f->kind != FIELD_INT || errno ||
	    !(isdigit((unsigned char)value[0]) || value[0] == '-') || end == value || *end)
		return bad(r, f, "%s must be %s.", f->name,
		    f->kind == FIELD_INT ? "a whole number" : "valid UTF-8");
	return take_int(r, f, n, (int64_t *)(void *)at);
}

static bool
read_query(struct request *r)
{
	for (const struct field *f = r->route->fields; f->kind != FIELD_END; f++) {
		bool ok = true;
		const char *value = query_value(r, f->name, &ok);

		if (!ok)
			return bad(r, f, "%s is not properly percent-encoded.", f->name);
		if (value && !take_query(r, f, value))
			return false;
		if (!value && f->required)
			return missing(r, f);
	}
	return true;
}

/* Headers that say that the body is not what it looks like (RFC 9110, 8.4 and 14.5). */
static bool
body_is_plain(struct request *r)
{
	if (r->content_encoding[0] && strcasecmp(r->content_encoding, "identity") != 0) {
		resp_error(r, 415, "unsupported_media_type",
		    "The body must not be compressed: Content-Encoding is not understood here.");
		return false;
	}
	if (r->content_range[0]) {
		resp_error(r, 400, "invalid_body",
		    "The body must be whole: Content-Range is not understood here.");
		return false;
	}
	return true;
}

bool
fields_read(struct request *r)
{
	if (r->route->body_limit && !body_is_plain(r))
		return false;
	if (!r->route->fields)
		return true;
	r->in = arena_alloc(&r->arena, r->route->in_size);
	if (!r->in) {
		resp_error(r, 413, "too_large", "The request is too large.");
		return false;
	}
	set_fallbacks(r);
	return r->method == METHOD_GET || r->route->body_limit == ROUTE_FILE ? read_query(r) :
									       read_json(r);
}
