/* The online backup, and putting one back. */
#include "db_internal.h"

#include "account.h"
#include "cleanup.h"
#include "clock.h"
#include "rows.h"
#include "scrub.h"
#include "tombstone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKUP_PAGES 256
#define BACKUP_PAUSE_MS 5
#define ARENA_BYTES ((size_t)4 << 20)

static int
copy_pages(sqlite3 *from, sqlite3 *to, void (*step)(int left, int total))
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

/* What people said stays out of a copy: bodies and their keys, names of files, mails and codes that
 * wait, and the queues of phones with the tokens of bots. Put back, such messages are scrubbed
 * ones. An older schema may lack a table. */
static int
leave_out_content(sqlite3 *h)
{
	static const char *const steps[] = { "UPDATE content_key SET body_key = zeroblob(32)",
		"UPDATE message SET body = x'', scrubbed_at = max(scrubbed_at, 1)",
		"DELETE FROM message_file", "DELETE FROM file", "DELETE FROM file_gone",
		"DELETE FROM outbox", "DELETE FROM bridge", "DELETE FROM login_code" };
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

bool
db_backup(const struct db_options *o, const char *path, bool with_content,
    void (*step)(int left, int total), char error[static DB_ERROR_BYTES])
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	sqlite3 *from, *to = NULL;
	int rc;

	if (fd < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, strerror(errno));
		return false;
	}
	from = db_connect(o, 0, error);
	if (!from) {
		unlink(path);
		return false;
	}
	rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	/* One read transaction over the whole copy: writers go on, and the copy never starts again.
	 */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(from, "BEGIN; SELECT 1 FROM meta", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = copy_pages(from, to, step);
	/* A copy is one file: it leaves WAL mode. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	if (rc == SQLITE_OK && !with_content)
		rc = leave_out_content(to);
	if (rc != SQLITE_OK) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, sqlite3_errstr(rc));
		unlink(path);
	}
	sqlite3_close(to);
	sqlite3_close(from);
	return rc == SQLITE_OK;
}

/* The message or account of a tombstone, if the backup still has it. DB_DONE, or DB_NONE. */
static enum db_result
bury_message(struct db *db, const uint8_t id[static ID_BYTES], int64_t now)
{
	sqlite3_stmt *st = db_bind(db, ST_MESSAGE_PLACE, "b", &(struct db_blob){ id, ID_BYTES });
	enum db_result r = db_step(db, st);
	int64_t number;

	if (r != DB_ROW)
		return r == DB_DONE ? DB_NONE : r;
	number = sqlite3_column_int64(st, 0);
	db_reset(st);
	r = scrub_files(db, number);
	return r == DB_DONE ? scrub_content(db, number, id, now) : r;
}

/* A number may be given out again after a restore: it is this account only if it was made then. */
static enum db_result
bury_account(struct db *db, struct arena *a, const uint8_t id[static ID_BYTES], int64_t now)
{
	struct account acc;
	int64_t number, created_at;
	char *address = NULL;
	enum db_result r;

	tombstone_read_account(id, &created_at, &number);
	arena_reset(a);
	r = db_account_address(db, a, number, &address);
	if (r == DB_ROW)
		r = db_account_by_address(db, a, address, &acc);
	if (r == DB_ROW && created_at && acc.created_at != created_at)
		return DB_NONE;
	return r == DB_ROW ? rows_account_erase(db, a, &acc, now) : r;
}

static enum db_result
bury(struct db *db, struct arena *a, const uint8_t stone[static TOMBSTONE_BYTES], int *applied)
{
	int64_t now = clock_ms();
	enum db_result r;

	if (stone[0] == 'r')
		return rows_address_retire(db, stone + 1);
	r = stone[0] == 'm' ? bury_message(db, stone + 1, now) :
			      bury_account(db, a, stone + 1, now);
	*applied += r == DB_DONE;
	return r;
}

/* What the store that is replaced had retired. One that cannot be read tells nothing: then the
 * tombstones alone count. */
static enum db_result
retire_again(struct db *db, const char *replaced)
{
	sqlite3 *h = NULL;
	sqlite3_stmt *st = NULL;
	enum db_result r = DB_DONE;

	if (sqlite3_open_v2(replaced, &h, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(h, "SELECT substr(address_mac, 1, 16) FROM retired_address", -1, &st,
		NULL) == SQLITE_OK)
		while (r == DB_DONE && sqlite3_step(st) == SQLITE_ROW)
			if (sqlite3_column_bytes(st, 0) == TOMBSTONE_MAC_BYTES)
				r = rows_address_retire(db, sqlite3_column_blob(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(h);
	return r;
}

/* Everything in one transaction: a restore is done or not. `stones` NULL: nothing ever went. */
static enum db_result
bury_all(struct db *db, FILE *stones, const char *replaced, int *applied)
{
	uint8_t stone[TOMBSTONE_BYTES];
	enum db_result r = retire_again(db, replaced);
	struct arena a;

	arena_init(&a, ARENA_BYTES);
	while (stones && !db_failed(r) && fread(stone, sizeof(stone), 1, stones) == 1)
		r = bury(db, &a, stone, applied);
	if (!db_failed(r))
		r = db_exec(db, ST_SESSION_END_EVERY, "");
	arena_free(&a);
	return db_failed(r) ? r : DB_DONE;
}

/* Opens the copy as a store of its own and holds it against the tombstones. */
static bool
replay(const struct db_options *o, const char *copy, int *applied, char *error)
{
	struct db_options at = *o;
	char name[4200];
	auto_file FILE *stones = NULL;
	struct db *db;
	enum db_result r;

	at.path = copy;
	snprintf(name, sizeof(name), "%s.tombstones", o->path);
	stones = fopen(name, "re");
	if (!stones && errno != ENOENT) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", name, strerror(errno));
		return false;
	}
	if (!db_migrate(&at, error))
		return false;
	db = db_open(&at, error);
	if (!db)
		return false;
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, bury_all(db, stones, o->path, applied));
	if (r == DB_DONE &&
	    sqlite3_exec(db->handle, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL))
		r = DB_FAIL;
	db_close(db);
	if (r != DB_DONE)
		snprintf(error, DB_ERROR_BYTES, "%s: the tombstones could not be applied", copy);
	return r == DB_DONE;
}

/* A whole copy of the backup, checked, beside the database. */
static bool
copy_checked(const char *from, const char *to, char *error)
{
	sqlite3 *in = NULL, *out = NULL;
	sqlite3_stmt *st = NULL;
	bool ok;

	ok = sqlite3_open_v2(from, &in, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(in, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0 && db_user_version(in) > 0;
	sqlite3_finalize(st);
	if (!ok)
		snprintf(error, DB_ERROR_BYTES, "%s: this is no whole backup of a relay", from);
	else if (sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    copy_pages(in, out, NULL) != SQLITE_OK) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", to, sqlite3_errmsg(out));
		ok = false;
	}
	sqlite3_close(out);
	sqlite3_close(in);
	return ok;
}

static void
drop_copy(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", ".lock", ".tombstones",
		"-journal" };
	char name[4300];

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
}

bool
db_restore(
    const struct db_options *o, const char *path, int *applied, char error[static DB_ERROR_BYTES])
{
	static const char *const endings[] = { "-wal", "-shm" };
	char copy[4200], name[4300];
	int fd;
	bool ok;

	*applied = 0;
	snprintf(copy, sizeof(copy), "%s.restored", o->path);
	drop_copy(copy);
	fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", copy, strerror(errno));
		return false;
	}
	close(fd);
	ok = copy_checked(path, copy, error) && replay(o, copy, applied, error);
	for (size_t i = 0; i < ARRAY_LEN(endings) && ok; i++) {
		snprintf(name, sizeof(name), "%s%s", o->path, endings[i]);
		unlink(name);
	}
	if (ok && rename(copy, o->path) != 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", o->path, strerror(errno));
		ok = false;
	}
	drop_copy(copy);
	return ok;
}
