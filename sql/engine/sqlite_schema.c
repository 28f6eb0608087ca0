/* Schema steps, forward only, all that are due in one transaction. */
#include "sqlite_internal.h"

#include "bulk_internal.h"
#include "cleanup.h"
#include "snapshot.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int
sqlite_version(sqlite3 *h)
{
	sqlite3_stmt *st = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(h, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return version;
}

bool
sqlite_check_in_use(sqlite3 *h, const char *path, char error[static DB_ERROR_BYTES])
{
	sqlite3_stmt *st = NULL;
	const bool is_left = sqlite3_prepare_v2(h, BULK_LEFT_BY, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL;

	sqlite3_finalize(st);
	return !is_left || sqlite_refuse(error, path, ENGINE_LEFT);
}

/* Runs the steps from that number on, all or none. 0, or the number of the one that failed with the
 * reason in `why`: undoing must not cover it. */
static int
run_steps(sqlite3 *h, int first, char why[static DB_ERROR_BYTES])
{
	char done[64];
	int step = first;

	snprintf(done, sizeof(done), "PRAGMA user_version=%d; COMMIT", schema_steps_len);
	if (sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
		while (step <= schema_steps_len &&
		    sqlite3_exec(h, schema_steps[step - 1], NULL, NULL, NULL) == SQLITE_OK)
			step++;
		if (step > schema_steps_len && sqlite3_exec(h, done, NULL, NULL, NULL) == SQLITE_OK)
			return 0;
	}
	sqlite_why(h, why);
	sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	return step > schema_steps_len ? schema_steps_len : step;
}

static bool
migrate(sqlite3 *h, const struct db_options *o, char *error)
{
	const char *path = o->path;
	char why[DB_ERROR_BYTES];
	int version, failed;

	if (sqlite3_exec(h, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, sqlite_why(h, why));
		return false;
	}
	version = sqlite_version(h);
	if (version < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: the schema version cannot be read: %s", path,
		    sqlite_why(h, why));
		return false;
	}
	if (version > schema_steps_len) {
		snprintf(error, DB_ERROR_BYTES,
		    "%s: made by a newer relay (schema %d, this one knows %d); install that "
		    "version again",
		    path, version, schema_steps_len);
		return false;
	}
	if (version > 0 && version < schema_steps_len && !snapshot_take(o, schema_steps_len, error))
		return false;
	failed = version < schema_steps_len ? run_steps(h, version + 1, why) : 0;
	if (failed)
		snprintf(error, DB_ERROR_BYTES, "%s: schema step %d: %s", path, failed, why);
	return !failed && sqlite_check_in_use(h, path, error);
}

bool
sqlite_migrate(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	sqlite3 *h = sqlite_connect(o, SQLITE_OPEN_CREATE, error);
	auto_close int lock = -1;
	bool ok = false;

	if (!h)
		return false;
	lock = lock_open(o->path);
	if (lock < 0)
		snprintf(error, DB_ERROR_BYTES, "%s.lock: %s", o->path, strerror(errno));
	else if (!lock_take(lock, o->busy_timeout_ms))
		snprintf(error, DB_ERROR_BYTES, "%s: another process is writing", o->path);
	else
		ok = migrate(h, o, error);
	sqlite3_close(h);
	return ok;
}
