/* json-c takes no NULL for a parent, and a NULL value for null: what it returns is looked at here,
 * and nowhere else. */
#include "json_write.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEFT 64

static bool lost;

/* Parts that nobody took: whoever made one may go on filling it. What is more is not given back. */
static struct json_object *left[LEFT];
static int left_len;

static void
lose(struct json_object *o)
{
	lost = true;
	if (o && left_len < LEFT)
		left[left_len++] = o;
}

static struct json_object *
made(struct json_object *o)
{
	if (!o)
		lost = true;
	return o;
}

struct json_object *
json_new_object(void)
{
	return made(json_object_new_object());
}

struct json_object *
json_new_array(void)
{
	return made(json_object_new_array());
}

struct json_object *
json_new_text(const char *text)
{
	return made(json_object_new_string(text));
}

struct json_object *
json_new_text_len(const char *text, int len)
{
	return made(json_object_new_string_len(text, len));
}

struct json_object *
json_new_int(int64_t value)
{
	return made(json_object_new_int64(value));
}

struct json_object *
json_new_bool(bool value)
{
	return made(json_object_new_boolean(value));
}

void
json_add(struct json_object *o, const char *name, struct json_object *value)
{
	if (o && value && json_object_object_add(o, name, value) == 0)
		return;
	lose(value);
}

void
json_append(struct json_object *array, struct json_object *value)
{
	if (array && value && json_object_array_add(array, value) == 0)
		return;
	lose(value);
}

void
json_add_text(struct json_object *o, const char *name, const char *value)
{
	if (value)
		json_add(o, name, json_new_text(value));
}

void
json_add_int(struct json_object *o, const char *name, int64_t value)
{
	json_add(o, name, json_new_int(value));
}

void
json_add_bool(struct json_object *o, const char *name, bool value)
{
	json_add(o, name, json_new_bool(value));
}

/* An object with a text behind it is that text. */
void
json_add_raw(struct json_object *o, const char *name, char *json)
{
	struct json_object *raw = json ? json_new_object() : NULL;

	if (raw)
		json_object_set_userdata(raw, json, NULL);
	if (json)
		json_add(o, name, raw);
}

/* -- writing it out ------------------------------------------------------------------------------
 */

struct out {
	json_put *put;
	void *arg;
	size_t len;
};

static void
put(struct out *to, const char *text, size_t len)
{
	if (to->put && len > 0)
		to->put(to->arg, text, len);
	to->len += len;
}

/* RFC 8259, section 7. */
static void
put_escape(struct out *to, char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", word[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;
	char text[8];

	put(to, text,
	    (size_t)(at ? snprintf(text, sizeof(text), "\\%c", word[at - plain]) :
			  snprintf(text, sizeof(text), "\\u%04x", (unsigned char)c)));
}

static void
put_string(struct out *to, const char *text, size_t len)
{
	size_t from = 0;

	put(to, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(to, text + from, i - from);
		put_escape(to, text[i]);
		from = i + 1;
	}
	put(to, text + from, len - from);
	put(to, "\"", 1);
}

static void put_value(struct out *to, struct json_object *o);

static void
put_list(struct out *to, struct json_object *array)
{
	put(to, "[", 1);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		put(to, ",", i > 0);
		put_value(to, json_object_array_get_idx(array, i));
	}
	put(to, "]", 1);
}

static void
put_members(struct out *to, struct json_object *o)
{
	bool more = false;

	put(to, "{", 1);
	json_object_object_foreach(o, name, value)
	{
		put(to, ",", more);
		put_string(to, name, strlen(name));
		put(to, ":", 1);
		put_value(to, value);
		more = true;
	}
	put(to, "}", 1);
}

/* As it was read; json-c keeps that, and needs memory to say it. */
static void
put_double(struct out *to, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	if (!text || !*text)
		lost = true;
	else
		put(to, text, strlen(text));
}

static void
put_value(struct out *to, struct json_object *o)
{
	const char *raw;
	char number[32];

	switch (json_object_get_type(o)) {
	case json_type_string:
		put_string(to, json_object_get_string(o), (size_t)json_object_get_string_len(o));
		break;
	case json_type_int:
		put(to, number,
		    (size_t)snprintf(number, sizeof(number), "%" PRId64, json_object_get_int64(o)));
		break;
	case json_type_double:
		put_double(to, o);
		break;
	case json_type_boolean:
		put(to, json_object_get_boolean(o) ? "true" : "false",
		    json_object_get_boolean(o) ? 4 : 5);
		break;
	case json_type_array:
		put_list(to, o);
		break;
	case json_type_object:
		raw = json_object_get_userdata(o);
		if (raw)
			put(to, raw, strlen(raw));
		else
			put_members(to, o);
		break;
	default:
		put(to, "null", 4);
	}
}

size_t
json_write(struct json_object *o, json_put *each, void *arg)
{
	struct out to = { each, arg, 0 };

	put_value(&to, o);
	return to.len;
}

static void
append(void *arg, const char *text, size_t len)
{
	char **end = arg;

	memcpy(*end, text, len);
	*end += len;
}

char *
json_write_text(struct json_object *o, struct arena *a)
{
	const size_t size = json_write(o, NULL, NULL) + 1;
	char *text = !o ? NULL : a ? arena_alloc(a, size) : malloc(size), *end = text;

	if (text) {
		json_write(o, append, &end);
		*end = '\0';
	} else {
		lost = true;
	}
	return text;
}

void
json_note_lost(void)
{
	lost = true;
}

bool
json_is_lost(void)
{
	return lost;
}

bool
json_take_lost(void)
{
	const bool was = lost;

	lost = false;
	while (left_len > 0)
		json_object_put(left[--left_len]);
	return was;
}
