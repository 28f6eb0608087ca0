/* The caller's own address book, kept for his clients on several machines. */
#include "contacts.h"

#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

#include <string.h>

/* GET contacts: the list and its version; 304 when the client has it already. */
void
on_contacts_get(struct request *r)
{
	struct contacts c = { .document = NULL };
	enum db_result res = db_contacts_get(r->worker->db, &r->arena, r->me.id, &c);
	struct json_object *o;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	o = resp_ok(r, 200);
	json_object_object_add(o, "contacts",
	    res == DB_ROW ? json_tokener_parse(c.document) : json_object_new_array());
	resp_etag(r, res == DB_ROW ? c.etag : NULL);
}

static struct json_object *
to_json(const struct field_list *list)
{
	const struct in_contact *items = list->items;
	struct json_object *array = json_object_new_array();

	for (int i = 0; i < list->count; i++) {
		struct json_object *o = json_object_new_object();

		json_add_text(o, "name", items[i].name);
		json_add_text(o, "channel", items[i].channel);
		json_add_text(o, "address", items[i].address);
		json_object_array_add(array, o);
	}
	return array;
}

/* PUT contacts: in place of the older list; with If-Match only over the version that it names
 * (412). */
void
on_contacts_put(struct request *r)
{
	const struct in_contacts *in = r->in;
	struct json_object *array = to_json(&in->contacts), *o;
	struct contacts c = { .document = arena_strdup(&r->arena,
				  json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN)) };
	enum db_result res;

	json_object_put(array);
	c.etag = c.document ? resp_make_etag(r, c.document) : NULL;
	if (!c.etag)
		return;
	res = db_contacts_put(r->worker->db, &r->arena, r->me.id, &c,
	    r->if_match[0] && strcmp(r->if_match, "*") != 0 ? r->if_match : NULL);
	if (resp_db_failed_but(r, res, RESP_CONFLICT))
		return;
	if (res == DB_CONFLICT) {
		resp_error(r, 412, "precondition_failed",
		    "The list was changed meanwhile: get it again first.");
		return;
	}
	o = resp_ok(r, 200);
	json_add_int(o, "count", in->contacts.count);
	r->resp.etag = c.etag;
}
