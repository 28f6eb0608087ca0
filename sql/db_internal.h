/* What the store's own files share: statements, binding, stepping, transactions. Not for other
 * folders. */
#ifndef SQL_DB_INTERNAL_H
#define SQL_DB_INTERNAL_H

#include "arena.h"
#include "content.h"
#include "db.h"

#include <sqlite3.h>
#include <stddef.h>

enum stmt {
#define STMT(name, text) ST_##name,
#include "stmt.def"
#undef STMT
	ST__MAX
};

/* The most parameters that a statement may have. */
#define DB_PARAMETERS 24

struct db {
	sqlite3 *handle;
	sqlite3_stmt *stmts[ST__MAX];
	uint8_t places[ST__MAX][DB_PARAMETERS + 1]; /* SQLite's index of $1, $2, ... */
	int lock_fd; /* flock of all writers */
	int tombstone_fd;
	bool full_durability;
	bool broken; /* see db_is_broken */
	bool buried; /* tombstones were written since the last commit */
	int64_t message_ttl_ms; /* undelivered messages expire after this; 0: never */
	enum conf_retention retention;
	struct db_quota sender_quota, pair_quota;
	int busy_timeout_ms; /* patience of a writer, as set */
	int patience_ms; /* patience now: short after a full wait was in vain */
	bool damaged; /* a page was met that is no page of a database */
	int64_t probed_ms; /* last write of db_probe, monotonic */
};

struct db_blob {
	const void *data;
	size_t len;
};

/* Binds parameters in order; in `types`: i int64_t, n int64_t whose 0 is NULL, o int64_t that is
 * NULL below 0, t text (NULL gives NULL), b struct db_blob * (NULL gives NULL). The statement was
 * reset before. */
sqlite3_stmt *db_bind(struct db *db, enum stmt which, const char *types, ...);

/* One step. DB_ROW leaves the statement on its row until db_reset; anything else resets it.
 * A statement that ends without a row is DB_DONE. */
enum db_result db_step(struct db *db, sqlite3_stmt *st);

/* Ends the use of a statement; clears its parameters so that no text stays behind. */
void db_reset(sqlite3_stmt *st);

/* Runs a statement that brings no row (or whose row nobody needs). DB_DONE, DB_NONE when no row was
 * changed, or an error. */
enum db_result db_exec(struct db *db, enum stmt which, const char *types, ...);

/* Begins a write: takes the writers' lock, then the database's. On DB_DONE db_end must follow. */
enum db_result db_begin(struct db *db);

/* The same without waiting for the writers' lock: DB_BUSY at once. */
enum db_result db_begin_now(struct db *db);

/* Ends it: commits for DB_ROW, DB_DONE and DB_NONE, rolls back for anything else; answers `r` or
 * the commit's error. */
enum db_result db_end(struct db *db, enum db_result r);

/* A message that was created then or before has expired if it waits still; -1: none has. Numbers of
 * messages say nothing of it: one clock that was ahead for a moment puts them ahead for good. */
int64_t db_expired_at(const struct db *db);

/* True for what was not carried out and is no answer of the store's own: DB_TAKEN, DB_ORPHAN,
 * DB_BUSY, DB_FULL and DB_FAIL. */
bool db_failed(enum db_result r);

/* A column's text in the arena; NULL for NULL (or no room: then *ok turns false). */
char *db_text(sqlite3_stmt *st, int column, struct arena *a, bool *ok);

/* Copies a blob column of exactly `len` bytes; false when it is of another size. */
bool db_blob(sqlite3_stmt *st, int column, void *out, size_t len);

/* Translates an SQLite result code, logging what is not expected. */
enum db_result db_translate(struct db *db, int rc);

/* Opens a raw connection with the pragmas of the house; used by open, migrate and backup. */
sqlite3 *db_connect(const struct db_options *o, int flags, char error[static DB_ERROR_BYTES]);

/* Why the last call on a connection failed, in `out`: SQLite's word, and what the system said where
 * that says more (a full disk). Answers `out`. */
const char *db_why(sqlite3 *h, char out[static DB_ERROR_BYTES]);

/* PRAGMA user_version, -1 when it cannot be read. */
int db_user_version(sqlite3 *h);

/* What a file is called while it is written, and the folder of copies beside the database. */
#define DB_PART ".part"
#define DB_BACKUPS "backups"

/* Copies all pages of one database into another, a little at a time; `step` (or NULL) is told pages
 * left and pages in all. Answers SQLite's code. */
int db_copy_pages(sqlite3 *from, sqlite3 *to, void (*step)(int left, int total));

/* Copies the database to backups/before-vVERSION-TIME.db beside it (mode 0600) and drops all such
 * copies but the newest three. False with one line in `error`. */
bool keep_copy(const struct db_options *o, int version, char error[static DB_ERROR_BYTES]);

/* Opens (and makes) the lock file beside the database; -1: see errno. */
int db_lock_open(const char *path);

/* Takes the writers' lock within `ms`; false when time ran out. */
bool db_lock_take(int fd, int ms);
void db_lock_release(int fd);

#endif
