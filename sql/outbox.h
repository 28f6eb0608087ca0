/* The outbox: mail that waits to leave, in the order it is due. */
#ifndef SQL_OUTBOX_H
#define SQL_OUTBOX_H

#include "arena.h"
#include "db.h"

struct outbox_mail {
	int64_t id;
	char *recipient, *subject, *body;
	int tries;
	int64_t created_at, next_try_at;
	char *last_error; /* in db_outbox_list only */
};

/* Drops what is past its time, then finds a mail that is due at `now`: DB_ROW, or DB_NONE with
 * *next_at, the time of the next one (0: the outbox is empty). */
enum db_result db_outbox_due(
    struct db *db, struct arena *a, int64_t now, struct outbox_mail *out, int64_t *next_at);

/* The mail left: its row is gone. */
enum db_result db_outbox_sent(struct db *db, int64_t id);

/* It did not: try again at `next_try_at`, keeping the reason. */
enum db_result db_outbox_retry(struct db *db, int64_t id, int64_t next_try_at, const char *reason);

/* Up to `limit` waiting mails after row `after`; bodies are left out. DB_DONE. */
enum db_result db_outbox_list(
    struct db *db, struct arena *a, int64_t after, int limit, struct outbox_mail *out, int *count);

struct db_figures {
	int64_t accounts, sessions, messages, undelivered, mails, access_requests, groups;
};

/* Counts for the operator. DB_ROW. */
enum db_result db_stats(struct db *db, int64_t now, struct db_figures *out);

#endif
