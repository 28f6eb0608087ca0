/* The one way in which JSON from outside becomes objects. */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* Reads `len` bytes, behind which a NUL stands: RFC 8259 to the letter (see text_json_strict),
 * nested 16 deep at most. False: it is no such JSON, or memory is out, which oom_take knows.
 * *root is NULL then, and for a plain null; else the caller puts it. */
bool json_read(const char *text, size_t len, struct json_object **root);

#endif
