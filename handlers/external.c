/* Sending external messages: what each channel needs, and what becomes of it. */
#include "external.h"

#include "bridge.h"
#include "channel.h"
#include "cleanup.h"
#include "email.h"
#include "expiry.h"
#include "resp.h"
#include "req.h"

#include <string.h>

static bool
missing(struct request *r, const char *field, const char *message)
{
	resp_field_error(r, 400, "missing_field", field, message);
	return false;
}

static bool
invalid(struct request *r, const char *field, const char *message)
{
	resp_field_error(r, 400, "invalid_field", field, message);
	return false;
}

static bool
given(const char *s)
{
	return s && s[0];
}

static bool
check_destination(struct request *r, const struct in_message *in)
{
	if (!given(in->to))
		return missing(r, "to", "to is missing.");
	for (const char *p = in->to; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return invalid(r, "to", "to must be one line without control characters.");
	return true;
}

/* A token becomes part of an address on the web: nothing in it may mean more. */
static bool
is_bot_token(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:_-";

	return s[strspn(s, allowed)] == '\0';
}

/* The length of a text as Telegram and phones count it. */
static size_t
utf16_units(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) == 0x80 ? 0 : (unsigned char)*s >= 0xf0 ? 2 : 1;
	return n;
}

static bool
check_length(struct request *r, const struct in_message *in, const struct channel *ch)
{
	char message[128];

	if (!ch->text_units || utf16_units(in->text) <= (size_t)ch->text_units)
		return true;
	snprintf(message, sizeof(message),
	    "text must have up to %d UTF-16 units; %s takes no more.", ch->text_units, ch->word);
	return invalid(r, "text", message);
}

/* What the channel needs. */
static bool
check_needs(struct request *r, const struct in_message *in, unsigned needs)
{
	if ((needs & NEEDS_TO) && !check_destination(r, in))
		return false;
	if ((needs & NEEDS_SUBJECT) && !given(in->subject))
		return missing(r, "subject", "A mail needs a subject.");
	if ((needs & NEEDS_TITLE) && !given(in->title) && !given(in->subject))
		return missing(r, "title", "A notification needs a title or a subject.");
	if ((needs & NEEDS_BOT_TOKEN) && !given(in->bot_token))
		return missing(r, "bot_token", "bot_token is missing.");
	return true;
}

/* What the fields of a channel must have besides the limits of each; false: it responded. */
static bool
check(struct request *r, const struct in_message *in, const struct channel *ch)
{
	if (!in->text)
		return missing(r, "text", "text is missing.");
	if (!in->text[0])
		return invalid(r, "text", "text is empty.");
	if (!check_needs(r, in, ch->needs) || !check_length(r, in, ch))
		return false;
	if (given(in->bot_token) && !is_bot_token(in->bot_token))
		return invalid(
		    r, "bot_token", "bot_token must be made of letters, digits, : _ and -.");
	if (in->kind && strcmp(in->kind, "text") != 0)
		return invalid(r, "kind", "Only text leaves the relay.");
	if (in->attachments.count > 0)
		return invalid(r, "attachments", "Files do not leave the relay.");
	return true;
}

/* What the relay carries itself, if it can, goes to the outbox. */
static void
choose_way(const struct request *r, const struct channel *ch, struct bridge_new *way)
{
	const struct conf *c = r->worker->conf;

	if (channel_is_carried(ch, c)) {
		way->by_relay = true;
		way->kind = ch->kind;
		way->most_per_day = (int)ch->per_day(c);
	}
	way->expires_at = expiry_at(r->now, c->queue_ttl_sec * 1000);
}

static void
respond(struct request *r, const struct message_new *m, const char *key, enum send_result result)
{
	message_respond(r, m, key, result);
	if (m->to.external->by_relay && result == SEND_NEW)
		req_wake_mailer(r);
}

/* Where it goes, in the form that is kept; NULL: it responded. */
static const char *
destination(struct request *r, const struct in_message *in, const struct channel *ch)
{
	char message[FIELD_CLEAN_BYTES], *kept;
	const char *must;

	if (!(ch->needs & NEEDS_MAILBOX))
		return in->to ? in->to : "";
	kept = arena_alloc(&r->arena, EMAIL_BYTES);
	must = kept ? email_clean(in->to, kept) : "shorter";
	if (!must)
		return kept;
	snprintf(message, sizeof(message), "to must be %s.", must);
	invalid(r, "to", message);
	return NULL;
}

void
external_send(struct request *r, const struct in_message *in)
{
	const struct channel *ch = channel_find(in->channel);
	struct bridge_new way = { .phone_id = in->phone_id ? in->phone_id : "" };
	struct message_new m = { .sender_id = r->me.id,
		.session_id = r->session.id,
		.channel = in->channel,
		.kind = "text",
		.text = in->text,
		.source = in->source,
		.subject = in->subject,
		.title = in->title,
		.to = { TARGET_EXTERNAL, .external = &way },
		.now = r->now };
	struct idempotency key = { .key = in->idempotency_key };
	enum send_result result = SEND_NEW;
	enum db_result res;

	if (!check(r, in, ch) || !(m.destination = destination(r, in, ch)))
		return;
	if (ch->needs & NEEDS_BOT_TOKEN)
		way.bot_token = in->bot_token;
	if (key.key)
		secret_mac("idempotency", r->body, r->body_len, key.body_mac);
	choose_way(r, ch, &way);
	res = db_message_send(r->worker->db, &m, &key, &result);
	if (!resp_db_failed(r, res))
		respond(r, &m, in->idempotency_key, result);
}

int64_t
external_cutoff(const struct request *r)
{
	return expiry_cutoff(r->now, r->worker->conf->queue_ttl_sec * 1000);
}

void
external_expire(struct request *r)
{
	db_bridge_expire(r->worker->db, r->me.id, external_cutoff(r), r->now);
}

void
external_add_error(struct request *r, struct json_object *o, const uint8_t id[static ID_BYTES],
    enum delivery_state state)
{
	char *error = NULL;

	if (state == DELIVERY_FAILED &&
	    db_bridge_error(r->worker->db, &r->arena, id, r->me.id, &error) == DB_ROW)
		json_add_text(o, "error", error[0] ? error : "No reason was given.");
}
