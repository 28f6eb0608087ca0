/* One tombstone, carried out once more. */
#ifndef SQL_REPLAY_INTERNAL_H
#define SQL_REPLAY_INTERNAL_H

#include "arena.h"
#include "tombstone.h"

/* Carries out one record, inside of a write; *applied counts those that took something. DB_DONE or
 * DB_NONE. */
enum db_result replay_record(
    struct db *db, struct arena *a, const uint8_t record[static TOMBSTONE_BYTES], int *applied);

#endif
