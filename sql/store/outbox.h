/* The outbox: mail that waits to leave, in the order it is due. */
#ifndef SQL_OUTBOX_H
#define SQL_OUTBOX_H

#include "arena.h"
#include "channel.h"
#include "db.h"

struct outbox_mail {
	int64_t id;
	char *recipient, *subject, *body;
	int tries;
	int64_t created_at, next_try_at;
	int64_t message_id; /* of a user, which subject and body are of; 0: the relay's own mail */
	char *reply_to, *bot_token; /* or NULL */
	char *last_error; /* in db_outbox_list only */
};

/* Drops what is past its time; messages of users have expired then. DB_DONE. */
enum db_result db_outbox_expire(struct db *db, int64_t now);

#define OUTBOX_PAUSE_MS ((int64_t)3600000) /* no pause between two tries is longer */

/* Finds a mail of that kind that is due at `now`: DB_ROW, or DB_NONE with *next_at, the time of the
 * next one (0: there is none). What is to be tried later than any pause ends was put there by a
 * clock that was ahead, and is due. */
enum db_result db_outbox_due(struct db *db, struct arena *a, enum outbox_kind kind, int64_t now,
    struct outbox_mail *out, int64_t *next_at);

/* The mail left: its row is gone, and the user's message is sent. */
enum db_result db_outbox_sent(struct db *db, const struct outbox_mail *mail);

/* It will never be taken: its row is gone, and the user's message has failed for that reason. */
enum db_result db_outbox_refused(struct db *db, const struct outbox_mail *mail, const char *reason);

/* It did not leave: try again at `next_try_at`, or at its end if that comes first, keeping the
 * reason. */
enum db_result db_outbox_retry(struct db *db, int64_t id, int64_t next_try_at, const char *reason);

/* Up to `limit` waiting mails after row `after`; bodies are left out. DB_DONE. */
enum db_result db_outbox_list(
    struct db *db, struct arena *a, int64_t after, int limit, struct outbox_mail *out, int *count);

struct db_figures {
	int64_t accounts, sessions, messages, undelivered, mails, access_requests, groups;
};

/* Counts for the operator. DB_ROW. */
enum db_result db_stats(struct db *db, int64_t now, struct db_figures *out);

/* When the oldest sign-in code that still waits to be mailed was asked for; 0: none waits. DB_ROW.
 */
enum db_result db_outbox_oldest_code(struct db *db, int64_t now, int64_t *at);

struct outbox_state {
	int64_t waiting, oldest_at; /* oldest_at 0: none waits */
	int64_t failing,
	    failing_since; /* that were tried in vain; of the oldest of them, 0: none */
	char *last_error; /* of the one that was tried last, without its recipient; "": none */
};

/* How what the relay carries itself gets away. DB_ROW. */
enum db_result db_outbox_state(struct db *db, struct arena *a, struct outbox_state *out);

/* A mail to put in the outbox. */
struct mail {
	const char *recipient, *subject, *body;
	int64_t expires_at; /* it is not sent later than this; 0: however late */
};

/* Puts a mail in the outbox. */
enum db_result outbox_put(struct db *db, const struct mail *m, int64_t now);

#endif
