/* Epochs: for so long one key wraps the keys of all that is sealed in a server's database. Machines
 * share it in boxes and keep it in slots (slots.h); at its end what waits is wrapped under the next
 * one, every machine overwrites it, and whatever the server kept of what went meanwhile opens no
 * more. See docs/inside.md. */
#ifndef SQL_EPOCH_H
#define SQL_EPOCH_H

#include "epoch_state.h"

/* The next step of what is to do: this machine's part, and if it leads that of all. To be called
 * about once a second, on a connection of its own. Nothing where keys are not wrapped. DB_DONE;
 * DB_NONE: the slots have keys of another database, which must not be overwritten; or what stood in
 * its way. */
enum db_result db_epoch_step(struct db *db, const struct epoch_plan *p, int64_t now);

/* Are this machine's slots of that database, or of none yet? DB_DONE, or DB_NONE. */
enum db_result db_epoch_check(struct db *db);

/* Has this machine the key of the current epoch? True where keys are not wrapped. */
bool db_epoch_is_here(struct db *db);

#define EPOCH_NAMES_BYTES 256

struct epoch_late {
	int64_t since; /* keys should have been destroyed by then; 0: none is late */
	char names[EPOCH_NAMES_BYTES]; /* of machines that have them still, with commas between */
};

/* What is late at `now`. DB_DONE. */
enum db_result db_epoch_late(struct db *db, int64_t length_ms, int64_t now, struct epoch_late *out);

/* Nobody waits any more for a machine of that name that was not seen for EPOCH_TIMEOUT_MS: its
 * slots are destroyed, or never coming back. DB_DONE, or DB_NONE: there is none. */
enum db_result db_epoch_forget(struct db *db, const char *name, int64_t now);

#endif
