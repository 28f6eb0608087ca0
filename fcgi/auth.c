/* Authentication: SHA-256 of the token looked up in the store (RFC 6750 bearer, or the header of
 * older clients). */
#include "auth.h"

#include "resp.h"
#include "route.h"
#include "secret.h"

#include <string.h>
#include <strings.h>

#define PREFIX "pct_"
#define SEEN_INTERVAL_MS 20000

static bool
refuse(struct request *r, const char *code, const char *message)
{
	resp_error(r, 401, code, message);
	return false;
}

/* The token of the request, NULL when there is none. */
static const char *
find_token(const struct request *r)
{
	const char *a = r->authorization;

	if (*r->session_token)
		return r->session_token;
	if (strncasecmp(a, "Bearer ", 7) != 0)
		return *a ? "" : NULL;
	a += 7;
	return a + strspn(a, " ");
}

/* A note that the session is alive, at most every 20 s; when the lock is taken, the next request
 * will do it. */
static void
note_seen(struct request *r)
{
	if (r->now - r->session.last_seen_at < SEEN_INTERVAL_MS &&
	    r->session.last_seen_at <= r->now)
		return;
	if (db_session_touch(r->worker->db, r->session.id, r->now) == DB_DONE)
		r->session.last_seen_at = r->now;
}

static bool
check_session(struct request *r, const char *token)
{
	uint8_t hash[SECRET_HASH_BYTES];
	enum db_result res;

	if (strlen(token) != SECRET_TOKEN_BYTES - 1 ||
	    strncmp(token, PREFIX, sizeof(PREFIX) - 1) != 0)
		return refuse(
		    r, "credential_invalid", "The session is unknown or was ended; sign in again.");
	secret_hash(token, hash);
	res = db_session_by_token(r->worker->db, &r->arena, hash, &r->session, &r->me);
	if (resp_db_failed(r, res))
		return false;
	if (res == DB_NONE || r->me.blocked)
		return refuse(
		    r, "credential_invalid", "The session is unknown or was ended; sign in again.");
	if (r->session.expires_at && r->session.expires_at <= r->now)
		return refuse(r, "credential_expired", "The session has expired; sign in again.");
	note_seen(r);
	return true;
}

bool
auth_check(struct request *r)
{
	const char *token;

	if (r->route->access == FOR_ANYONE)
		return true;
	token = find_token(r);
	if (!token && r->route->access == FOR_HOLDER)
		return true;
	if (!token)
		return refuse(r, "credential_required", "This call needs a signed-in user.");
	if (!check_session(r, token))
		return false;
	if (r->route->access == FOR_ADMIN && r->me.role != ROLE_ADMIN) {
		resp_error(r, 403, "forbidden", "This call needs an admin of the relay.");
		return false;
	}
	return true;
}
