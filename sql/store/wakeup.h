/* Whom a write is to wake: collected inside the transaction, notified after COMMIT and after the
 * writers' lock is free, forgotten after a rollback. */
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

/* Ends a write: notifies if it was committed, and forgets. */
void wakeup_end(struct db *db, bool committed);

/* Frees what was collected. */
void wakeup_free(struct db *db);

#endif
