/* Whom a write has news for: collected inside the transaction, told after COMMIT and after the
 * writers' lock is free, forgotten after a rollback. */
#ifndef SQL_NEWS_H
#define SQL_NEWS_H

#include "db_internal.h"
#include "wake.h"

/* Notes that the write under way has news of that kind for the account; numbers below 1 and
 * repetitions are passed over. Without a listener, or memory, nothing is noted: they find it by
 * their next poll. */
void news_for(struct db *db, enum wake_kind kind, int64_t account_id);

/* As db_exec, for a statement that returns the accounts with news of that kind. DB_DONE, DB_NONE:
 * there was no row, or an error. */
enum db_result news_exec(struct db *db, enum wake_kind kind, enum stmt which, ...);

/* Ends a write: tells if it was committed, and forgets. */
void news_end(struct db *db, bool committed);

/* Frees what was collected. */
void news_free(struct db *db);

#endif
