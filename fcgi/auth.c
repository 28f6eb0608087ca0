/* Authentication: SHA-256 of the token looked up in the store (RFC 6750 bearer, or the header of
 * older clients). */
#include "auth.h"

#include "expiry.h"
#include "resp.h"
#include "route.h"
#include "secret.h"

#include <string.h>
#include <strings.h>

#define SEEN_INTERVAL_MS 20000
#define SEEN_LATE_MS 3600000

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
 * will do it. Only who was away for long waits for it: a text waits for sessions by their notes. */
static void
note_seen(struct request *r)
{
	const int64_t age_ms = r->now - r->session.last_seen_at;

	if (age_ms >= 0 && age_ms < SEEN_INTERVAL_MS)
		return;
	if (db_session_touch(r->worker->db, r->session.id, r->client, r->now,
		age_ms < 0 || age_ms >= SEEN_LATE_MS) == DB_DONE)
		r->session.last_seen_at = r->now;
}

/* A session's token in either header, or a key's as bearer, which is the only way for a key. */
static bool
is_token(const struct request *r, const char *token)
{
	return strlen(token) == SECRET_TOKEN_BYTES - 1 &&
	    (strncmp(token, "pct_", 4) == 0 ||
		(strncmp(token, "pck_", 4) == 0 && token != r->session_token));
}

static bool
refuse_unknown(struct request *r)
{
	resp_unknown_credential(r);
	return false;
}

static bool
check_session(struct request *r, const char *token)
{
	uint8_t hash[SECRET_HASH_BYTES];
	enum db_result res;

	if (!is_token(r, token))
		return refuse_unknown(r);
	secret_hash(token, hash);
	res = db_session_by_token(r->worker->db, &r->arena, hash, &r->session, &r->me);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE || r->me.blocked)
		return refuse_unknown(r);
	if (expiry_passed(r->session.expires_at, r->now))
		return refuse(r, "credential_expired", "The session has expired; sign in again.");
	if (!(r->route->access & SILENT))
		note_seen(r);
	return true;
}

/* A session may do what its user may, a key what its scopes say besides. */
static bool
check_access(struct request *r)
{
	const unsigned access = r->route->access;

	if (r->session.scopes && !(r->session.scopes & access)) {
		resp_error(r, 403, "scope_missing",
		    access & SCOPE__ALL ? "The API key lacks the scope that this call needs." :
					  "This call is for sessions, not for API keys.");
		return false;
	}
	if (route_needs_admin(r->route) && r->me.role != ROLE_ADMIN) {
		resp_needs_admin(r);
		return false;
	}
	return true;
}

bool
auth_check(struct request *r)
{
	const char *token;

	if (r->route->access == FOR_ANYONE)
		return true;
	token = find_token(r);
	if (!token && (r->route->access & FOR_HOLDER))
		return true;
	if (!token)
		return refuse(r, "credential_required", "This call needs a signed-in user.");
	return check_session(r, token) && check_access(r);
}
