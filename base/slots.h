/* The slots in which a machine keeps its epoch keys: a small file that all processes of a relay map
 * into their memory. A key is overwritten in place and synced, and is then gone for all of them at
 * once; nobody keeps a copy. */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include "id.h"
#include "secret.h"

#define SLOTS_COUNT 4
#define SLOTS_ERROR_BYTES 512

struct slots;

/* Maps the slots that belong to the database `path`: PATH.epochs; with `in_memory` that says only
 * which machine this is, and keys are in a file of /dev/shm that no disk ever has. They are made
 * when they are not there (mode 0600, of the folder's owner). NULL with one line in `error`. */
struct slots *slots_open(const char *path, bool in_memory, char error[static SLOTS_ERROR_BYTES]);
void slots_close(struct slots *s); /* NULL is allowed */

/* Which machine this is; a copy of the file is another one. */
const uint8_t *slots_node(const struct slots *s);

/* Are they of that database? They are of the first one that asks. */
bool slots_belong(struct slots *s, const uint8_t database[static ID_BYTES]);

/* Keeps other processes out of what changes the slots, until slots_unlock. */
void slots_lock(struct slots *s);
void slots_unlock(struct slots *s);

/* The key of an epoch. False: it is not here. */
bool slots_get(const struct slots *s, int64_t epoch, uint8_t key[static SECRET_SEAL_KEY_BYTES]);

/* The epochs whose keys are here; returns how many. */
int slots_list(const struct slots *s, int64_t epochs[static SLOTS_COUNT]);

/* Stores a key, and returns once it is on the disk. False: there is no slot, or it may not be
 * there. */
bool slots_put(struct slots *s, int64_t epoch, const uint8_t key[static SECRET_SEAL_KEY_BYTES]);

/* Overwrites a key, and returns once that is on the disk. False: it may be there still. */
bool slots_destroy(struct slots *s, int64_t epoch);

/* The pair to which other machines seal keys for this one; made anew by slots_renew, which
 * overwrites the one before. False: that may be there still. */
const struct secret_pair *slots_pair(const struct slots *s);
bool slots_renew(struct slots *s);

/* How many bytes of this machine's tombstones were seen committed; see replay.h. */
int64_t slots_tombstones(const struct slots *s);
void slots_note_tombstones(struct slots *s, int64_t bytes);

#endif
