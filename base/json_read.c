/* Strict JSON by json-c, which alone lets too much pass. */
#include "json_read.h"

#include "json_write.h"
#include "text.h"

#include <json-c/json.h>
#include <limits.h>

#define DEPTH 16

bool
json_read(const char *text, size_t len, struct json_object **root)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH);
	bool ok;

	*root = NULL;
	if (!tok || len >= INT_MAX || !text_json_strict(text, len)) {
		if (!tok)
			json_note_lost();
		else
			json_tokener_free(tok);
		return false;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its NUL: only the end of the text tells that a plain number is complete. */
	*root = json_tokener_parse_ex(tok, text, (int)len + 1);
	ok = json_tokener_get_error(tok) == json_tokener_success;
	/* without memory json-c stops half-way and calls what it has by then the whole */
	if (ok && json_tokener_get_parse_end(tok) < len) {
		json_note_lost();
		ok = false;
	}
	if (!ok) {
		json_object_put(*root);
		*root = NULL;
	}
	json_tokener_free(tok);
	return ok;
}
