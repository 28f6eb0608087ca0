/* The copy that is kept of a database before its schema changes. */
#ifndef SQL_SNAPSHOT_H
#define SQL_SNAPSHOT_H

#include "db.h"

/* What a file is called while it is written, and the folder of copies beside the database. */
#define DB_PART ".part"
#define DB_BACKUPS "backups"

/* Copies the database to backups/before-vVERSION-TIME.db beside it (mode 0600) and drops all such
 * copies but the newest three. False with one line in `error`. */
bool snapshot_take(const struct db_options *o, int version, char error[static DB_ERROR_BYTES]);

#endif
