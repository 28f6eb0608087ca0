/* Building JSON. Where memory is out a part is left out and nobody is told on the way: whoever
 * hands out what was built asks oom_take first. */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* New ones; NULL when memory is out, which all functions here take as a part that is lost. */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
struct json_object *json_new_text(const char *text);
struct json_object *json_new_text_len(const char *text, int len);
struct json_object *json_new_int(int64_t value);
struct json_object *json_new_bool(bool value);

/* Gives `value` to an object or to a list. */
void json_add(struct json_object *o, const char *name, struct json_object *value);
void json_append(struct json_object *array, struct json_object *value);

/* Adds to an object. NULL texts are left out. */
void json_add_text(struct json_object *o, const char *name, const char *value);
void json_add_int(struct json_object *o, const char *name, int64_t value);
void json_add_bool(struct json_object *o, const char *name, bool value);

/* Adds JSON that the relay itself wrote earlier, as it is; NULL is left out. The text is not
 * copied: it lives as long as the object. */
void json_add_raw(struct json_object *o, const char *name, char *json);

/* What was built as a text without blanks, and its length where `len` is not NULL. It lives as long
 * as the object, or until it is written again. NULL: memory is out. */
const char *json_text(struct json_object *o, size_t *len);

#endif
