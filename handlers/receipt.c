/* Receipts and typing. */
#include "handlers.h"
#include "inputs.h"
#include "message.h"
#include "resp.h"
#include "share.h"

#include <string.h>

/* POST read: marks received messages as read, and so as delivered. */
void
on_read_post(struct request *r)
{
	const struct in_ids *in = r->in;
	uint8_t(*ids)[ID_BYTES] =
	    arena_alloc(&r->arena, (size_t)in->message_ids.count * sizeof(*ids));
	int n = 0, updated = 0;

	if (strcmp(in->chat_address, r->me.chat_address) != 0) {
		resp_field_error(
		    r, 403, "not_your_address", "chat_address", "This is not your chat address.");
		return;
	}
	for (int i = 0; ids && i < in->message_ids.count; i++)
		n += id_parse("msg_", in->message_ids.items[i], ids[n]);
	if (n > 0 &&
	    resp_db_failed(r, db_receipt_read(r->worker->db, r->me.id, ids, n, r->now, &updated)))
		return;
	json_add_int(resp_ok(r, 200), "updated", updated);
}

static void
add_receipt(struct json_object *array, const char *id, const struct message *m)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "message_id", id);
	json_add_text(o, "status", delivery_state_name(m->state));
	if (m->delivered_at)
		json_add_int(o, "delivered_at", m->delivered_at);
	if (m->read_at)
		json_add_int(o, "read_at", m->read_at);
	json_object_array_add(array, o);
}

/* POST receipt-status: how far one's own messages got; others are left out. */
void
on_receipt_post(struct request *r)
{
	const struct in_ids *in = r->in;
	struct json_object *array = json_object_new_array();

	json_object_object_add(resp_ok(r, 200), "receipts", array);
	for (int i = 0; i < in->message_ids.count; i++) {
		struct message m = { 0 };
		uint8_t id[ID_BYTES];
		enum db_result res;

		if (!id_parse("msg_", in->message_ids.items[i], id))
			continue;
		res = db_receipt_get(r->worker->db, id, r->me.id, &m);
		if (resp_db_failed(r, res))
			return;
		if (res == DB_ROW)
			add_receipt(array, in->message_ids.items[i], &m);
	}
}

/* POST typing: kept in memory for 6 seconds, never on disk. */
void
on_typing_post(struct request *r)
{
	const struct in_typing *in = r->in;
	struct account to;
	enum db_result res = db_account_by_address(r->worker->db, &r->arena, in->to, &to);

	if (resp_db_failed(r, res))
		return;
	if (res == DB_NONE || to.blocked) {
		resp_field_error(
		    r, 404, "unknown_recipient", "to", "Nobody has this chat address.");
		return;
	}
	share_typing_set(r->worker->share, to.id, r->me.id, in->typing);
	resp_ok(r, 200);
}
