/* The caller's own address book, kept for their clients on several machines. */
#include "channel.h"

#include "handlers.h"
#include "inputs.h"
#include "oom.h"
#include "resp.h"
#include "show.h"
#include "text.h"
#include "versioned.h"

#include <json-c/printbuf.h>
#include <string.h>

#define CONTACT_BYTES 256 /* an address has up to 254 bytes */

/* GET contacts: the list and its version; 304 when the client has it already. */
void
on_contacts_get(struct request *r)
{
	struct document d;
	struct json_object *o;

	if (!versioned_load(r, DOCUMENT_CONTACTS, &d))
		return;
	o = resp_ok(r, 200);
	if (d.text)
		json_add_raw(o, "contacts", d.text);
	else
		json_add(o, "contacts", json_new_array());
	resp_etag(r, d.etag);
}

/* The list as JSON, an item at a time: a tree of all would take several times its size. The caller
 * frees it; NULL: no memory. */
static struct printbuf *
to_json(const struct field_list *list)
{
	const struct in_contact *items = list->items;
	struct printbuf *out = printbuf_new();
	bool ok = out && printbuf_memappend(out, "[", 1) > 0;

	for (int i = 0; i < list->count && ok; i++) {
		struct json_object *o = json_new_object();
		char address[CONTACT_BYTES];
		const char *text;
		size_t len = 0;

		/* who may invite is looked up by the chat address as it is kept */
		snprintf(address, sizeof(address), "%s", items[i].address);
		if (strcmp(items[i].channel, CHANNEL_CHAT) == 0)
			text_clean_address(address);
		json_add_text(o, "name", items[i].name);
		json_add_text(o, "channel", items[i].channel);
		json_add_text(o, "address", address);
		text = json_text(o, &len);
		ok = text && !oom_noted() && (i == 0 || printbuf_memappend(out, ",", 1) > 0) &&
		    printbuf_memappend(out, text, (int)len) > 0;
		json_object_put(o);
	}
	if (ok && printbuf_memappend(out, "]", 1) > 0)
		return out;
	if (out)
		printbuf_free(out);
	return NULL;
}

/* PUT contacts: instead of the older list; with If-Match only over the version that it names
 * (412). */
void
on_contacts_put(struct request *r)
{
	const struct in_contacts *in = r->in;
	struct printbuf *list = to_json(&in->contacts);
	struct json_object *o = versioned_store(r, DOCUMENT_CONTACTS, list ? list->buf : NULL,
	    "The list has changed in the meantime; get it again first.");

	if (list)
		printbuf_free(list);
	if (o)
		json_add_int(o, "count", in->contacts.count);
}
