/* What sign-in, access requests and other limits share inside a write transaction. Not for other
 * folders. */
#ifndef SQL_ACCESS_H
#define SQL_ACCESS_H

#include "signin.h"

/* How often something may happen within a window of time; `most` 0: as often as one likes. */
struct hit_limit {
	int most;
	int64_t window_ms, now;
};

/* Counts one hit on `label` and `value`. DB_DONE, or DB_CONFLICT with *retry_at when there were
 * more than `most` in this window. */
enum db_result access_hit(struct db *db, const char *label, const char *value,
    const struct hit_limit *l, int64_t *retry_at);

/* Counts an attempt by client and by address. DB_DONE, or DB_CONFLICT with *retry_at. */
enum db_result access_throttle(struct db *db, const struct signin_limit *l, int64_t *retry_at);

/* Puts a mail in the outbox. */
enum db_result access_mail(struct db *db, const struct mail *m, int64_t now);

/* Ends a write in which DB_CONFLICT means "too often": it commits the count. */
enum db_result access_end(struct db *db, enum db_result r);

/* Puts a message for every pending request into the stream of a new admin. */
enum db_result access_tell_pending(struct db *db, const struct account *admin, int64_t now);

/* Takes the request of an address out, and the notices of it that wait for admins. DB_DONE. */
enum db_result access_forget(struct db *db, struct arena *a, const char *email);

#endif
