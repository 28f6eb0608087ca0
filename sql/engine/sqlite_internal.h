/* What the files of the SQLite engine share. */
#ifndef SQL_SQLITE_INTERNAL_H
#define SQL_SQLITE_INTERNAL_H

#include "engine.h"

#include <sqlite3.h>

/* The most parameters that a statement may have. */
#define SQLITE_PARAMETERS 24

/* What no table of statements has: each transaction's frame. */
enum sqlite_own {
	SQLITE_OWN_BEGIN,
	SQLITE_OWN_COMMIT,
	SQLITE_OWN_ROLLBACK,
	SQLITE_OWN_SAVE,
	SQLITE_OWN_SAVE_BACK,
	SQLITE_OWN_SAVE_END,
	SQLITE_OWN__MAX
};

struct engine {
	sqlite3 *handle;
	sqlite3_stmt *stmts[ST__MAX], *own[SQLITE_OWN__MAX];
	uint8_t parameters[ST__MAX][SQLITE_PARAMETERS + 1]; /* SQLite's index of $1, $2, ... */
	int busy_timeout_ms;
	int log_frames; /* in the WAL after the last commit */
	bool unsynced; /* a sync of the WAL failed */
	bool broken, damaged;
};

/* Translates an SQLite result code, logging what is not expected. */
enum db_result sqlite_translate(struct engine *e, int rc);

/* One step of a statement; anything but DB_ROW resets it. */
enum db_result sqlite_step(struct engine *e, sqlite3_stmt *st);

/* From here on each commit notes how long the WAL is, and checkpoints a long one. */
void sqlite_watch_log(struct engine *e);

/* Opens a raw connection with the pragmas of the house. NULL with one line in `error`. */
sqlite3 *sqlite_connect(const struct db_options *o, int flags, char error[static DB_ERROR_BYTES]);

/* Why the last call on a connection failed, in `out`: SQLite's word, and what the system said where
 * that says more (a full disk). Returns `out`. */
const char *sqlite_why(sqlite3 *h, char out[static DB_ERROR_BYTES]);

/* "PATH: why" into `error`; returns false. */
bool sqlite_refuse(char *error, const char *path, const char *why);

/* PRAGMA user_version, -1 when it cannot be read. */
int sqlite_version(sqlite3 *h);

/* Copies all pages of one database into another, a little at a time; `step` (or NULL) is given
 * pages left and pages in all. Returns SQLite's code. */
int sqlite_copy_pages(sqlite3 *from, sqlite3 *to, void (*step)(int left, int total));

#endif
