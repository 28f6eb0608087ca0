/* Signing in: codes, their limits, and requests for access. Each function is one transaction. */
#ifndef SQL_SIGNIN_H
#define SQL_SIGNIN_H

#include "account.h"

#define SIGNIN_CODE_TTL_MS 600000
#define SIGNIN_CODE_TRIES 5 /* wrong ones of a client */
#define SIGNIN_CODES_ALIVE 3 /* of an address, for one who asks */
#define SIGNIN_STRANGERS_TRIES \
	50 /* in an hour: of codes that others asked for, over all clients \
	    */
#define SIGNIN_SHARES 10 /* so many clients may each use their share for one address */

/* Who asks, and how often they may within an hour; 0: without a limit. */
struct signin_limit {
	const char *email; /* lower case */
	const char *client; /* IP address, IPv6 cut to its /64; NULL: the operator */
	int per_address; /* codes that one client may ask for one address */
	int per_client; /* codes and wrong tries of one client, over all addresses */
	int64_t now;
};

/* A mail to put in the outbox. */
struct mail {
	const char *recipient, *subject, *body;
	int64_t expires_at; /* it is not sent later than this */
};

/* Stores a code (as its keyed hash); of those that this client asked for the newest three stay
 * alive. With `mail` not NULL puts that in the outbox as well. `code` NULL only counts the attempt.
 * DB_DONE; DB_CONFLICT: too often, ask again at *retry_at. */
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

enum access_status { ACCESS_PENDING, ACCESS_APPROVED, ACCESS_DENIED };

struct access_request {
	int64_t id;
	uint8_t public_id[ID_BYTES];
	char *email, *display_name;
	enum access_status status;
	int64_t created_at;
};

/* Notes that an address asks for access and tells every admin in their stream, once per address;
 * with `mail` not NULL puts that in the outbox each time. Result as db_code_request. */
enum db_result db_access_ask(struct db *db, const struct signin_limit *l, const char *display_name,
    const struct mail *mail, int64_t *retry_at);

/* DB_ROW or DB_NONE. */
enum db_result
db_access_by_email(struct db *db, struct arena *a, const char *email, struct access_request *out);

/* Up to `limit` requests, newest first, older than place `before` (0: from the newest). DB_DONE. */
enum db_result db_access_list(struct db *db, struct arena *a, int64_t before, int limit,
    struct access_request *out, int *count);

/* Decides a request; with `mail` not NULL puts it in the outbox (its recipient is filled in here).
 * DB_DONE also when it had been decided the same way, DB_NONE: no such request, DB_CONFLICT: it was
 * decided the other way. */
enum db_result
db_access_decide(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    bool approve, struct mail *mail, const char *actor, int64_t now);

#endif
