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

/* Where the file ends; how much of it is carried out in the database, which is a server's; and
 * noting that, inside of a write. DB_DONE. */
int64_t tombstone_end(const struct db *db);
enum db_result tombstone_noted(struct db *db, int64_t *bytes);
enum db_result tombstone_note(struct db *db, int64_t bytes);

/* Notes that all of it is, in a write of its own. DB_DONE. */
enum db_result tombstone_note_all(struct db *db);

/* What was noted in a write is, once that is committed: the database is told before, this machine
 * after. A write that fails at the first fails at its commit. */
void tombstone_before_commit(struct db *db);
void tombstone_after_commit(struct db *db, bool stored);

#endif
