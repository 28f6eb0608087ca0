/* Reading JSON (RFC 8259) into json-c's objects. Its own reader is not used: without memory it
 * leaves out members and says that all is well. */
#include "json_read.h"

#include "json_write.h"
#include "text.h"

#include <ctype.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 16 /* of values in each other */

struct reader {
	const char *s, *end;
	char *room; /* for texts without their escapes: none grows, so all fit */
};

static bool read_value(struct reader *r, int depth, struct json_object **out);

static void
skip_blanks(struct reader *r)
{
	while (r->s < r->end && strchr(" \t\r\n", *r->s))
		r->s++;
}

/* Is that the next character? Then it is behind us. */
static bool
take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->s == r->end || *r->s != c)
		return false;
	r->s++;
	return true;
}

/* What was made, or a note that memory is out. */
static bool
is_made(struct json_object *o)
{
	if (!o)
		json_note_lost();
	return o;
}

/* -- texts ------------------------------------------------------------------------------------- */

/* Four digits of base 16 behind a "u"; -1: there are none. */
static int32_t
read_hex(const char *s, const char *end)
{
	char digits[5] = "";

	if (end - s < 5 || *s != 'u')
		return -1;
	memcpy(digits, s + 1, 4);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? (int32_t)strtoul(digits, NULL, 16) :
							       -1;
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* What stands behind a backslash; text_json_strict has seen to it that no surrogate is alone. */
static bool
read_escape(struct reader *r, char **to)
{
	static const char words[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	const char *at = r->s < r->end ? strchr(words, *r->s) : NULL;
	int32_t c, low;

	if (at && *r->s) {
		*(*to)++ = plain[at - words];
		r->s++;
		return true;
	}
	c = read_hex(r->s, r->end);
	if (c < 0)
		return false;
	r->s += 5;
	if (c >= 0xd800 && c < 0xdc00) {
		low = r->end - r->s > 1 ? read_hex(r->s + 1, r->end) : -1;
		if (low < 0)
			return false;
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
		r->s += 6;
	}
	*to = put_utf8(*to, (unsigned)c);
	return true;
}

/* The text that begins here, in r->room, which moves on behind it; NULL: there is none. */
static const char *
read_text(struct reader *r, int *len)
{
	char *text = r->room, *to = text;

	if (!take(r, '"'))
		return NULL;
	while (r->s < r->end && *r->s != '"') {
		if (*r->s != '\\')
			*to++ = *r->s++;
		else if (r->s++, !read_escape(r, &to))
			return NULL;
	}
	if (r->s == r->end)
		return NULL;
	r->s++;
	*len = (int)(to - text);
	*to++ = '\0';
	r->room = to;
	return text;
}

/* -- values ------------------------------------------------------------------------------------ */

static const char *
skip_digits(const char *s, const char *end)
{
	while (s < end && isdigit((unsigned char)*s))
		s++;
	return s;
}

/* A number as it stands there; json-c keeps the writing of one with a point or an exponent. */
static bool
read_number(struct reader *r, struct json_object **out)
{
	const char *from = r->s, *s = from + (*from == '-'), *whole = s, *part;
	char *text = r->room;
	bool is_int = true;

	s = skip_digits(s, r->end);
	if (s == whole || (*whole == '0' && s > whole + 1))
		return false;
	if (s < r->end && *s == '.') {
		part = s + 1;
		s = skip_digits(part, r->end);
		is_int = false;
		if (s == part)
			return false;
	}
	if (s < r->end && (*s | 0x20) == 'e') {
		part = s + 1 + (s + 1 < r->end && (s[1] == '+' || s[1] == '-'));
		s = skip_digits(part, r->end);
		is_int = false;
		if (s == part)
			return false;
	}
	memcpy(text, from, (size_t)(s - from));
	text[s - from] = '\0';
	r->room += s - from + 1;
	r->s = s;
	/* what is too large for a whole number becomes the largest, which no field allows */
	*out = is_int ? json_object_new_int64(strtoll(text, NULL, 10)) :
			json_object_new_double_s(strtod(text, NULL), text);
	return is_made(*out);
}

static bool
read_word(struct reader *r, struct json_object **out)
{
	static const char *const words[] = { "null", "true", "false" };

	for (int i = 0; i < 3; i++) {
		const size_t len = strlen(words[i]);

		if ((size_t)(r->end - r->s) < len || memcmp(r->s, words[i], len) != 0)
			continue;
		r->s += len;
		*out = i ? json_object_new_boolean(i == 1) : NULL;
		return i == 0 || is_made(*out);
	}
	return false;
}

static bool
read_list(struct reader *r, int depth, struct json_object **out)
{
	*out = json_object_new_array();
	if (!is_made(*out))
		return false;
	if (take(r, ']'))
		return true;
	do {
		struct json_object *item = NULL;

		if (!read_value(r, depth + 1, &item)) {
			json_object_put(item);
			return false;
		}
		if (json_object_array_add(*out, item) != 0) {
			json_note_lost();
			json_object_put(item);
			return false;
		}
	} while (take(r, ','));
	return take(r, ']');
}

static bool
read_members(struct reader *r, int depth, struct json_object **out)
{
	*out = json_object_new_object();
	if (!is_made(*out))
		return false;
	if (take(r, '}'))
		return true;
	do {
		struct json_object *value = NULL;
		int len;
		const char *name = read_text(r, &len);

		if (!name || !take(r, ':') || !read_value(r, depth + 1, &value)) {
			json_object_put(value);
			return false;
		}
		if (json_object_object_add(*out, name, value) != 0) {
			json_note_lost();
			json_object_put(value);
			return false;
		}
	} while (take(r, ','));
	return take(r, '}');
}

/* False: it is none, or memory is out; then *out is what there was until then. */
static bool
read_value(struct reader *r, int depth, struct json_object **out)
{
	const char *text;
	int len;

	skip_blanks(r);
	if (depth == DEPTH || r->s == r->end)
		return false;
	switch (*r->s) {
	case '{':
		r->s++;
		return read_members(r, depth, out);
	case '[':
		r->s++;
		return read_list(r, depth, out);
	case '"':
		text = read_text(r, &len);
		*out = text ? json_object_new_string_len(text, len) : NULL;
		return text && is_made(*out);
	default:
		return *r->s == '-' || isdigit((unsigned char)*r->s) ? read_number(r, out) :
								       read_word(r, out);
	}
}

bool
json_read(const char *text, size_t len, struct json_object **root)
{
	struct reader r = { text, text + len, NULL };
	char *room;
	bool ok;

	*root = NULL;
	if (len >= INT_MAX || !text_json_strict(text, len))
		return false;
	room = r.room = malloc(len + 1);
	if (!room) {
		json_note_lost();
		return false;
	}
	ok = read_value(&r, 0, root);
	skip_blanks(&r);
	if (!ok || r.s < r.end) {
		json_object_put(*root);
		*root = NULL;
		ok = false;
	}
	explicit_bzero(room, len + 1);
	free(room);
	return ok;
}
