/* The clock of all streams. */
#include "seq.h"

#include "clock.h"

enum db_result
seq_next(struct db *db, int64_t *seq)
{
	struct db_stmt *st = db_bind(db, ST_SEQ_NEXT, clock_ms() * 1000);
	enum db_result r = db_step(db, st);

	if (r == DB_ROW) {
		*seq = db_i64(st, 0);
		db_reset(st);
	}
	return r == DB_DONE ? DB_FAIL : r;
}
