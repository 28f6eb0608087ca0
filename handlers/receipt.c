/* Receipts and typing. */
#include "block.h"
#include "group.h"
#include "handlers.h"
#include "inputs.h"
#include "message.h"
#include "external.h"
#include "resp.h"
#include "share.h"
#include "receipt.h"

#include <string.h>

#define RECIPIENTS_SHOWN 4000

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
	    resp_db_failed(
		r, db_receipt_read(r->worker->db, request_actor(r), ids, n, r->now, &updated)))
		return;
	json_add_int(resp_ok(r, 200), "updated", updated);
}

static void
add_state(struct json_object *o, enum delivery_state state, int64_t delivered_at, int64_t read_at)
{
	json_add_text(o, "status", delivery_state_name(state));
	if (delivered_at)
		json_add_int(o, "delivered_at", delivered_at);
	if (read_at)
		json_add_int(o, "read_at", read_at);
}

/* What the recipients of one response share. */
struct room {
	struct receipt *list;
	int left;
};

/* Each recipient of a group message while there is room for all of them, else a note that they are
 * missing: fewer messages at once bring them. */
static bool
add_recipients(
    struct request *r, struct json_object *o, const uint8_t id[static ID_BYTES], struct room *room)
{
	struct json_object *array;
	int count = 0;

	if (resp_db_failed(r,
		db_receipt_list(
		    r->worker->db, &r->arena, id, r->me.id, room->left + 1, room->list, &count)))
		return false;
	if (count > room->left)
		json_add_bool(o, "recipients_has_more", true);
	if (count == 0 || count > room->left)
		return true;
	array = json_new_array();
	for (int i = 0; i < count; i++) {
		struct json_object *item = json_new_object();

		json_add_text(item, "chat_address", room->list[i].chat_address);
		add_state(
		    item, room->list[i].state, room->list[i].delivered_at, room->list[i].read_at);
		json_append(array, item);
	}
	json_add(o, "recipients", array);
	room->left -= count;
	return true;
}

/* One receipt, left out when the message is not the caller's own. False: it responded with an
 * error. */
static bool
add_receipt(struct request *r, struct json_object *array, const char *text, struct room *room)
{
	struct message m = { 0 };
	uint8_t id[ID_BYTES];
	struct json_object *o;
	enum db_result res =
	    id_parse("msg_", text, id) ? db_receipt_get(r->worker->db, id, r->me.id, &m) : DB_NONE;

	if (res != DB_ROW)
		return !resp_db_failed_but(r, res, RESP_NONE);
	o = json_new_object();
	json_add_text(o, "message_id", text);
	add_state(o, m.state, m.delivered_at, m.read_at);
	external_add_error(r, o, id, m.state);
	json_append(array, o);
	return add_recipients(r, o, id, room);
}

/* POST receipt-status: how far one's own messages got; others are left out. Group messages name
 * each recipient, as long as there are no more than RECIPIENTS_SHOWN in one response. */
void
on_receipt_post(struct request *r)
{
	const struct in_ids *in = r->in;
	struct room room = { .list = arena_alloc(
				 &r->arena, (RECIPIENTS_SHOWN + 1) * sizeof(*room.list)),
		.left = RECIPIENTS_SHOWN };
	struct json_object *array;

	if (!room.list)
		return;
	external_expire(r);
	array = json_new_array();
	json_add(resp_ok(r, 200), "receipts", array);
	for (int i = 0; i < in->message_ids.count; i++)
		if (!add_receipt(r, array, in->message_ids.items[i], &room))
			return;
}

/* Who types to a group is noted once for all its members. */
static void
type_to_group(struct request *r, const struct in_typing *in)
{
	uint8_t id[ID_BYTES];
	struct group g;
	enum db_result res = id_parse("grp_", in->to, id) ?
	    db_group_get(r->worker->db, &r->arena, id, r->me.id, &g) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE || g.role == GROUP_NOBODY) {
		resp_field_error(
		    r, 404, "unknown_recipient", "to", "You are not in a group with this id.");
		return;
	}
	share_typing_set(r->worker->share, SHARE_GROUP(g.id), r->me.id, in->typing);
	resp_ok(r, 200);
}

/* POST typing: kept in memory for 6 seconds, never on disk. */
void
on_typing_post(struct request *r)
{
	const struct in_typing *in = r->in;
	struct account to;
	enum db_result res;

	if (strncmp(in->to, "grp_", 4) == 0) {
		type_to_group(r, in);
		return;
	}
	res = db_account_by_address(r->worker->db, &r->arena, in->to, &to);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE || to.blocked) {
		resp_field_error(
		    r, 404, "unknown_recipient", "to", "Nobody has this chat address.");
		return;
	}
	res = db_block_get(r->worker->db, to.id, r->me.id);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE && share_typing_set(r->worker->share, to.id, r->me.id, in->typing))
		wake_notify(r->worker->wake, WAKE_POLL, &to.id, 1);
	resp_ok(r, 200);
}
