/* What was sent and waits still, and how much of it one sender may leave on the relay. */
#ifndef SQL_WAITING_H
#define SQL_WAITING_H

#include "db_internal.h"
#include "message.h"

/* May one more of it wait? By the quotas of the sender and of the pair. DB_DONE with *full: does
 * something have to be fetched, or to expire, first? */
enum db_result waiting_check(struct db *db, int64_t sender_id, int64_t to_id, bool *full);

/* Whom a message waits for, as waiting_check and waiting_put know it. */
int64_t waiting_for(const struct message_new *m);

/* Inside a write: the message, which was just put, waits from now on. DB_DONE. */
enum db_result waiting_put(struct db *db, int64_t message_id, int64_t sender_id, int64_t to_id);

/* Inside a write: a message got another text, and waits (again) with it. As waiting_check. */
enum db_result waiting_again(struct db *db, const struct message *m, bool *full);

#endif
