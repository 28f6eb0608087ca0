/* What was erased or scrubbed stays so in a database that was put back from a copy: what tombstones
 * name is carried out once more. A server's database knows how much of each machine's file of
 * tombstones is carried out in it, and a machine how much it has seen committed; where the database
 * knows of less it was put back. */
#ifndef SQL_REPLAY_H
#define SQL_REPLAY_H

#include "epoch_state.h"

/* Some of what this machine knows and the database does not. *is_done: nothing is left. DB_DONE. */
enum db_result db_replay_step(struct db *db, int *applied, bool *is_done);

/* All that this machine's tombstones name (path NULL), or those in a file of another one, and the
 * end of every session. *applied counts on. False with one line in `error`. */
bool db_replay(const struct db_options *o, const struct epoch_plan *plan, const char *path,
    int *applied, char error[static DB_ERROR_BYTES]);

#endif
