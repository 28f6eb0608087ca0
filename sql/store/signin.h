/* Signing in: codes, and the sessions that they open. Each function is one transaction. */
#ifndef SQL_SIGNIN_H
#define SQL_SIGNIN_H

#include "outbox.h"
#include "session.h"
#include "signin_limit.h"

/* Stores a code (as its keyed hash); of those that this client asked for the newest three stay
 * alive. With `mail` not NULL puts that in the outbox as well. `code` NULL only counts the attempt.
 * DB_DONE with *retry_at: 0, or it was asked too often, when one may ask again. */
enum db_result db_code_request(struct db *db, const struct signin_limit *l, const char *code,
    const struct mail *mail, int64_t *retry_at);

struct signin {
	struct signin_limit limit;
	const char *code;
	const char *chat_address; /* asked for, or NULL */
	const char *display_name, *language; /* for a new account; never NULL */
	bool public_visible, admin;
	const char *device_name, *session_name, *listen_channel; /* never NULL */
	const uint8_t *token_hash;
	int64_t expires_at;
};

enum signin_result { SIGNIN_OK, SIGNIN_WRONG, SIGNIN_ADDRESS_TAKEN, SIGNIN_LIMITED };

/* Checks the code and opens a session, making the account at the first time. A client has five
 * wrong tries at the codes that it asked for, which nobody else can use up, and five in ten minutes
 * at those that others asked for. DB_DONE with *result; on SIGNIN_OK `acc` and `s` are filled, on
 * SIGNIN_LIMITED *retry_at. A taken address leaves the code usable. */
enum db_result db_code_verify(struct db *db, struct arena *a, const struct signin *in,
    enum signin_result *result, struct account *acc, struct session *s, int64_t *retry_at);

#endif
