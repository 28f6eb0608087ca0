/* Requests for access by people outside the allow-list. Each function is one transaction, but for
 * the last two. */
#ifndef SQL_ACCESS_REQUEST_H
#define SQL_ACCESS_REQUEST_H

#include "account.h"
#include "outbox.h"
#include "signin_limit.h"

enum access_status { ACCESS_PENDING, ACCESS_APPROVED, ACCESS_DENIED };

enum access_result {
	ACCESS_DECIDED, /* now, or the same way before */
	ACCESS_DECIDED_OTHERWISE
};

struct access_request {
	int64_t id;
	uint8_t public_id[ID_BYTES];
	char *email, *display_name;
	enum access_status status;
	int64_t created_at;
};

/* Notes that an address asks for access and notifies every admin in their stream, once per address;
 * with `mail` not NULL puts that in the outbox each time. Result as db_code_request. */
enum db_result db_access_ask(struct db *db, const struct signin_limit *l, const char *display_name,
    const struct mail *mail, int64_t *retry_at);

/* DB_ROW or DB_NONE. */
enum db_result
db_access_by_email(struct db *db, struct arena *a, const char *email, struct access_request *out);

/* Up to `limit` requests, newest first, older than position `before` (0: from the newest). DB_DONE.
 */
enum db_result db_access_list(struct db *db, struct arena *a, int64_t before, int limit,
    struct access_request *out, int *count);

/* Decides a request; with `mail` not NULL puts it in the outbox (its recipient is filled in here).
 * DB_DONE with *result, or DB_NONE: no such request. */
enum db_result
db_access_decide(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    bool approve, struct mail *mail, const char *actor, int64_t now, enum access_result *result);

/* Puts a message for every pending request into the stream of a new admin. */
enum db_result access_notify_pending(struct db *db, const struct account *admin, int64_t now);

/* Takes the request of an address out, and the notices of it that wait for admins. DB_DONE. */
enum db_result access_forget(struct db *db, struct arena *a, const char *email);

#endif
