/* Transactions of the SQLite engine, when its log of writes (the WAL) goes to the disk, and how
 * large both are. */
#include "sqlite_internal.h"

#include "log.h"

#include <stdio.h>
#include <sys/stat.h>

/* As many pages as make a good write of the database file, and a log that stays small. */
#define CHECKPOINT_FRAMES 1000

/* Instead of SQLite's own, which checkpoints too but keeps it to itself when that fails. */
static int
note_frames(void *arg, sqlite3 *h, const char *name, int frames)
{
	struct sqlite *e = arg;

	(void)h, (void)name;
	e->log_frames = frames;
	return SQLITE_OK;
}

void
sqlite_watch_log(struct sqlite *e)
{
	sqlite3_wal_hook(e->handle, note_frames, e);
}

enum db_result
sqlite_begin(struct engine *base, int timeout_ms)
{
	struct sqlite *e = sqlite_of(base);

	sqlite3_busy_timeout(e->handle, timeout_ms);
	return sqlite_step(e, e->own[SQLITE_OWN_BEGIN]);
}

/* Writes a long log back into the database, as far as no reader needs it. What was committed may
 * have been lost where its sync fails: an error that the kernel reports once, so here it is kept
 * for sqlite_sync. */
static void
checkpoint_if_due(struct sqlite *e)
{
	int rc;

	if (e->log_frames < CHECKPOINT_FRAMES)
		return;
	rc = sqlite3_wal_checkpoint_v2(e->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
		e->unsynced = e->broken = true;
	else if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		log_warn("the log of writes stays as it is: %s", sqlite3_errmsg(e->handle));
}

enum db_result
sqlite_end(struct engine *base, bool commit)
{
	struct sqlite *e = sqlite_of(base);
	enum db_result r = commit ? sqlite_step(e, e->own[SQLITE_OWN_COMMIT]) : DB_DONE;

	if (!sqlite3_get_autocommit(e->handle))
		sqlite_step(e, e->own[SQLITE_OWN_ROLLBACK]);
	else if (commit && r == DB_DONE)
		checkpoint_if_due(e);
	return r;
}

enum db_result
sqlite_save(struct engine *base)
{
	struct sqlite *e = sqlite_of(base);

	return sqlite_step(e, e->own[SQLITE_OWN_SAVE]);
}

enum db_result
sqlite_save_end(struct engine *base, bool keep)
{
	struct sqlite *e = sqlite_of(base);
	enum db_result r = keep ? DB_DONE : sqlite_step(e, e->own[SQLITE_OWN_SAVE_BACK]);

	return r == DB_DONE ? sqlite_step(e, e->own[SQLITE_OWN_SAVE_END]) : r;
}

bool
sqlite_is_writing(const struct engine *e)
{
	return !sqlite3_get_autocommit(((const struct sqlite *)e)->handle);
}

bool
sqlite_sync(struct engine *base)
{
	struct sqlite *e = sqlite_of(base);
	sqlite3_file *log = NULL;
	int rc = sqlite3_file_control(e->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	if (rc == SQLITE_OK)
		rc = e->unsynced || !log || !log->pMethods ?
		    SQLITE_IOERR_FSYNC :
		    log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	if (rc == SQLITE_OK)
		return true;
	log_error("the log of writes could not be brought to the disk (%d)", rc);
	e->unsynced = e->broken = true;
	return false;
}

static int64_t
bytes_of(const struct engine *e, const char *suffix)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s",
	    sqlite3_db_filename(((const struct sqlite *)e)->handle, "main"), suffix);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

int64_t
sqlite_bytes(struct engine *e)
{
	return bytes_of(e, "");
}

int64_t
sqlite_log_bytes(const struct engine *e)
{
	return bytes_of(e, "-wal");
}
