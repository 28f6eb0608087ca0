/* Binding, stepping, and write transactions that queue fairly behind one file lock. */
#include "db_internal.h"

#include "clock.h"
#include "log.h"
#include "tombstone.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>

#define SHORT_PATIENCE_MS 50
#define TICK_US 20000

static sqlite3_stmt *
bind_list(struct db *db, enum stmt which, const char *types, va_list ap)
{
	sqlite3_stmt *st = db->stmts[which];
	const struct db_blob *blob;
	const char *text;
	int64_t number;

	for (int n = 1; *types; types++, n++) {
		int i = db->places[which][n];

		switch (*types) {
		case 'i':
			sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 'n':
		case 'o':
			number = va_arg(ap, int64_t);
			if (*types == 'n' ? number != 0 : number >= 0)
				sqlite3_bind_int64(st, i, number);
			else
				sqlite3_bind_null(st, i);
			break;
		case 't':
			text = va_arg(ap, const char *);
			sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
			break;
		case 'b':
			blob = va_arg(ap, const struct db_blob *);
			if (blob)
				sqlite3_bind_blob64(st, i, blob->data, blob->len, SQLITE_STATIC);
			else
				sqlite3_bind_null(st, i);
			break;
		default:
			abort();
		}
	}
	return st;
}

sqlite3_stmt *
db_bind(struct db *db, enum stmt which, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, types);
	st = bind_list(db, which, types, ap);
	va_end(ap);
	return st;
}

/* Only keys that are taken and rows that are gone are answers of the store: any other rule that was
 * broken is a fault of ours. */
static enum db_result
translate_constraint(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return DB_TAKEN;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return DB_ORPHAN;
	default:
		return DB_FAIL;
	}
}

enum db_result
db_translate(struct db *db, int rc)
{
	enum db_result r;

	switch (rc & 0xff) {
	case SQLITE_ROW:
		return DB_ROW;
	case SQLITE_DONE:
	case SQLITE_OK:
		return DB_DONE;
	case SQLITE_CONSTRAINT:
		r = translate_constraint(rc);
		if (r != DB_FAIL)
			return r;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return DB_BUSY;
	case SQLITE_FULL:
		return DB_FULL;
	default:
		break;
	}
	if (sqlite3_system_errno(db->handle) == ENOSPC ||
	    sqlite3_system_errno(db->handle) == EDQUOT)
		return DB_FULL;
	db->broken = true;
	db->damaged |= (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
	log_error("database: %s (%d, errno %d)", sqlite3_errmsg(db->handle), rc,
	    sqlite3_system_errno(db->handle));
	return DB_FAIL;
}

enum db_result
db_step(struct db *db, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	enum db_result r = db_translate(db, rc);

	if (r != DB_ROW)
		db_reset(st);
	return r;
}

void
db_reset(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

enum db_result
db_exec(struct db *db, enum stmt which, const char *types, ...)
{
	sqlite3_stmt *st;
	enum db_result r;
	va_list ap;

	va_start(ap, types);
	st = bind_list(db, which, types, ap);
	va_end(ap);
	r = db_step(db, st);
	if (r == DB_ROW) {
		db_reset(st);
		return DB_DONE;
	}
	return r == DB_DONE && !sqlite3_stmt_readonly(st) && sqlite3_changes(db->handle) == 0 ?
	    DB_NONE :
	    r;
}

bool
db_failed(enum db_result r)
{
	return r == DB_TAKEN || r == DB_ORPHAN || r == DB_BUSY || r == DB_FULL || r == DB_FAIL;
}

static void
on_alarm(int sig)
{
	(void)sig; /* only there to interrupt flock */
}

/* flock has no time-out of its own: a timer that keeps firing interrupts it, so no firing can be
 * missed. The handler stays for good: nothing else here uses SIGALRM. */
bool
db_lock_take(int fd, int ms)
{
	static bool caught;
	const struct sigaction act = { .sa_handler = on_alarm };
	const struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } },
			       off = { { 0, 0 }, { 0, 0 } };
	int64_t deadline;
	int rc;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (ms <= 0)
		return false;
	if (!caught)
		caught = sigaction(SIGALRM, &act, NULL) == 0;
	deadline = clock_mono_ms() + ms;
	setitimer(ITIMER_REAL, &tick, NULL);
	do
		rc = flock(fd, LOCK_EX);
	while (rc != 0 && errno == EINTR && clock_mono_ms() < deadline);
	setitimer(ITIMER_REAL, &off, NULL);
	return rc == 0;
}

void
db_lock_release(int fd)
{
	flock(fd, LOCK_UN);
}

/* After one wait in vain the next ones are short until a write succeeds: while somebody sits on the
 * lock, each worker loses the full time-out once and goes on answering those who only read. */
static enum db_result
begin(struct db *db, int patience_ms)
{
	int64_t start = clock_mono_ms();
	enum db_result r = DB_BUSY;
	int64_t left;

	if (db_lock_take(db->lock_fd, patience_ms)) {
		left = patience_ms - (clock_mono_ms() - start);
		sqlite3_busy_timeout(db->handle, left > 0 ? (int)left : 0);
		r = db_step(db, db->stmts[ST_BEGIN_WRITE]);
		if (r != DB_DONE)
			db_lock_release(db->lock_fd);
	}
	if (r == DB_DONE)
		db->patience_ms = db->busy_timeout_ms;
	else if (r == DB_BUSY && patience_ms >= db->patience_ms)
		db->patience_ms = db->busy_timeout_ms < SHORT_PATIENCE_MS ? db->busy_timeout_ms :
									    SHORT_PATIENCE_MS;
	return r;
}

enum db_result
db_begin(struct db *db)
{
	return begin(db, db->patience_ms);
}

enum db_result
db_begin_now(struct db *db)
{
	return begin(db, 0);
}

enum db_result
db_end(struct db *db, enum db_result r)
{
	if (r == DB_ROW || r == DB_DONE || r == DB_NONE) {
		enum db_result done =
		    tombstone_sync(db) ? db_step(db, db->stmts[ST_COMMIT]) : DB_FAIL;

		if (done != DB_DONE)
			r = done;
	}
	if (!sqlite3_get_autocommit(db->handle))
		db_step(db, db->stmts[ST_ROLLBACK]);
	db_lock_release(db->lock_fd);
	return r;
}

char *
db_text(sqlite3_stmt *st, int column, struct arena *a, bool *ok)
{
	const char *s = (const char *)sqlite3_column_text(st, column);
	char *copy;

	if (!s)
		return NULL;
	copy = arena_strndup(a, s, (size_t)sqlite3_column_bytes(st, column));
	if (!copy)
		*ok = false;
	return copy;
}

bool
db_blob(sqlite3_stmt *st, int column, void *out, size_t len)
{
	const void *data = sqlite3_column_blob(st, column);

	if (!data || (size_t)sqlite3_column_bytes(st, column) != len)
		return false;
	memcpy(out, data, len);
	return true;
}
