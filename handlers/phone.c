/* Phones: taking external messages, saying what came of them, bringing messages in. */
#include "bridge.h"
#include "block.h"
#include "handlers.h"
#include "inputs.h"
#include "external.h"
#include "resp.h"
#include "show.h"
#include "post.h"

#include <string.h>

/* A key of one phone speaks for no other; false: it responded. */
static bool
check_phone(struct request *r, const char *phone_id)
{
	if (!r->session.phone_id[0] || (phone_id && strcmp(r->session.phone_id, phone_id) == 0))
		return true;
	resp_field_error(
	    r, 403, "not_your_phone", "phone_id", "The API key belongs to another phone.");
	return false;
}

/* The bits of the named channels, of all when none is named; 0: it responded. */
static unsigned
read_channels(struct request *r, const struct field_texts *names)
{
	unsigned found = 0;

	if (names->count == 0)
		return (1U << CHANNEL_COUNT) - 1;
	for (int i = 0; i < names->count; i++) {
		const struct channel *ch = channel_find(names->items[i]);

		if (!ch) {
			const char *rule = arena_printf(
			    &r->arena, "Each of channels must be %s.", channel_external_rule);

			if (rule)
				resp_field_error(r, 400, "invalid_field", "channels", rule);
			return 0;
		}
		found |= 1U << (ch - channel_list);
	}
	return found;
}

static struct json_object *
show_item(const struct bridge_item *item, const struct bridge_claim *c)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("msg_", item->m.public_id, id);
	json_add_text(o, "message_id", id);
	json_add_text(o, "channel", item->m.channel);
	json_add_text(o, "to", item->m.destination);
	json_add_text(o, "text", item->m.text);
	json_add_text(o, "subject", item->m.subject);
	json_add_text(o, "title", item->m.title);
	json_add_text(o, "source", item->m.source);
	json_add_text(o, "bot_token", item->bot_token);
	json_add_text(o, "phone_id", item->phone_id);
	id_format("lea_", c->lease_id, id);
	json_add_text(o, "lease_id", id);
	json_add_int(o, "lease_until", c->now + BRIDGE_LEASE_MS);
	json_add_int(o, "tries", item->tries);
	json_add_int(o, "created_at", item->m.created_at);
	return o;
}

/* POST claim: messages for the phone, each under a lease of a minute. */
void
on_phone_claim(struct request *r)
{
	const struct in_claim *in = r->in;
	struct bridge_claim c = { .owner_id = r->me.id,
		.phone_id = in->phone_id,
		.limit = (int)in->limit,
		.text_limit = SHOW_TEXT_BYTES,
		.now = r->now,
		.cutoff = external_cutoff(r) };
	struct bridge_item *list = arena_alloc(&r->arena, BRIDGE_CLAIM_MOST * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list || !check_phone(r, in->phone_id))
		return;
	c.channels = read_channels(r, &in->channels);
	if (!c.channels ||
	    resp_db_failed(r, db_bridge_claim(r->worker->db, &r->arena, &c, list, &count)))
		return;
	array = json_new_array();
	for (int i = 0; i < count; i++)
		json_append(array, show_item(&list[i], &c));
	json_add(resp_ok(r, 200), "messages", array);
}

/* An id that is none names no message; a lease that is none is not the newest. */
static bool
read_ack(
    struct request *r, const struct in_ack_result *in, const char *phone_id, struct bridge_ack *out)
{
	uint8_t *lease_id = NULL;

	if (in->lease_id) {
		lease_id = arena_alloc(&r->arena, ID_BYTES);
		if (!lease_id)
			return false;
		if (!id_parse("lea_", in->lease_id, lease_id))
			memset(lease_id, 0, ID_BYTES);
	}
	*out = (struct bridge_ack){ .owner_id = r->me.id,
		.phone_id = phone_id,
		.lease_id = lease_id,
		.status = in->status[0] == 's' ? DELIVERY_SENT :
		    in->status[0] == 'd'       ? DELIVERY_DELIVERED :
						 DELIVERY_FAILED,
		.error = in->error ? in->error : "",
		.now = r->now };
	if (!id_parse("msg_", in->message_id, out->public_id))
		memset(out->public_id, 0, ID_BYTES);
	return true;
}

static struct json_object *
show_ack(const struct bridge_ack *k, const char *message_id)
{
	static const char *const reasons[] = { [ACK_UNKNOWN] = "unknown_message",
		[ACK_NOT_LEASED] = "not_leased",
		[ACK_LEASE_EXPIRED] = "lease_expired",
		[ACK_FINAL] = "final" };
	struct json_object *o = json_new_object();

	json_add_text(o, "message_id", message_id);
	if (k->result != ACK_UNKNOWN)
		json_add_text(o, "status", delivery_state_name(k->state));
	json_add_bool(o, "accepted", k->result == ACK_DONE);
	if (k->result != ACK_DONE)
		json_add_text(o, "reason", reasons[k->result]);
	return o;
}

/* POST ack: what the phone did with messages that it claimed; each has a result of its own. */
void
on_phone_ack(struct request *r)
{
	const struct in_ack *in = r->in;
	const struct in_ack_result *results = in->results.items;
	const int n = in->results.count;
	struct bridge_ack *list = arena_alloc(&r->arena, (size_t)n * sizeof(*list));
	struct json_object *array;

	if (!list || !check_phone(r, in->phone_id))
		return;
	for (int i = 0; i < n; i++)
		if (!read_ack(r, &results[i], in->phone_id, &list[i]))
			return;
	if (resp_db_failed(r, db_bridge_ack(r->worker->db, list, n)))
		return;
	array = json_new_array();
	for (int i = 0; i < n; i++)
		json_append(array, show_ack(&list[i], results[i].message_id));
	json_add(resp_ok(r, 200), "results", array);
}

/* A repeat is known by the caller's key, or by all that the message is. Keys of phones are hashed,
 * so that they never meet those of senders. NULL: no memory. */
static const char *
read_key(struct request *r, const struct in_inbound *in, struct idempotency *key)
{
	uint8_t mac[SECRET_HASH_BYTES];
	char *all = arena_printf(&r->arena, "%s\n%s\n%s\n%lld\n%s", in->phone_id, in->channel,
		 in->from, (long long)in->received_at, in->text),
	     *own = arena_printf(
		 &r->arena, "%s\n%s", in->phone_id, in->idempotency_key ? in->idempotency_key : ""),
	     *hex = arena_alloc(&r->arena, 2 * SECRET_HASH_BYTES + 1);

	if (!all || !own || !hex)
		return NULL;
	secret_mac("inbound", all, strlen(all), key->body_mac);
	if (in->idempotency_key)
		secret_mac("inbound-key", own, strlen(own), mac);
	else
		memcpy(mac, key->body_mac, sizeof(mac));
	secret_hex(mac, sizeof(mac), hex);
	key->key = hex;
	return in->idempotency_key ? in->idempotency_key : hex;
}

/* From an address that the owner blocked: the phone is told that it was taken, so that it does not
 * bring it again, and nothing is kept. True: it responded. */
static bool
dropped(struct request *r, const struct in_inbound *in, struct message_new *m, const char *key)
{
	enum db_result res = db_block_external_get(r->worker->db, r->me.id, in->channel, in->from);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return true;
	if (res == DB_NONE)
		return false;
	id_make(m->public_id);
	message_respond(r, m, key, SEND_NEW);
	return true;
}

/* POST inbound: a message that the phone received goes into its owner's stream; brought again
 * within a day, it is known. */
void
on_phone_inbound(struct request *r)
{
	const struct in_inbound *in = r->in;
	struct message_new m = { .sender_id = r->me.id,
		.to = { TARGET_INBOUND,
		    .inbound = { in->from, in->phone_id ? in->phone_id : "", in->received_at } },
		.channel = in->channel,
		.kind = "text",
		.destination = r->me.chat_address,
		.text = in->text,
		.now = r->now };
	struct idempotency key;
	enum send_result result = SEND_NEW;
	const char *shown;

	if (!check_phone(r, in->phone_id))
		return;
	shown = read_key(r, in, &key);
	if (shown && dropped(r, in, &m, shown))
		return;
	if (shown && !resp_db_failed(r, db_message_send(r->worker->db, &m, &key, &result)))
		message_respond(r, &m, shown, result);
}

/* GET phones: the caller's phones and queues, a page at a time. */
void
on_phone_list(struct request *r)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	struct phone *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *array, *o;
	int count = 0;

	external_expire(r);
	if (!list ||
	    resp_db_failed(r,
		db_phone_list(r->worker->db, &r->arena, r->me.id, r->now, in->after, limit + 1,
		    list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "phones", array);
	for (int i = 0; i < count && i < limit; i++)
		json_append(array, show_phone(&list[i]));
	json_add_bool(o, "has_more", count > limit);
	if (count > limit)
		json_add_text(o, "after", list[limit - 1].phone_id);
}
