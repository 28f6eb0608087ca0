/* The online backup: a copy is there whole, or not at all. */
#include "sqlite_internal.h"

#include "cleanup.h"
#include "content.h"
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BACKUP_PAGES 256
#define BACKUP_PAUSE_MS 5
#define BACKUP_TRIES 2000 /* in a row, of a database that cannot be locked */

int
sqlite_copy_pages(sqlite3 *from, sqlite3 *to, void (*step)(int left, int total))
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc, busy = 0;

	if (!b)
		return sqlite3_errcode(to);
	do {
		rc = sqlite3_backup_step(b, BACKUP_PAGES);
		busy = rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? busy + 1 : 0;
		if (step)
			step(sqlite3_backup_remaining(b), sqlite3_backup_pagecount(b));
		if (rc == SQLITE_OK || busy)
			sqlite3_sleep(BACKUP_PAUSE_MS);
	} while (rc == SQLITE_OK || (busy && busy < BACKUP_TRIES));
	sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

#define EMPTY_BLOB "x''"
#define EMPTY_TEXT "''"
#define EMPTY_NULL "NULL"
#define EMPTIED_MESSAGE(column, gone) "UPDATE message SET " #column " = " EMPTY_##gone,
#define EMPTIED_IDEMPOTENCY(column, gone) "UPDATE idempotency SET " #column " = " EMPTY_##gone,
#define NOTHING_OF(table) "DELETE FROM " #table,

/* What people said stays out of a copy: see content.h. Put back, such messages are scrubbed ones.
 * An older schema may lack a table or a column. */
static int
leave_out_content(sqlite3 *h)
{
	static const char *const steps[] = { "UPDATE content_key SET body_key = zeroblob(32)",
		"UPDATE message SET scrubbed_at = max(scrubbed_at, 1)",
		CONTENT_MESSAGE(EMPTIED_MESSAGE) CONTENT_IDEMPOTENCY(EMPTIED_IDEMPOTENCY)
		    CONTENT_TABLES(NOTHING_OF) };
	int rc = sqlite3_exec(h, "PRAGMA secure_delete=ON; BEGIN", NULL, NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(steps) && rc == SQLITE_OK; i++) {
		sqlite3_stmt *st = NULL;

		rc = sqlite3_prepare_v2(h, steps[i], -1, &st, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(h);
		else if (rc == SQLITE_ERROR) /* there is no such table yet */
			rc = SQLITE_OK;
		sqlite3_finalize(st);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, "COMMIT", NULL, NULL, NULL);
	/* pages that were rearranged may hold copies of what is gone: a new file holds none */
	return rc == SQLITE_OK ? sqlite3_exec(h, "VACUUM", NULL, NULL, NULL) : rc;
}

int
sqlite_open_part(const char *part)
{
	auto_close int old = open(part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int fd;

	if (old >= 0 && flock(old, LOCK_EX | LOCK_NB) != 0)
		return -1;
	if (old >= 0)
		unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

bool
sqlite_rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	if (access(to, F_OK) == 0) {
		errno = EEXIST;
		return false;
	}
	return rename(from, to) == 0;
}

/* One read transaction over the whole copy: writers go on, and the copy never starts again. No
 * journal of the copy may hold what is left out of it; a copy is one file and leaves WAL mode. */
static int
copy_all(sqlite3 *from, const char *part, bool with_content, void (*step)(int left, int total))
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(from, "BEGIN; SELECT 1 FROM meta", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite_copy_pages(from, to, step);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(
		    to, "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK && !with_content)
		rc = leave_out_content(to);
	sqlite3_close(to);
	return rc;
}

bool
sqlite_backup(const struct db_options *o, const char *path, bool with_content,
    void (*step)(int left, int total), char error[static DB_ERROR_BYTES])
{
	char part[PATH_MAX];
	auto_close int fd = -1;
	sqlite3 *from;
	int rc;

	snprintf(part, sizeof(part), "%s" DB_PART, path);
	if (access(path, F_OK) == 0)
		errno = EEXIST;
	else
		fd = sqlite_open_part(part);
	if (fd < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, strerror(errno));
		return false;
	}
	from = sqlite_connect(o, 0, error);
	if (!from) {
		unlink(part);
		return false;
	}
	rc = copy_all(from, part, with_content, step);
	sqlite3_close(from);
	if (rc != SQLITE_OK)
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, sqlite3_errstr(rc));
	else if (fsync(fd) != 0 || !sqlite_rename_new(part, path))
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, strerror(errno));
	else
		return true;
	unlink(part);
	return false;
}

bool
engine_copy_in(const char *from, const char *to, char error[static DB_ERROR_BYTES])
{
	sqlite3 *in = NULL, *out = NULL;
	sqlite3_stmt *st = NULL;
	bool ok;

	ok = sqlite3_open_v2(from, &in, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(in, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0 && sqlite_version(in) > 0;
	sqlite3_finalize(st);
	if (!ok)
		snprintf(error, DB_ERROR_BYTES, "%s: this is no whole backup of a relay", from);
	else if (sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite_copy_pages(in, out, NULL) != SQLITE_OK) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", to, sqlite3_errmsg(out));
		ok = false;
	}
	sqlite3_close(out);
	sqlite3_close(in);
	return ok;
}

static enum db_result
walk(const char *path, const char *sql, engine_found found, void *arg)
{
	sqlite3 *h = NULL;
	sqlite3_stmt *st = NULL;
	enum db_result r = DB_FAIL;
	int rc = SQLITE_DONE;

	if (sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK)
		r = DB_DONE;
	while (r == DB_DONE && (rc = sqlite3_step(st)) == SQLITE_ROW)
		r = found(arg, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(h);
	return r == DB_DONE && rc != SQLITE_DONE ? DB_FAIL : r;
}

enum db_result
engine_walk_retired(const char *path, engine_found found, void *arg)
{
	return walk(path, "SELECT substr(address_mac, 1, 16) FROM retired_address", found, arg);
}

enum db_result
engine_walk_keys(const char *path, engine_found found, void *arg)
{
	return walk(path,
	    "SELECT m.public_id FROM message m JOIN content_key k ON k.id = m.id "
	    "WHERE k.body_key <> zeroblob(32)",
	    found, arg);
}

/* What is found is damage, unless memory was out: SQLite reports that of a page in the same way. */
static enum db_result
classify_found(const char *found)
{
	char no_memory[32];

	if (!found)
		return DB_FAIL;
	snprintf(no_memory, sizeof(no_memory), "error code=%d", SQLITE_NOMEM);
	return strcmp(found, "ok") == 0 ? DB_DONE : strstr(found, no_memory) ? DB_FAIL : DB_NONE;
}

enum db_result
sqlite_quick_check(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	sqlite3 *h = sqlite_connect(o, 0, error);
	sqlite3_stmt *st = NULL;
	enum db_result r = DB_FAIL;
	int rc = SQLITE_ERROR;

	if (!h)
		return DB_FAIL;
	if (sqlite3_prepare_v2(h, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const char *found = (const char *)sqlite3_column_text(st, 0);
		const char *line = found ? strrchr(found, '\n') : NULL;

		r = classify_found(found);
		snprintf(error, DB_ERROR_BYTES, "%s: %.400s", o->path,
		    line      ? line + 1 :
			found ? found :
				"");
	} else {
		rc = sqlite3_errcode(h) & 0xff;
		r = rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? DB_NONE : DB_FAIL;
		snprintf(error, DB_ERROR_BYTES, "%s: %s", o->path, sqlite3_errmsg(h));
	}
	sqlite3_finalize(st);
	sqlite3_close(h);
	return r;
}

/* One number; 0 where there is none, or an older schema has no such column, or it is no database;
 * -1 where it is not known. */
static int
ask(sqlite3 *h, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL), n = -1;

	if ((rc & 0xff) == SQLITE_ERROR || rc == SQLITE_NOTADB)
		n = 0;
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		n = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : rc == SQLITE_DONE ? 0 : -1;
	}
	sqlite3_finalize(st);
	return n;
}

/* As ask. */
static int
is_noted(sqlite3 *h)
{
	int noted = ask(h, "SELECT keyed FROM meta");

	return noted ? noted : ask(h, "SELECT EXISTS (SELECT 1 FROM retired_address)");
}

/* In doubt it is: no other key must be made then. What is no database is for the start to refuse,
 * which sqlite_connect would do here. */
bool
sqlite_is_keyed(const struct db_options *o)
{
	sqlite3 *h = NULL;
	bool keyed = access(o->path, F_OK) == 0;

	if (sqlite3_open_v2(o->path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK) {
		sqlite3_busy_timeout(h, o->busy_timeout_ms);
		keyed = is_noted(h) != 0;
	}
	sqlite3_close(h);
	return keyed;
}

bool
sqlite_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	sqlite3 *h = sqlite_connect(o, 0, error);
	bool ok = h &&
	    (is_noted(h) > 0 ||
		sqlite3_exec(h, "UPDATE meta SET keyed = 1", NULL, NULL, NULL) == SQLITE_OK);
	char why[DB_ERROR_BYTES];

	if (h && !ok)
		sqlite_refuse(error, o->path, sqlite_why(h, why));
	sqlite3_close(h);
	return ok;
}
