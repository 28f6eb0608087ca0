/* How often something may happen within a window of time. Inside a write. */
#ifndef SQL_THROTTLE_H
#define SQL_THROTTLE_H

#include "db_internal.h"
#include "secret.h"
#include "signin_limit.h"

/* How often something may happen within a window of time; `most` 0: as often as one likes. */
struct hit_limit {
	int most;
	int64_t window_ms, now;
};

/* Counts one hit on `label` and `value`. DB_DONE with *retry_at: 0, or when the window ends in
 * which there were more than `most`. */
enum db_result throttle_hit(struct db *db, const char *label, const char *value,
    const struct hit_limit *l, int64_t *retry_at);

/* The same without counting it: would one more be too many? */
enum db_result throttle_look(struct db *db, const char *label, const char *value,
    const struct hit_limit *l, int64_t *retry_at);

/* Counts an attempt by client and by address. As throttle_hit. */
enum db_result throttle_signin(struct db *db, const struct signin_limit *l, int64_t *retry_at);

/* May this client try codes that others asked for? Counted, or only looked at. As throttle_hit. */
enum db_result
throttle_others(struct db *db, const struct signin_limit *l, bool count, int64_t *retry_at);

/* The client's hash as codes and sessions keep it, in `mac`; the operator has none. */
struct db_blob throttle_client(const struct signin_limit *l, uint8_t mac[static SECRET_HASH_BYTES]);

#endif
