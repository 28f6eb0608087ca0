/* Blocks: whom the caller does not want to hear from. */
#include "block.h"

#include "channel.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"

#include <string.h>

/* Finds the account of an address, blocked by admins or not; false: it responded. */
static bool
find_account(struct request *r, const char *address, struct account *out)
{
	enum db_result res = db_account_by_address(r->worker->db, &r->arena, address, out);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_ROW)
		return true;
	resp_field_error(
	    r, 404, "unknown_recipient", "chat_address", "Nobody has this chat address.");
	return false;
}

/* The external ones, all with the first page. */
static bool
add_external(struct request *r)
{
	struct external_block *list = arena_alloc(&r->arena, BLOCKS_EXTERNAL_MAX * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(
		r, db_block_external_list(r->worker->db, &r->arena, r->me.id, list, &count)))
		return false;
	array = json_new_array();
	json_add(r->resp.body, "outside", array);
	for (int i = 0; i < count; i++) {
		struct json_object *item = json_new_object();

		json_add_text(item, "channel", list[i].channel);
		json_add_text(item, "address", list[i].address);
		json_add_int(item, "created_at", list[i].created_at);
		json_append(array, item);
	}
	return true;
}

/* GET blocks: in order of address, a page at a time. */
void
on_block_list(struct request *r)
{
	const struct in_page *in = r->in;
	int limit = (int)in->limit, count = 0;
	struct block *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *o, *array;

	if (!list ||
	    resp_db_failed(r,
		db_block_list(r->worker->db, &r->arena, r->me.id, in->after ? in->after : "",
		    limit + 1, list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "blocks", array);
	if (!(in->after && in->after[0]) && !add_external(r))
		return;
	json_add_bool(o, "has_more", count > limit);
	if (count > limit)
		json_add_text(o, "after", list[limit - 1].chat_address);
	for (int i = 0; i < count && i < limit; i++) {
		struct json_object *item = json_new_object();

		json_add_text(item, "chat_address", list[i].chat_address);
		json_add_text(item, "display_name",
		    list[i].display_name[0] ? list[i].display_name : list[i].chat_address);
		json_add_int(item, "created_at", list[i].created_at);
		json_append(array, item);
	}
}

static void
block_account(struct request *r, const char *address)
{
	struct account other;

	if (strcmp(address, r->me.chat_address) == 0) {
		resp_field_error(
		    r, 400, "invalid_field", "chat_address", "You cannot block yourself.");
		return;
	}
	if (find_account(r, address, &other) &&
	    !resp_db_failed(r, db_block_set(r->worker->db, r->me.id, other.id, true, r->now)))
		json_add_text(resp_ok(r, 200), "status", "blocked");
}

static void
block_external(struct request *r, const char *channel, const char *address)
{
	enum db_result res =
	    db_block_external_put(r->worker->db, r->me.id, channel, address, r->now);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		resp_error(r, 409, "too_many_blocks",
		    "You block as many addresses outside of the relay as you may.");
	else
		json_add_text(resp_ok(r, 200), "status", "blocked");
}

/* POST blocks: somebody of the relay, or an external address; they do not learn of it. */
void
on_block_post(struct request *r)
{
	const struct in_block *in = r->in;
	const char *missing = in->channel && !in->address ? "address" :
	    in->address && !in->channel                   ? "channel" :
	    !in->chat_address && !in->channel             ? "chat_address" :
							    NULL;

	if (missing)
		resp_field_error(r, 400, "missing_field", missing,
		    "Whom to block is a chat_address, or a channel and an address.");
	else if (in->chat_address && in->channel)
		resp_field_error(r, 400, "invalid_field", "chat_address",
		    "Whom to block is a chat_address, or a channel and an address, not both.");
	else if (in->channel)
		block_external(r, in->channel, in->address);
	else
		block_account(r, in->chat_address);
}

/* DELETE blocks/<chat_address>: also fine when there was no block. */
void
on_block_delete(struct request *r)
{
	struct account other;

	if (find_account(r, r->args[0], &other) &&
	    !resp_db_failed(r, db_block_set(r->worker->db, r->me.id, other.id, false, r->now)))
		json_add_text(resp_ok(r, 200), "status", "unblocked");
}

/* DELETE blocks/<channel>/<address>: also fine when there was no block. */
void
on_block_external_delete(struct request *r)
{
	if (!channel_find(r->args[0])) {
		resp_error(r, 404, "not_found", "There is no such channel.");
		return;
	}
	if (!resp_db_failed(
		r, db_block_external_delete(r->worker->db, r->me.id, r->args[0], r->args[1])))
		json_add_text(resp_ok(r, 200), "status", "unblocked");
}
