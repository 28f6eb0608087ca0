/* Push: sessions whose devices want to be told that there is something to fetch, by a push service
 * that they have chosen. */
#ifndef SQL_SUBSCRIPTION_H
#define SQL_SUBSCRIPTION_H

#include "arena.h"
#include "db.h"

#define PUSH_ENDPOINT_BYTES 2048 /* without the NUL */

/* Notes where the session is told, in place of an older address. It is told of what comes from now
 * on. DB_DONE, or DB_ORPHAN: the session has ended. */
enum db_result
db_push_put(struct db *db, int64_t session_id, int64_t account_id, const char *endpoint);

/* Forgets it. DB_DONE, also when there was none. */
enum db_result db_push_delete(struct db *db, int64_t session_id);

/* Up to `limit` addresses of the account's sessions and keys. DB_DONE. */
enum db_result
db_push_list(struct db *db, struct arena *a, int64_t account_id, int limit, char **out, int *count);

/* One that is to be told. */
struct push_due {
	int64_t session_id, account_id;
	char *endpoint;
	int tries; /* that failed before this one */
};

/* Up to `limit` of those that have something to fetch, of before position `upto`, which no session
 * of theirs has and which they were not told of; in order of account. DB_DONE. */
enum db_result db_push_due(struct db *db, struct arena *a, int64_t now, int64_t upto, int limit,
    struct push_due *out, int *count);

/* Nothing goes to the account before that. DB_DONE. */
enum db_result db_push_pause(struct db *db, int64_t account_id, int64_t until);

/* It was told of what came up to the position. DB_DONE. */
enum db_result db_push_notified(struct db *db, const struct push_due *p, int64_t upto);

/* It was not; nothing goes there before that. DB_DONE. */
enum db_result db_push_failed(struct db *db, const struct push_due *p, int64_t until);

/* The push service takes nothing for it any more. DB_DONE. */
enum db_result db_push_drop(struct db *db, const struct push_due *p);

/* The newest position in the streams. DB_ROW. */
enum db_result db_push_newest(struct db *db, int64_t *seq);

#endif
