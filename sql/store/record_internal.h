/* Noting that a record changed: for the store's own files. */
#ifndef SQL_RECORD_INTERNAL_H
#define SQL_RECORD_INTERNAL_H

#include "db_internal.h"
#include "record.h"

/* A record of the account changed: its sessions that ask for changes are notified. Inside a write.
 * DB_DONE. */
enum db_result record_changed(struct db *db, int64_t account_id, enum record_subject s);

#endif
