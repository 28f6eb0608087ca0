/* Attachments of a message that is sent: files of the relay, and what their sender says of them. */
#include "attachment.h"

#include "file.h"
#include "oom.h"
#include "resp.h"
#include "show.h"

void
attachment_unknown(struct request *r)
{
	resp_field_error(
	    r, 404, "unknown_file", "attachments", "There is no such file, or you may not see it.");
}

/* Sizes and a small picture, for a reader's place-holder; nobody here looks into the file. */
static void
add_details(struct json_object *item, const struct in_attachment *in)
{
	if (in->width)
		json_add_int(item, "width", in->width);
	if (in->height)
		json_add_int(item, "height", in->height);
	if (in->duration_ms)
		json_add_int(item, "duration_ms", in->duration_ms);
	json_add_text(item, "preview", in->preview);
}

/* One attachment: a file that the sender may see, named in `array` and in m->files. */
static bool
attach(struct request *r, const struct in_attachment *in, struct json_object *array,
    struct message_new *m)
{
	struct json_object *item;
	uint8_t id[ID_BYTES];
	struct file f;
	enum db_result res = id_parse("fil_", in->file_id, id) ?
	    db_file_get(r->worker->db, &r->arena, id, r->me.id, r->now, &f) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE || !f.visible) {
		attachment_unknown(r);
		return false;
	}
	for (int i = 0; i < m->file_count; i++)
		if (m->files[i] == f.id) {
			resp_field_error(r, 400, "invalid_field", "attachments",
			    "attachments must name each file once.");
			return false;
		}
	item = json_new_object();
	show_file(item, in->file_id, f.name, f.mime, f.size);
	add_details(item, in);
	json_append(array, item);
	m->files[m->file_count++] = f.id;
	return true;
}

bool
attachment_list(struct request *r, const struct in_message *in, struct message_new *m)
{
	const struct in_attachment *items = in->attachments.items;
	struct json_object *array = json_new_array();
	bool ok = true;

	for (int i = 0; i < in->attachments.count && ok; i++)
		ok = attach(r, &items[i], array, m);
	if (ok && m->file_count > 0) {
		m->attachments = arena_strdup(&r->arena, json_text(array, NULL));
		ok = (m->attachments && !oom_noted()) || !resp_db_failed(r, DB_FAIL);
	}
	json_object_put(array);
	return ok;
}
