/* What the calls of a user's documents share. */
#include "versioned.h"

#include "resp.h"
#include "secret.h"

#include <string.h>

#define ETAG_BYTES 16

/* Keyed, so that the version says nothing of a text that is kept sealed. While there is no text
 * (NULL) that is a version as well. NULL: no memory. */
static char *
make_etag(struct request *r, const char *text)
{
	uint8_t mac[SECRET_HASH_BYTES];
	char tag[2 * ETAG_BYTES + 1];

	secret_mac(text ? "document" : "no document", text, text ? strlen(text) : 0, mac);
	secret_hex(mac, ETAG_BYTES, tag);
	return arena_printf(&r->arena, "\"%s\"", tag);
}

bool
versioned_load(struct request *r, enum document_kind kind, struct document *out)
{
	*out = (struct document){ .text = NULL };
	if (resp_db_failed_but(
		r, db_document_get(r->worker->db, &r->arena, kind, r->me.id, out), RESP_NONE))
		return false;
	if (!out->text)
		out->etag = make_etag(r, NULL);
	return true;
}

struct json_object *
versioned_store(struct request *r, enum document_kind kind, char *text, const char *changed)
{
	struct document d = { .text = text, .etag = text ? make_etag(r, text) : NULL };
	const char *expected = r->if_match[0] && strcmp(r->if_match, "*") != 0 ? r->if_match : NULL,
		   *none = make_etag(r, NULL);
	enum document_result result = DOCUMENT_STORED;
	enum db_result res = DB_FAIL;
	struct json_object *o;

	if (expected && none && strcmp(expected, none) == 0)
		expected = "";
	if (d.etag)
		res = db_document_put(r->worker->db, kind, r->me.id, &d, expected, &result);
	if (resp_db_failed(r, res))
		return NULL;
	if (result == DOCUMENT_CHANGED) {
		resp_error(r, 412, "precondition_failed", changed);
		return NULL;
	}
	o = resp_ok(r, 200);
	r->resp.etag = d.etag;
	return o;
}
