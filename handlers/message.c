/* Messages: one call to send on every channel, and what a sender or recipient may do with one. */
#include "message.h"

#include "channel.h"
#include "file.h"
#include "group.h"
#include "attachment.h"
#include "handlers.h"
#include "inputs.h"
#include "external.h"
#include "resp.h"
#include "show.h"
#include "text.h"
#include "edit.h"
#include "post.h"
#include "receipt.h"

#include <string.h>

#define EDIT_WINDOW_MS 900000
#define WAITING_RETRY_MS 60000

static void
unknown_message(struct request *r)
{
	resp_error(r, 404, "unknown_message", "There is no such message, or you may not see it.");
}

static void
waiting_full(struct request *r)
{
	resp_limited(r,
	    "Too many of your messages are waiting to be fetched; send more once some have been.",
	    r->now + WAITING_RETRY_MS);
}

static void
no_recipient(struct request *r)
{
	resp_field_error(r, 404, "unknown_recipient", "to", "Nobody has this chat address.");
}

static void
no_group(struct request *r)
{
	resp_field_error(r, 404, "unknown_recipient", "to", "You are not in a group with this id.");
}

/* The account at `address` that can receive, or an error response. */
static bool
find_recipient(struct request *r, const char *address, struct account *out)
{
	enum db_result res = db_account_by_address(r->worker->db, &r->arena, address, out);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_ROW && !out->blocked)
		return true;
	no_recipient(r);
	return false;
}

/* The group of `to`, which the sender must be in; db_message_send checks again when it counts. */
static bool
find_group(struct request *r, const char *to, struct message_new *m)
{
	uint8_t id[ID_BYTES];
	struct group g;
	enum db_result res = id_parse("grp_", to, id) ?
	    db_group_get(r->worker->db, &r->arena, id, r->me.id, &g) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE || g.role == GROUP_NOBODY) {
		no_group(r);
		return false;
	}
	m->to = (struct message_target){ TARGET_GROUP, .group = { .id = g.id } };
	return true;
}

/* Finds out whom `to` means. */
static bool
address_message(struct request *r, const char *typed, struct message_new *m)
{
	char to[FIELD_CLEAN_BYTES];
	struct account who;

	snprintf(to, sizeof(to), "%s", typed);
	text_clean_address(to);
	if (strncmp(to, "grp_", 4) == 0)
		return find_group(r, to, m);
	if (!find_recipient(r, to, &who))
		return false;
	m->to = (struct message_target){ TARGET_ACCOUNT, .account = { .id = who.id } };
	return true;
}

/* reply_to must name a message that the sender can see. */
static bool
find_reply(struct request *r, const char *reply_to, uint8_t id[static ID_BYTES])
{
	struct message m;
	enum db_result res = id_parse("msg_", reply_to, id) ?
	    db_message_get(r->worker->db, &r->arena, id, r->me.id, &m) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_ROW)
		return true;
	resp_field_error(r, 404, "unknown_message", "reply_to",
	    "There is no such message, or you may not see it.");
	return false;
}

/* True for a result that is no message; it responded. */
static bool
refused(struct request *r, const struct message_new *m, enum send_result result)
{
	switch (result) {
	case SEND_NEW:
	case SEND_REPEATED:
		return false;
	case SEND_KEY_REUSED:
		resp_field_error(r, 422, "idempotency_key_reused", "idempotency_key",
		    "This key was used for a message with another body.");
		break;
	case SEND_NO_MEMBER:
		no_group(r);
		break;
	case SEND_NO_RIGHT:
		resp_field_error(r, 403, "no_write_right", "to",
		    "Only owners, admins and writers may send to this group.");
		break;
	case SEND_NO_RECIPIENT:
		no_recipient(r);
		break;
	case SEND_NO_FILE:
		attachment_unknown(r);
		break;
	case SEND_WAITING_FULL:
		waiting_full(r);
		break;
	case SEND_LIMITED:
		resp_limited(
		    r, "You have reached the limit for one day.", m->to.external->retry_at);
		break;
	}
	return true;
}

void
message_respond(
    struct request *r, const struct message_new *m, const char *key, enum send_result result)
{
	char id[ID_TEXT_BYTES], made[ID_TEXT_BYTES];
	uint8_t random[ID_BYTES];
	struct json_object *o;

	if (refused(r, m, result))
		return;
	if (!key) {
		id_make_near(random);
		id_format("key_", random, made);
		key = made;
	}
	o = resp_ok(r, result == SEND_NEW ? 202 : 200);
	id_format("msg_", m->public_id, id);
	json_add_text(o, "message_id", id);
	json_add_text(o, "status", delivery_state_name(DELIVERY_QUEUED));
	json_add_text(o, "idempotency_key", key);
	if (result == SEND_REPEATED)
		json_add_bool(o, "duplicate", true);
}

static void
send_chat(struct request *r, const struct in_message *in)
{
	struct message_new m = { .sender_id = r->me.id,
		.session_id = r->session.id,
		.channel = CHANNEL_CHAT,
		.kind = in->kind ? in->kind : "text",
		.destination = in->to,
		.text = in->text ? in->text : "",
		.waveform = in->waveform,
		.duration_ms = in->duration_ms,
		.source = in->source,
		.lang = in->lang,
		.subject = in->subject,
		.title = in->title,
		.now = r->now };
	struct idempotency key = { .key = in->idempotency_key };
	enum send_result result = SEND_NEW;
	uint8_t reply[ID_BYTES];
	enum db_result res;

	if (key.key)
		secret_mac("idempotency", r->body, r->body_len, key.body_mac);
	/* A repeat is dealt with first: the recipient may have gone meanwhile. */
	res = db_message_repeat(r->worker->db, &m, &key, &result);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_ROW) {
		message_respond(r, &m, in->idempotency_key, result);
		return;
	}
	if (!address_message(r, in->to, &m))
		return;
	if (in->reply_to && in->reply_to[0]) {
		if (!find_reply(r, in->reply_to, reply))
			return;
		m.reply_to = reply;
	}
	if (!attachment_list(r, in, &m))
		return;
	res = db_message_send(r->worker->db, &m, &key, &result);
	if (!resp_db_failed(r, res))
		message_respond(r, &m, in->idempotency_key, result);
}

/* To a message, by one character; none takes it back, and of several of one sender the last counts.
 */
static void
send_reaction(struct request *r, const struct in_message *in)
{
	if (!in->reply_to || !in->reply_to[0])
		resp_field_error(r, 400, "missing_field", "reply_to", "reply_to is missing.");
	else if (in->attachments.count > 0)
		resp_field_error(
		    r, 400, "invalid_field", "attachments", "A reaction has no attachments.");
	else if (in->text && in->text[0] && !text_is_grapheme(in->text))
		resp_field_error(r, 400, "invalid_field", "text",
		    "The text of a reaction must be one character, such as an emoji, or empty.");
	else
		send_chat(r, in);
}

/* What two callers say to each other before they are connected; the relay does not read it. */
static void
send_call(struct request *r, const struct in_message *in)
{
	char to[FIELD_CLEAN_BYTES];

	snprintf(to, sizeof(to), "%s", in->to);
	text_clean_address(to);
	if (strncmp(to, "grp_", 4) == 0)
		resp_field_error(r, 400, "invalid_field", "to", "Calls go to one person.");
	else if (in->attachments.count > 0)
		resp_field_error(
		    r, 400, "invalid_field", "attachments", "A call has no attachments.");
	else
		send_chat(r, in);
}

/* POST messages: 202 with the id; a repeat of the idempotency key 200 with the same id. */
void
on_message_post(struct request *r)
{
	const struct in_message *in = r->in;

	if (in->channel && strcmp(in->channel, CHANNEL_CHAT) != 0)
		external_send(r, in);
	else if (!in->to && !in->text && in->attachments.count == 0)
		resp_error(
		    r, 400, "invalid_body", "The body must be a JSON object with a message.");
	else if (!in->to)
		resp_field_error(r, 400, "missing_field", "to", "to is missing.");
	else if (in->kind && message_is_reaction(in->kind))
		send_reaction(r, in);
	else if ((!in->text || !in->text[0]) && in->attachments.count == 0)
		resp_field_error(r, 400, in->text ? "invalid_field" : "missing_field", "text",
		    "A message needs a text or an attachment.");
	else if (in->kind && strcmp(in->kind, "call") == 0)
		send_call(r, in);
	else
		send_chat(r, in);
}

/* GET messages/<id>: for its sender and recipients. */
void
on_message_get(struct request *r)
{
	uint8_t id[ID_BYTES];
	struct message m;
	enum db_result res = DB_NONE;
	struct json_object *item;

	external_expire(r);
	if (id_parse("msg_", r->args[0], id))
		res = db_message_get(r->worker->db, &r->arena, id, r->me.id, &m);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE) {
		unknown_message(r);
		return;
	}
	item = show_message(r, &m);
	json_add_text(item, "status", delivery_state_name(m.state));
	external_add_error(r, item, id, m.state);
	json_add(resp_ok(r, 200), "message", item);
}

/* PATCH messages/<id>: a new text, by its sender, within 15 minutes. */
void
on_message_patch(struct request *r)
{
	const struct in_text *in = r->in;
	enum change_result change = CHANGE_DONE;
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("msg_", r->args[0], id) ?
	    db_message_edit(r->worker->db, &r->arena, id, request_actor(r), in->text,
		EDIT_WINDOW_MS, r->now, &change) :
	    DB_NONE;
	struct json_object *o;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE) {
		unknown_message(r);
	} else if (change == CHANGE_FORBIDDEN) {
		resp_error(r, 403, "forbidden",
		    "Only its sender may edit a message, and only while they may write where it "
		    "went.");
	} else if (change == CHANGE_TOO_LATE) {
		resp_error(r, 403, "edit_window_closed",
		    "A message may be edited for 15 minutes, and while the relay holds it.");
	} else if (change == CHANGE_WAITING_FULL) {
		waiting_full(r);
	} else if (change == CHANGE_WITHDRAWN) {
		resp_error(r, 409, "message_withdrawn", "The message was withdrawn.");
	} else {
		o = resp_ok(r, 200);
		json_add_text(o, "message_id", r->args[0]);
		json_add_int(o, "edited_at", r->now);
	}
}

/* DELETE messages/<id>: withdraws it for everyone (sender) or removes it for oneself (recipient).
 */
void
on_message_delete(struct request *r)
{
	enum change_result change = CHANGE_DONE;
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("msg_", r->args[0], id) ?
	    db_message_delete(r->worker->db, &r->arena, id, request_actor(r), r->now, &change) :
	    DB_NONE;
	struct json_object *o;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE) {
		unknown_message(r);
		return;
	}
	file_clear(r);
	o = resp_ok(r, 200);
	json_add_text(o, "message_id", r->args[0]);
	json_add_text(o, "status", change == CHANGE_REMOVED ? "removed" : "withdrawn");
}
