/* What the files of the SQLite engine share. */
#ifndef SQL_SQLITE_INTERNAL_H
#define SQL_SQLITE_INTERNAL_H

#include "engine_internal.h"

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

struct sqlite_stmt {
	struct db_stmt base;
	sqlite3_stmt *st;
	uint8_t parameters[SQLITE_PARAMETERS + 1]; /* SQLite's index of $1, $2, ... */
};

struct sqlite {
	struct engine base;
	sqlite3 *handle;
	struct sqlite_stmt stmts[ST__MAX];
	sqlite3_stmt *own[SQLITE_OWN__MAX];
	int busy_timeout_ms;
	int log_frames; /* in the WAL after the last commit */
	bool unsynced; /* a sync of the WAL failed */
	bool broken, damaged;
};

static inline struct sqlite *
sqlite_of(struct engine *e)
{
	return (struct sqlite *)e;
}

/* Translates an SQLite result code, logging what is not expected. */
enum db_result sqlite_translate(struct sqlite *e, int rc);

/* One step of a statement; anything but DB_ROW resets it. */
enum db_result sqlite_step(struct sqlite *e, sqlite3_stmt *st);

/* From here on each commit notes how long the WAL is, and checkpoints a long one. */
void sqlite_watch_log(struct sqlite *e);

/* Opens a raw connection with the pragmas of the house. NULL with one line in `error`. */
sqlite3 *sqlite_connect(const struct db_options *o, int flags, char error[static DB_ERROR_BYTES]);

/* Why the last call on a connection failed, in `out`: SQLite's word, and what the system said where
 * that says more (a full disk). Returns `out`. */
const char *sqlite_why(sqlite3 *h, char out[static DB_ERROR_BYTES]);

/* "PATH: why" into `error`; returns false. */
bool sqlite_refuse(char *error, const char *path, const char *why);

/* PRAGMA user_version, -1 when it cannot be read. */
int sqlite_version(sqlite3 *h);

/* False with one line in `error`: it is of another schema version; it was moved elsewhere. */
bool sqlite_check_version(sqlite3 *h, const char *path, char error[static DB_ERROR_BYTES]);
bool sqlite_check_in_use(sqlite3 *h, const char *path, char error[static DB_ERROR_BYTES]);

/* A new file of our own, under a lock for as long as it is written: what was killed and left there
 * goes. -1: see errno. */
int sqlite_open_part(const char *part);

/* Renames it, never over another file. False: see errno. */
bool sqlite_rename_new(const char *from, const char *to);

/* Copies all pages of one database into another, a little at a time; `step` (or NULL) is given
 * pages left and pages in all. Returns SQLite's code. */
int sqlite_copy_pages(sqlite3 *from, sqlite3 *to, void (*step)(int left, int total));

/* What stands in the table of this engine: see engine.h and db.h. */
bool sqlite_migrate(const struct db_options *o, char error[static DB_ERROR_BYTES]);
bool sqlite_is_keyed(const struct db_options *o);
bool sqlite_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES]);
bool sqlite_backup(const struct db_options *o, const char *path, bool with_content,
    void (*step)(int left, int total), char error[static DB_ERROR_BYTES]);
enum db_result sqlite_quick_check(const struct db_options *o, char error[static DB_ERROR_BYTES]);
enum db_result sqlite_begin(struct engine *e, int timeout_ms);
enum db_result sqlite_end(struct engine *e, bool commit);
enum db_result sqlite_save(struct engine *e);
enum db_result sqlite_save_end(struct engine *e, bool keep);
bool sqlite_is_writing(const struct engine *e);
bool sqlite_sync(struct engine *e);
int64_t sqlite_bytes(struct engine *e);
int64_t sqlite_log_bytes(const struct engine *e);
enum db_result sqlite_checkpoint(struct engine *e, int timeout_ms);
enum db_result sqlite_rebuild(struct engine *e, const struct db_options *o);
enum db_result sqlite_seal_file(struct engine *e);

#endif
