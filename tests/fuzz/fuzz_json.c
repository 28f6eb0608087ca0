/* Fuzzing of JSON bodies: whatever text_json_strict accepts and json-c parses (with the options of
 * fcgi/fields.c) holds no NUL in any string, and is written back as UTF-8 that is accepted again.
 * On the way, text_is_utf8 is held against a decoder of another make.
 */
#include "text.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 3629 by arithmetic: decodes, then looks whether the value may have this length. */
static bool
decodes(const uint8_t *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	while (len > 0) {
		size_t n = *s < 0x80 ? 1 :
		    *s >> 5 == 6     ? 2 :
		    *s >> 4 == 14    ? 3 :
		    *s >> 3 == 30    ? 4 :
				       0;
		uint32_t value = n == 1 ? *s : *s & (0x7fU >> n);

		if (n == 0 || n > len)
			return false;
		for (size_t i = 1; i < n; i++) {
			if (s[i] >> 6 != 2)
				return false;
			value = value << 6 | (s[i] & 0x3fU);
		}
		if (value < least[n] || value > 0x10ffff || value >> 11 == 0x1b)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static bool
is_utf8(const char *s, size_t len)
{
	bool ok = decodes((const uint8_t *)s, len);

	if (ok != text_is_utf8(s, len))
		abort();
	return ok;
}

static struct json_object *
parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH);
	struct json_object *root;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, text, (int)len + 1);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		json_object_put(root);
		root = NULL;
	}
	json_tokener_free(tok);
	return root;
}

static void
check_strings(struct json_object *o)
{
	size_t n;

	switch (json_object_get_type(o)) {
	case json_type_string:
		n = (size_t)json_object_get_string_len(o);
		if (strlen(json_object_get_string(o)) != n ||
		    !is_utf8(json_object_get_string(o), n))
			abort();
		break;
	case json_type_array:
		n = json_object_array_length(o);
		for (size_t i = 0; i < n; i++)
			check_strings(json_object_array_get_idx(o, i));
		break;
	case json_type_object: {
		json_object_object_foreach(o, name, value)
		{
			if (!is_utf8(name, strlen(name)))
				abort();
			check_strings(value);
		}
		break;
	}
	default:
		break;
	}
}

static void
check_round_trip(struct json_object *root)
{
	size_t len = 0;
	const char *text = json_object_to_json_string_length(
	    root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	struct json_object *again;

	if (!text || !is_utf8(text, len) || !text_json_strict(text, len))
		abort();
	again = parse(text, len);
	if (!again || !json_object_equal(root, again))
		abort();
	json_object_put(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *root;
	char *copy;

	if (!is_utf8((const char *)data, size) && text_json_strict((const char *)data, size))
		abort();
	if (!text_json_strict((const char *)data, size))
		return 0;
	copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	root = parse(copy, size);
	free(copy);
	if (root) {
		check_strings(root);
		check_round_trip(root);
	}
	json_object_put(root);
	return 0;
}
