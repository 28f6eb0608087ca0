/* Noting and reading changes: for the store's own files. */
#ifndef SQL_CHANGE_INTERNAL_H
#define SQL_CHANGE_INTERNAL_H

#include "change.h"
#include "db_internal.h"

/* As db_exec, for a statement that moves deliveries on and returns DELIVERY_SENDER of each: their
 * senders are notified, and find them among their changes. DB_DONE, DB_NONE: no delivery moved, or
 * an error. Inside a write. */
enum db_result change_exec(struct db *db, enum stmt which, ...);

/* The account read the message in one session: its others are notified. Inside a write. DB_DONE. */
enum db_result change_read(struct db *db, int64_t account_id, int64_t session_id,
    const uint8_t public_id[static ID_BYTES]);

/* Has the account a session but this one that wants to see what it does? DB_ROW or DB_NONE. */
enum db_result change_has_others(struct db *db, int64_t account_id, int64_t session_id);

/* The last position at or before `seq` of a change; 0: there is none. DB_DONE. */
enum db_result change_last(struct db *db, int64_t account_id, int64_t seq, int64_t *out);

/* Where a page of changes after `from` must end so that it holds no more than it may; INT64_MAX: it
 * may hold all. DB_DONE. */
enum db_result change_cut(struct db *db, int64_t account_id, int64_t from, int64_t *upto);

/* Reads the changes in (from, upto], oldest first. DB_DONE. */
enum db_result change_page_read(struct db *db, struct arena *a, int64_t account_id, int64_t from,
    int64_t upto, struct change_page *page);

#endif
