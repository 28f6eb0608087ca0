/* Reading sessions: for the store's own files. */
#ifndef SQL_SESSION_INTERNAL_H
#define SQL_SESSION_INTERNAL_H

#include "columns.h"
#include "db_internal.h"
#include "session.h"

/* Reads SESSION_COLUMNS from column `c` on; false when the arena is full. */
bool session_read(struct db_stmt *st, int c, struct arena *a, struct session *out);

#endif
