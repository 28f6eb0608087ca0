/* The online backup: a copy is there whole, or not at all. */
#include "db_internal.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BACKUP_PAGES 256
#define BACKUP_PAUSE_MS 5

int
db_copy_pages(sqlite3 *from, sqlite3 *to, void (*step)(int left, int total))
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return sqlite3_errcode(to);
	do {
		rc = sqlite3_backup_step(b, BACKUP_PAGES);
		if (step)
			step(sqlite3_backup_remaining(b), sqlite3_backup_pagecount(b));
		if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
			sqlite3_sleep(BACKUP_PAUSE_MS);
	} while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
	sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

#define EMPTIED_MESSAGE(column, gone) "UPDATE message SET " #column " = " gone,
#define EMPTIED_IDEMPOTENCY(column, gone) "UPDATE idempotency SET " #column " = " gone,
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

/* A new file of our own beside `path`, under a lock for as long as it is written: what a killed
 * backup left there goes. -1: see errno. */
static int
open_part(const char *part)
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

/* Never over another file. */
static bool
rename_new(const char *from, const char *to)
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
		rc = db_copy_pages(from, to, step);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(
		    to, "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK && !with_content)
		rc = leave_out_content(to);
	sqlite3_close(to);
	return rc;
}

bool
db_backup(const struct db_options *o, const char *path, bool with_content,
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
		fd = open_part(part);
	if (fd < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, strerror(errno));
		return false;
	}
	from = db_connect(o, 0, error);
	if (!from) {
		unlink(part);
		return false;
	}
	rc = copy_all(from, part, with_content, step);
	sqlite3_close(from);
	if (rc != SQLITE_OK)
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, sqlite3_errstr(rc));
	else if (fsync(fd) != 0 || !rename_new(part, path))
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, strerror(errno));
	else
		return true;
	unlink(part);
	return false;
}
