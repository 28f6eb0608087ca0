/* json-c takes no NULL for a parent, a NULL value for null, and leaves out of a text what it has no
 * memory for: what it returns is looked at here, and nowhere else. */
#include "json_write.h"

#include "oom.h"

#include <errno.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <string.h>

#define LEFT 64

/* Parts that nobody took: whoever made one may go on filling it until oom_take was asked. What is
 * more is not given back. */
static struct json_object *left[LEFT];
static int left_len;

static void
lose(struct json_object *o)
{
	oom_note();
	if (o && left_len < LEFT)
		left[left_len++] = o;
}

static struct json_object *
made(struct json_object *o)
{
	if (!o)
		oom_note();
	return o;
}

static void
give_back(void)
{
	while (left_len > 0)
		json_object_put(left[--left_len]);
}

struct json_object *
json_new_object(void)
{
	if (!oom_noted())
		give_back();
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

static int
write_raw(struct json_object *o, struct printbuf *out, int level, int flags)
{
	const char *json = json_object_get_userdata(o);

	(void)level, (void)flags;
	return printbuf_memappend(out, json, (int)strlen(json));
}

void
json_add_raw(struct json_object *o, const char *name, char *json)
{
	struct json_object *raw = json ? json_new_object() : NULL;

	if (raw)
		json_object_set_serializer(raw, write_raw, json, NULL);
	if (json)
		json_add(o, name, raw);
}

const char *
json_text(struct json_object *o, size_t *len)
{
	const char *text = NULL;

	errno = 0;
	if (o)
		text = json_object_to_json_string_length(
		    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, len);
	if (text && errno != ENOMEM && errno != EFBIG)
		return text;
	oom_note();
	return NULL;
}
