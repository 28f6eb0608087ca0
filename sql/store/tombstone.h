/* Tombstones: the ids of what was scrubbed or erased, in a file beside the database that no backup
 * holds. A restored backup is held against it, so that it brings nobody and nothing back. */
#ifndef SQL_TOMBSTONE_H
#define SQL_TOMBSTONE_H

#include "db_internal.h"
#include "id.h"

/* A letter and sixteen bytes: 'm' and a message's public id; 'a', when an account was made and its
 * number (a number alone may be given out again after a restore), eight bytes each, the time zero
 * where an older program wrote it; 'r' and the keyed hash of its address, which stays retired. */
#define TOMBSTONE_BYTES 17
#define TOMBSTONE_MAC_BYTES 16

/* Opens PATH.tombstones for appending, making it when it is missing. -1: see errno. */
int tombstone_open(const char *path);

/* Notes a message or an account, before the commit that takes it: a tombstone too many does no
 * harm. False: it could not be written. */
bool tombstone_message(struct db *db, const uint8_t public_id[static ID_BYTES]);
bool tombstone_account(struct db *db, int64_t created_at, int64_t account_id,
    const uint8_t account_address_mac[static TOMBSTONE_MAC_BYTES]);

/* The two numbers of an account's. */
void
tombstone_read_account(const uint8_t id[static ID_BYTES], int64_t *created_at, int64_t *account_id);

/* Brings what was noted to the disk, where a commit outlives a power cut: none may be missing then.
 * False: it may not be there. */
bool tombstone_sync(struct db *db);

#endif
