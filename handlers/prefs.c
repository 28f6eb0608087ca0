/* What the caller's clients keep of their own on the relay: one text that the relay does not
 * understand. */
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "versioned.h"

/* GET prefs: the text and its version; 304 when the client has it already. */
void
on_prefs_get(struct request *r)
{
	struct document d;

	if (!versioned_load(r, DOCUMENT_PREFS, &d))
		return;
	json_add_text(resp_ok(r, 200), "prefs", d.text ? d.text : "");
	resp_etag(r, d.etag);
}

/* PUT prefs: instead of the older text; with If-Match only over the version that it names (412).
 */
void
on_prefs_put(struct request *r)
{
	const struct in_prefs *in = r->in;
	char *text = arena_strdup(&r->arena, in->prefs);

	versioned_store(r, DOCUMENT_PREFS, text,
	    "The preferences have changed in the meantime; get them again first.");
}
