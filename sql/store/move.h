/* Moving all that a relay holds to a database of the other engine. Either all of it is there in
 * the end and the old one is left, or nothing has changed; killed anywhere, the same again brings
 * it to its end. */
#ifndef SQL_MOVE_H
#define SQL_MOVE_H

#include "epoch_state.h"

struct move_plan {
	const struct db_options *from, *to; /* the one is a file, the other a server's */
	struct epoch_plan epochs;
	/* After some rows each time: how many of them there were in `table`, how many of `total`
	 * steps are done (a row is one when it is copied and one when it is compared). */
	void (*progress)(void *arg, const char *table, int64_t rows, int64_t done, int64_t total);
	/* A table is on the other side, with so many rows. */
	void (*compared)(void *arg, const char *table, int64_t rows);
	void *arg;
};

struct move_report {
	int64_t tables, rows;
	int64_t lost; /* keys that nobody could open: their texts were lost before */
	bool was_done; /* by an earlier call, that was killed at its very end */
};

/* Copies, compares every row, and marks the old database as left, which no relay opens then. No
 * relay may run. False with one line in `error`. */
bool db_move(const struct move_plan *p, struct move_report *out, char error[static DB_ERROR_BYTES]);

#endif
