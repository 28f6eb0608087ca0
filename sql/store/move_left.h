/* A database that was left by a move: taken back into use, or erased. */
#ifndef SQL_MOVE_LEFT_H
#define SQL_MOVE_LEFT_H

#include "db.h"

/* Takes it back into use; what was written to the other one meanwhile is not in it. False with one
 * line in `error`: it was not left, or cannot be written to. */
bool db_move_stay(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Overwrites and removes what of it lies on this machine: its file, or the keys without which
 * nothing that is sealed in a server's opens. Again does no harm. Likewise. */
bool db_move_erase(const struct db_options *o, char error[static DB_ERROR_BYTES]);

#endif
