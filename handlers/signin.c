/* Signing in by a code sent by e-mail. */
#include "signin.h"

#include "admission.h"
#include "expiry.h"
#include "handlers.h"
#include "inputs.h"
#include "log.h"
#include "resp.h"
#include "show.h"
#include "text.h"
#include "words.h"
#include "access_request.h"
#include "erase.h"

#define STRANGER_MAIL_TTL_MS ((int64_t)86400000)

static const char too_often[] = "Too many sign-in attempts; try again later.";

static struct signin_limit
limit_of(const struct request *r, const char *email)
{
	const struct conf *c = r->worker->conf;

	return (struct signin_limit){ .email = email,
		.client = r->client,
		.now = r->now,
		.per_address = (int)c->codes_per_address,
		.per_client = (int)c->codes_per_client };
}

/* May this address sign in? By the settings, or because an admin approved it. DB_ROW: yes, DB_NONE:
 * no. */
static enum db_result
may_sign_in(struct request *r, const char *email)
{
	struct access_request q;
	enum db_result res;

	if (conf_email_allowed(r->worker->conf, email))
		return DB_ROW;
	res = db_access_by_email(r->worker->db, &r->arena, email, &q);
	return res == DB_ROW && q.status != ACCESS_APPROVED ? DB_NONE : res;
}

/* One of the relay's own mails, in the language of the account, else in that of the request. The
 * choice tells nobody anything: only the mailbox sees it. */
static struct mail
own_mail(struct request *r, enum words_mail which, const char *code, int64_t ttl_ms)
{
	const struct in_code_request *in = r->in;
	const char *language = in->language;
	struct account acc;
	struct words w;

	if (db_account_by_email(r->worker->db, &r->arena, in->email, &acc) == DB_ROW &&
	    acc.language[0])
		language = acc.language;
	w = words_mail(&r->arena, which, language, r->worker->conf->name, code);
	return (struct mail){ .recipient = in->email,
		.subject = w.subject,
		.body = w.body,
		.expires_at = expiry_at(r->now, ttl_ms) };
}

/* The same for everybody: the response tells nobody who has an account or may have one. */
static struct json_object *
respond_sent(struct request *r)
{
	struct json_object *o = resp_ok(r, 202);

	json_add_text(o, "status", "code_sent");
	json_add_int(o, "expires_in", SIGNIN_CODE_TTL_MS / 1000);
	return o;
}

static void
ask_for_access(struct request *r, const char *email, const char *display_name)
{
	const struct conf *c = r->worker->conf;
	const struct signin_limit limit = limit_of(r, email);
	const struct mail mail = own_mail(r, WORDS_STRANGER, NULL, STRANGER_MAIL_TTL_MS);
	int64_t retry_at = 0;
	enum db_result res = db_access_ask(r->worker->db, &limit, display_name ? display_name : "",
	    c->smtp_host[0] ? &mail : NULL, &retry_at);

	if (resp_db_failed(r, res))
		return;
	if (retry_at) {
		resp_limited(r, too_often, retry_at);
		return;
	}
	if (c->smtp_host[0])
		req_wake_mailer(r);
	else
		log_notice("%s asks for access; an admin may approve it", email);
	respond_sent(r);
}

static void
send_code(struct request *r, const char *email)
{
	const struct conf *c = r->worker->conf;
	const struct signin_limit limit = limit_of(r, email);
	char code[SECRET_CODE_BYTES];
	struct mail mail;
	int64_t retry_at = 0;
	enum db_result res;
	struct json_object *o;

	secret_code_make(code);
	mail = own_mail(r, WORDS_CODE, code, SIGNIN_CODE_TTL_MS);
	res =
	    db_code_request(r->worker->db, &limit, code, c->smtp_host[0] ? &mail : NULL, &retry_at);
	if (resp_db_failed(r, res))
		return;
	if (retry_at) {
		resp_limited(r, too_often, retry_at);
		return;
	}
	/* A relay without mail is one that is being tried: the code goes to whoever sits at the
	 * machine. */
	if (c->smtp_host[0])
		req_wake_mailer(r);
	else
		log_notice("sign-in code for %s: %s", email, code);
	o = respond_sent(r);
	if (c->dev_expose_codes && r->direct_loopback)
		json_add_text(o, "dev_code", code);
	else if (!c->smtp_host[0])
		json_add_text(
		    o, "message", "This relay sends no mail: ask whoever runs it for the code.");
	secret_wipe(code, sizeof(code));
}

/* The bearer of an invite link may sign in. An address that was let in once needs none again; a
 * link that is not good is as good as none. DB_ROW or DB_NONE. */
static enum db_result
redeem(struct request *r, const struct in_code_request *in)
{
	uint8_t hash[SECRET_HASH_BYTES];
	enum db_result res;

	secret_hash(in->invite, hash);
	res = db_admission_redeem(r->worker->db, &r->arena, hash, in->email, r->now);
	return res == DB_DONE ? DB_ROW : res;
}

/* POST request-code: 202 whether or not the account exists or may; 429 when asked too often. */
void
on_code_request(struct request *r)
{
	const struct in_code_request *in = r->in;
	const char *email = in->email;
	enum db_result res = email ? may_sign_in(r, email) : DB_FAIL;

	if (res == DB_NONE && in->invite && in->invite[0])
		res = redeem(r, in);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_ROW)
		send_code(r, email);
	else
		ask_for_access(r, email, in->display_name);
}

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

static void
respond_signed_in(
    struct request *r, const char *token, const struct account *acc, const struct session *s)
{
	struct json_object *o = resp_ok(r, 200);

	json_add_text(o, "session_token", token);
	json_add_int(o, "expires_at", s->expires_at);
	json_add(o, "user", show_user(acc));
	json_add(o, "session", show_session(s, s->id));
	if (s->ended)
		json_add_int(o, "sessions_ended", s->ended);
}

static void
respond_verify(struct request *r, enum signin_result result, int64_t retry_at)
{
	if (result == SIGNIN_LIMITED)
		resp_limited(r, too_often, retry_at);
	else if (result == SIGNIN_ADDRESS_TAKEN)
		resp_field_error(r, 409, "address_taken", "chat_address",
		    "This chat address is taken; ask for another.");
	else
		resp_error(
		    r, 401, "code_invalid", "The code is wrong or has expired; ask for a new one.");
}

/* POST verify-code: opens a session and, the first time, the account. 401 for any code that is not
 * good, 409 for an address that is taken (the code stays good). */
void
on_code_verify(struct request *r)
{
	const struct in_code_verify *in = r->in;
	const struct conf *c = r->worker->conf;
	const char *email = in->email;
	char token[SECRET_TOKEN_BYTES];
	uint8_t hash[SECRET_HASH_BYTES];
	enum signin_result result = SIGNIN_WRONG;
	struct account acc = { 0 };
	struct session s = { 0 };
	int64_t retry_at = 0;
	enum db_result res;

	secret_token_make("pct_", token);
	secret_hash(token, hash);
	const struct signin ask = {
		.limit = limit_of(r, email),
		.code = in->code,
		.chat_address = in->chat_address,
		.display_name = or_empty(in->display_name),
		.language = or_empty(in->language),
		.public_visible = in->public_visible == 1,
		.admin = conf_email_admin(c, in->email),
		.device_name = or_empty(in->device_name),
		.session_name = or_empty(in->session_name),
		.listen_channel = or_empty(in->listen_channel),
		.token_hash = hash,
		.expires_at = expiry_at(r->now, c->session_ttl_sec * 1000),
	};
	res = email ? db_code_verify(r->worker->db, &r->arena, &ask, &result, &acc, &s, &retry_at) :
		      DB_FAIL;
	if (resp_db_failed(r, res))
		return;
	if (result == SIGNIN_OK)
		respond_signed_in(r, token, &acc, &s);
	else
		respond_verify(r, result, retry_at);
	secret_wipe(token, sizeof(token));
}
