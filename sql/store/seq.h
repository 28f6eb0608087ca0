/* The clock of all streams. */
#ifndef SQL_SEQ_H
#define SQL_SEQ_H

#include "db_internal.h"

/* The next number of the stream clock; call inside a write. DB_ROW. */
enum db_result seq_next(struct db *db, int64_t *seq);

#endif
