/* Whom a write is to wake: collected inside the transaction, and an effect of it (see db_after). */
#ifndef SQL_WAKEUP_H
#define SQL_WAKEUP_H

#include "db_internal.h"
#include "wake.h"

/* Notes that the write under way wakes the account in that way; numbers below 1 and
 * repetitions are passed over. Without a listener, or memory, nothing is noted: they find it by
 * their next poll. */
void wakeup_for(struct db *db, enum wake_kind kind, int64_t account_id);

/* As db_exec, for a statement that returns the accounts to wake in that way. DB_DONE, DB_NONE:
 * there was no row, or an error. */
enum db_result wakeup_exec(struct db *db, enum wake_kind kind, enum stmt which, ...);

/* Around a write within a turn: what it has collected is forgotten when it is taken back. */
void wakeup_save(struct db *db);
void wakeup_back(struct db *db);

/* Frees what was collected. */
void wakeup_free(struct db *db);

#endif
