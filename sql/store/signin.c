/* Sign-in codes and the sessions that they open. */
#include "signin.h"

#include "access_request.h"
#include "account_internal.h"
#include "expiry.h"
#include "wakeup.h"
#include "seq.h"
#include "throttle.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS ((int64_t)3600000)
#define RANDOM_ADDRESS_BYTES 8

static void
code_mac(const char *email, const char *code, uint8_t mac[static SECRET_HASH_BYTES])
{
	char both[512];
	int n = snprintf(both, sizeof(both), "%s\n%s", email, code);

	secret_mac(
	    "sign-in-code", both, (size_t)n < sizeof(both) ? (size_t)n : sizeof(both) - 1, mac);
	secret_wipe(both, sizeof(both));
}

static enum db_result
code_put(struct db *db, const struct signin_limit *l, const char *code)
{
	uint8_t mac[SECRET_HASH_BYTES], client_mac[SECRET_HASH_BYTES];
	struct db_blob client = throttle_client(l, client_mac);
	enum db_result r;

	code_mac(l->email, code, mac);
	r = db_exec(db, ST_CODE_PUT, l->email, &client, &(struct db_blob){ mac, sizeof(mac) },
	    expiry_at(l->now, SIGNIN_CODE_TTL_MS));
	if (r == DB_DONE)
		r = db_exec(db, ST_CODE_TRIM, l->email, &client, (int64_t)SIGNIN_CODES_ALIVE);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_code_request(struct db *db, const struct signin_limit *l, const char *code,
    const struct mail *mail, int64_t *retry_at)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = throttle_signin(db, l, retry_at);
	if (r == DB_DONE && !*retry_at && code)
		r = code_put(db, l, code);
	if (r == DB_DONE && !*retry_at && code && mail)
		r = outbox_put(db, mail, l->now);
	return db_end(db, r);
}

/* Which codes of the address this one is held against. */
struct code_view {
	bool own, others; /* some of the client's own, some of others, are alive */
	bool right; /* one of those that may be tried is this one */
};

static enum db_result
code_look(struct db *db, const struct signin *in, bool others_too, struct code_view *v)
{
	uint8_t client_mac[SECRET_HASH_BYTES], want[SECRET_HASH_BYTES], got[SECRET_HASH_BYTES];
	struct db_blob client = throttle_client(&in->limit, client_mac);
	struct db_stmt *st = db_bind(db, ST_CODE_LIST, in->limit.email, &client, in->limit.now,
	    (int64_t)(3 * SIGNIN_CODES_ALIVE));
	enum db_result r;

	code_mac(in->limit.email, in->code, got);
	while ((r = db_step(db, st)) == DB_ROW) {
		bool own = db_int(st, 2);
		bool may = own ? db_int(st, 1) < SIGNIN_CODE_TRIES : others_too;

		v->own = v->own || own;
		v->others = v->others || !own;
		if (db_blob(st, 0, want, sizeof(want)) && secret_equal(want, got) && may)
			v->right = true;
	}
	return r;
}

/* A wrong code: counted against the client that tried it, and only for others' codes also against
 * the account. */
static enum db_result
code_missed(struct db *db, const struct signin_limit *l, const struct code_view *v)
{
	const struct hit_limit client = { l->per_client, HOUR_MS, l->now };
	uint8_t mac[SECRET_HASH_BYTES];
	struct db_blob blob = throttle_client(l, mac);
	int64_t retry_at;
	enum db_result r = v->own ? db_exec(db, ST_CODE_MISS, l->email, &blob) : DB_DONE;

	if (!db_failed(r) && l->client)
		r = throttle_hit(db, "throttle-client", l->client, &client, &retry_at);
	if (!db_failed(r) && v->others)
		r = throttle_others(db, l, true, &retry_at);
	return db_failed(r) ? r : DB_NONE;
}

/* DB_DONE: right; DB_NONE: wrong, used up, expired or none there (a wrong one is counted). */
static enum db_result
code_check(struct db *db, const struct signin *in)
{
	struct code_view v = { false, false, false };
	int64_t retry_at;
	enum db_result r = throttle_others(db, &in->limit, false, &retry_at);

	if (!db_failed(r))
		r = code_look(db, in, !retry_at, &v);
	if (db_failed(r))
		return r;
	return v.right ? DB_DONE : code_missed(db, &in->limit, &v);
}

/* The account of the address; made when there is none. DB_DONE with *taken: is the chat address
 * that was asked for? Then none was made. */
static enum db_result
account_ensure(
    struct db *db, struct arena *a, const struct signin *in, struct account *acc, bool *taken)
{
	enum db_result r = db_account_by_email(db, a, in->limit.email, acc);
	uint8_t bits[RANDOM_ADDRESS_BYTES];
	char random[2 * RANDOM_ADDRESS_BYTES + 1];

	if (r != DB_NONE)
		return r == DB_ROW ? DB_DONE : r;
	secret_random(bits, sizeof(bits));
	secret_hex(bits, sizeof(bits), random);
	*acc = (struct account){
		.email = arena_strdup(a, in->limit.email),
		.chat_address = arena_strdup(a, in->chat_address ? in->chat_address : random),
		.display_name = arena_strdup(a, in->display_name),
		.language = arena_strdup(a, in->language),
		.public_visible = in->public_visible,
		.created_at = in->limit.now,
	};
	if (!acc->email || !acc->chat_address || !acc->display_name || !acc->language)
		return DB_FAIL;
	return account_insert(db, acc, taken);
}

/* Whom the settings name an admin becomes one, and is notified of the requests that wait. */
static enum db_result
account_promote(struct db *db, struct account *acc, int64_t now)
{
	enum db_result r;

	acc->role = ROLE_ADMIN;
	r = db_exec(db, ST_ACCOUNT_SET_FLAGS, acc->id, (int64_t)acc->role, (int64_t)acc->blocked,
	    (int64_t)acc->hidden);
	return r == DB_DONE ? access_notify_pending(db, acc, now) : r;
}

/* Makes room for one session more. DB_DONE. */
static enum db_result
trim(struct db *db, int64_t account_id, int *ended)
{
	enum db_result r = db_exec(db, ST_SESSION_TRIM, account_id, (int64_t)(SESSIONS_MAX - 1));

	if (r == DB_DONE) {
		*ended = (int)db_changes(db);
		wakeup_for(db, WAKE_ENDED, account_id);
	}
	return r == DB_NONE ? DB_DONE : r;
}

static enum db_result
session_open(struct db *db, struct arena *a, const struct signin *in, const struct account *acc,
    struct session *s)
{
	const int64_t now = in->limit.now;
	uint8_t mac[SECRET_HASH_BYTES];
	struct db_blob client;
	enum db_result r = db_exec(db, ST_SESSION_DELETE_EXPIRED, acc->id, now);
	int ended = 0;

	/* Sessions without any name are different devices of older clients: they stand side by
	 * side. */
	if (!db_failed(r) && (in->device_name[0] || in->session_name[0]))
		r = db_exec(
		    db, ST_SESSION_DELETE_NAMED, acc->id, in->device_name, in->session_name);
	if (db_failed(r))
		return r;
	if (r == DB_DONE)
		wakeup_for(db, WAKE_ENDED, acc->id);
	r = trim(db, acc->id, &ended);
	if (r != DB_DONE)
		return r;
	client = throttle_client(&in->limit, mac);
	*s = (struct session){
		.device_name = arena_strdup(a, in->device_name),
		.session_name = arena_strdup(a, in->session_name),
		.listen_channel = arena_strdup(a, in->listen_channel),
		.start_seq = acc->delivered_seq,
		.sent_seq = acc->delivered_seq,
		.confirmed_seq = acc->delivered_seq,
		.own = true,
		.created_at = now,
		.expires_at = in->expires_at,
		.last_seen_at = now,
		.ended = ended,
	};
	if (!s->device_name || !s->session_name || !s->listen_channel)
		return DB_FAIL;
	/* no session has the number of an earlier one, whose messages would be taken for its own */
	r = seq_next(db, &s->id);
	if (r != DB_ROW)
		return r;
	id_make(s->public_id);
	return db_exec(db, ST_SESSION_INSERT, s->id, &(struct db_blob){ s->public_id, ID_BYTES },
	    &(struct db_blob){ in->token_hash, SECRET_HASH_BYTES }, acc->id, s->device_name,
	    s->session_name, s->listen_channel, s->start_seq, now, s->expires_at, &client);
}

static enum db_result
verify(struct db *db, struct arena *a, const struct signin *in, struct account *acc,
    struct session *s, enum signin_result *result)
{
	bool taken = false;
	enum db_result r = account_ensure(db, a, in, acc, &taken);

	if (r == DB_DONE && taken) {
		*result = SIGNIN_ADDRESS_TAKEN;
		return DB_UNDO;
	}
	if (r == DB_DONE && in->admin && acc->role != ROLE_ADMIN)
		r = account_promote(db, acc, in->limit.now);
	if (r == DB_DONE)
		r = db_exec(db, ST_CODE_DELETE, in->limit.email);
	if (r == DB_DONE)
		r = session_open(db, a, in, acc, s);
	if (r == DB_DONE && acc->blocked) {
		*result = SIGNIN_WRONG;
		return DB_UNDO;
	}
	return r;
}

enum db_result
db_code_verify(struct db *db, struct arena *a, const struct signin *in, enum signin_result *result,
    struct account *acc, struct session *s, int64_t *retry_at)
{
	const struct hit_limit client = { in->limit.per_client, HOUR_MS, in->limit.now };
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	*retry_at = 0;
	if (in->limit.client)
		r = throttle_look(db, "throttle-client", in->limit.client, &client, retry_at);
	if (r == DB_DONE && *retry_at) {
		*result = SIGNIN_LIMITED;
		return db_end(db, DB_DONE);
	}
	if (r == DB_DONE)
		r = code_check(db, in);
	*result = r == DB_NONE ? SIGNIN_WRONG : SIGNIN_OK;
	if (r == DB_DONE)
		r = verify(db, a, in, acc, s, result);
	r = db_end(db, r);
	return db_failed(r) ? r : DB_DONE;
}
