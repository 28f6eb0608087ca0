/* Whole tables of a database, read or written in one transaction: for moving it to another engine.
 * A row travels as PostgreSQL's binary COPY has it: how many values in two bytes, then for each its
 * length in four (-1: NULL) and its bytes; numbers are eight, all with the highest byte first. */
#ifndef SQL_BULK_H
#define SQL_BULK_H

#include "engine.h"

#define BULK_TABLES 64
#define BULK_NAME_BYTES 64
#define BULK_COLUMNS 32
#define BULK_ID_BYTES 40 /* of a move */

struct bulk_table {
	char name[BULK_NAME_BYTES];
	char columns[512]; /* their names, with commas between */
	char kinds[BULK_COLUMNS + 1]; /* one letter each: i, t or b as in stmt.def */
};

struct bulk_list {
	struct bulk_table list[BULK_TABLES];
	int count;
};

struct bulk_row {
	uint8_t *bytes; /* freed with bulk_row_free */
	size_t len, room;
	bool full; /* memory was out: it lacks something */
};

struct bulk_driver;
struct bulk {
	const struct bulk_driver *driver;
	char error[DB_ERROR_BYTES]; /* why the last call failed */
};

/* What a database is to a move that would fill it. */
enum bulk_found {
	BULK_EMPTY, /* it is, or is not there yet */
	BULK_FILLED, /* by that very move: nothing is left to do */
	BULK_IN_USE, /* by something else */
	BULK_UNKNOWN /* it could not be looked at */
};

/* Looks at a database that the move `id` ("" where there was none yet) would fill. Why not in
 * `error`. */
enum bulk_found
bulk_look(const struct db_options *o, const char *id, char error[static DB_ERROR_BYTES]);

/* Opens the database that is read, with the writers' lock: it is of this program's schema, and no
 * relay of another machine has it open. Or the one that is filled, which bulk_look found empty and
 * which db_migrate made where it is a server's. NULL with one line in `error`. The caller closes,
 * which takes back what was not committed. */
struct bulk *bulk_open_from(const struct db_options *o, char error[static DB_ERROR_BYTES]);
struct bulk *bulk_open_to(const struct db_options *o, char error[static DB_ERROR_BYTES]);
void bulk_close(struct bulk *b); /* NULL is allowed */

/* Commits; what was filled is in its place then. False: it may not be stored. */
bool bulk_commit(struct bulk *b);

/* The tables that a move copies, each after those that it refers to, as the schema of one side has
 * them which is a file. */
bool bulk_tables(struct bulk *from, struct bulk *to, struct bulk_list *out);

bool bulk_count(struct bulk *b, const struct bulk_table *t, int64_t *rows);

/* Reads a table: then bulk_next until it is not DB_ROW. The row is good until the next call. */
bool bulk_read(struct bulk *b, const struct bulk_table *t);
enum db_result bulk_next(struct bulk *b, struct bulk_row *row);

/* Writes a table in place of what it holds: then bulk_put for each row, then bulk_written. */
bool bulk_write(struct bulk *b, const struct bulk_table *t);
bool bulk_put(struct bulk *b, const struct bulk_row *row);
bool bulk_written(struct bulk *b);

/* The number that a table gave out last; 0: it gives out none. */
bool bulk_last_number(struct bulk *b, const struct bulk_table *t, int64_t *number);
bool bulk_set_last_number(struct bulk *b, const struct bulk_table *t, int64_t number);

/* The move that took all elsewhere, and the one that filled it; "": none. */
bool bulk_left_by(struct bulk *b, char id[static BULK_ID_BYTES]);
bool bulk_set_left_by(struct bulk *b, const char *id);
bool bulk_set_filled_by(struct bulk *b, const char *id);

/* Sees to it that the engine knows how many rows there are. */
void bulk_analyze(const struct db_options *o);

/* A row of one's own: how many values, then each; NULL for NULL. */
void bulk_row_begin(struct bulk_row *row, int values);
void bulk_row_number(struct bulk_row *row, int64_t number);
void bulk_row_bytes(struct bulk_row *row, const void *data, size_t len);
void bulk_row_free(struct bulk_row *row);

/* The row is these bytes. */
void bulk_row_set(struct bulk_row *row, const void *bytes, size_t len);

/* The next value of a row: NULL with *at moved behind it for NULL. `at` begins at
 * BULK_ROW_FIRST. */
#define BULK_ROW_FIRST 2
const uint8_t *bulk_row_next(const struct bulk_row *row, size_t *at, size_t *len);

/* A number of the row's bytes that no two different rows share but by chance; the same in this
 * process. */
uint64_t bulk_row_hash(const struct bulk_row *row);

#endif
