/* Strict JSON by json-c, which alone lets too much pass, and which without memory leaves out
 * members and says that all is well: only errno tells. */
#include "json_read.h"

#include "oom.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define DEPTH 16

/* Where the number ends that comes first, or all of it: json-c sets errno to 0 when it takes a
 * number, so nothing that may fail stands before one in the same piece. */
static size_t
piece(const char *text, size_t len)
{
	bool quoted = false;

	for (size_t i = 0; i + 1 < len; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			i += text[i] == '\\';
		else if (isdigit((unsigned char)text[i]) && !strchr("0123456789+-.eE", text[i + 1]))
			return i + 1;
	}
	return len;
}

/* Of a text without NUL, which is read up to its NUL: only that tells that a plain number is
 * complete. */
static bool
parse(struct json_tokener *tok, const char *text, size_t len, struct json_object **root)
{
	enum json_tokener_error error = json_tokener_continue;
	size_t at = 0;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	while (error == json_tokener_continue && at <= len) {
		const size_t n = piece(text + at, len + 1 - at);

		errno = 0;
		*root = json_tokener_parse_ex(tok, text + at, (int)n);
		error = json_tokener_get_error(tok);
		at += n;
		if (errno == ENOMEM) {
			oom_note();
			return false;
		}
	}
	return error == json_tokener_success && at == len + 1;
}

bool
json_read(const char *text, size_t len, struct json_object **root)
{
	struct json_tokener *tok;
	bool ok;

	*root = NULL;
	if (len >= INT_MAX || !text_json_strict(text, len))
		return false;
	tok = json_tokener_new_ex(DEPTH);
	if (!tok) {
		oom_note();
		return false;
	}
	ok = parse(tok, text, len, root);
	if (!ok) {
		json_object_put(*root);
		*root = NULL;
	}
	json_tokener_free(tok);
	return ok;
}
