/* Reading message rows: shared by the store's own files. */
#ifndef SQL_MESSAGE_ROWS_H
#define SQL_MESSAGE_ROWS_H

#include "db_internal.h"
#include "message.h"

#define MESSAGE_COLUMN_COUNT 17

/* Reads MESSAGE_COLUMNS from column 0 on; false when the arena is full. */
bool rows_message(sqlite3_stmt *st, struct arena *a, struct message *out);

#endif
