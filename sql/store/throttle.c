/* How often something may happen within a window of time. */
#include "throttle.h"

#include "session.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS ((int64_t)3600000)
#define PAIR_BYTES 512

/* One hit more on `label` and `value`, counted or only looked at: is it too many? Result as
 * throttle_hit. */
static enum db_result
throttle(struct db *db, const char *label, const char *value, const struct hit_limit *l, bool count,
    int64_t *retry_at)
{
	uint8_t key[SECRET_HASH_BYTES];
	const struct db_blob blob = { key, sizeof(key) };
	struct db_stmt *st;
	enum db_result r;

	*retry_at = 0;
	if (l->most <= 0)
		return DB_DONE;
	secret_mac(label, value, strlen(value), key);
	st = count ? db_bind(db, ST_THROTTLE_HIT, &blob, l->now, l->now + l->window_ms) :
		     db_bind(db, ST_THROTTLE_GET, &blob, l->now);
	r = db_step(db, st);
	if (r != DB_ROW)
		return r;
	if (db_i64(st, 0) > l->most)
		*retry_at = db_i64(st, 1);
	db_reset(st);
	return DB_DONE;
}

enum db_result
throttle_hit(struct db *db, const char *label, const char *value, const struct hit_limit *l,
    int64_t *retry_at)
{
	return throttle(db, label, value, l, true, retry_at);
}

enum db_result
throttle_look(struct db *db, const char *label, const char *value, const struct hit_limit *l,
    int64_t *retry_at)
{
	return throttle(db, label, value, l, false, retry_at);
}

/* Client and address in one, for what counts them together. */
static void
pair_of(const struct signin_limit *l, char pair[static PAIR_BYTES])
{
	snprintf(pair, PAIR_BYTES, "%s\n%s", l->client ? l->client : "", l->email);
}

/* The client's hash as codes and sessions keep it; the operator has none. */
struct db_blob
throttle_client(const struct signin_limit *l, uint8_t mac[static SECRET_HASH_BYTES])
{
	if (!l->client)
		return (struct db_blob){ "", 0 };
	db_client_mac(l->client, mac);
	return (struct db_blob){ mac, SECRET_HASH_BYTES };
}

/* Is somebody of this account signed in at this client? DB_ROW or DB_DONE. */
static enum db_result
has_session(struct db *db, const struct signin_limit *l)
{
	uint8_t mac[SECRET_HASH_BYTES];
	struct db_blob client = throttle_client(l, mac);
	struct db_stmt *st = db_bind(db, ST_SESSION_OF_CLIENT, l->email, &client, l->now);
	enum db_result r = db_step(db, st);

	if (r == DB_ROW)
		db_reset(st);
	return r;
}

/* Each client has a share of its own, so that nobody can use up another's; what they ask together
 * counts as well, but only against those who are not signed in as the account already. */
enum db_result
throttle_signin(struct db *db, const struct signin_limit *l, int64_t *retry_at)
{
	const struct hit_limit client = { l->per_client, HOUR_MS, l->now },
			       pair = { l->per_address, HOUR_MS, l->now },
			       all = { l->per_address * SIGNIN_SHARES, HOUR_MS, l->now };
	enum db_result r = db_exec(db, ST_THROTTLE_CLEAN, l->now);
	char both[PAIR_BYTES];

	*retry_at = 0;
	pair_of(l, both);
	if (!db_failed(r) && l->client)
		r = throttle_hit(db, "throttle-client", l->client, &client, retry_at);
	if (!db_failed(r) && !*retry_at)
		r = throttle_hit(db, "throttle-pair", both, &pair, retry_at);
	if (r != DB_DONE || *retry_at)
		return r;
	r = has_session(db, l);
	if (r == DB_ROW)
		return DB_DONE;
	return r == DB_DONE ? throttle_hit(db, "throttle-address", l->email, &all, retry_at) : r;
}

/* May this client try codes that others asked for? It has a few tries of its own, and all strangers
 * together have a larger number. */
enum db_result
throttle_others(struct db *db, const struct signin_limit *l, bool count, int64_t *retry_at)
{
	const struct hit_limit own = { SIGNIN_CODE_TRIES, SIGNIN_CODE_TTL_MS, l->now },
			       all = { SIGNIN_STRANGERS_TRIES, HOUR_MS, l->now };
	enum db_result (*ask)(struct db *, const char *, const char *, const struct hit_limit *,
	    int64_t *) = count ? throttle_hit : throttle_look;
	char both[PAIR_BYTES];
	enum db_result r;

	pair_of(l, both);
	r = ask(db, "tries-pair", both, &own, retry_at);
	if (r != DB_DONE || *retry_at)
		return r;
	r = has_session(db, l);
	if (r == DB_ROW)
		return DB_DONE;
	return r == DB_DONE ? ask(db, "tries-address", l->email, &all, retry_at) : r;
}
