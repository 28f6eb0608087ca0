/* Whole tables of an SQLite database: one that is read stays locked; one that is filled is a file
 * of another name until it is whole. */
#include "sqlite_internal.h"

#include "bulk_internal.h"
#include "cleanup.h"
#include "lock.h"
#include "snapshot.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILL_PAGES "PRAGMA cache_size=-262144;"

struct file {
	struct bulk base;
	sqlite3 *h;
	sqlite3_stmt *st; /* of the table that is read or written */
	char kinds[BULK_COLUMNS + 1]; /* of it */
	int lock_fd, part_fd;
	char path[PATH_MAX - 16], part[PATH_MAX]; /* part: "" unless it is filled */
};

static struct file *
own(struct bulk *b)
{
	return (struct file *)b;
}

static bool
fail(struct file *f)
{
	char why[DB_ERROR_BYTES];

	return sqlite_refuse(f->base.error, f->path, sqlite_why(f->h, why));
}

static bool
run(struct bulk *b, const char *sql)
{
	struct file *f = own(b);

	return sqlite3_exec(f->h, sql, NULL, NULL, NULL) == SQLITE_OK || fail(f);
}

static bool
ask(struct bulk *b, const char *sql, char out[static BULK_ID_BYTES])
{
	struct file *f = own(b);
	sqlite3_stmt *st = NULL;
	const char *text = NULL;
	bool ok = sqlite3_prepare_v2(f->h, sql, -1, &st, NULL) == SQLITE_OK;

	if (ok && sqlite3_step(st) == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(st, 0);
	snprintf(out, BULK_ID_BYTES, "%s", text ? text : "");
	sqlite3_finalize(st);
	return ok || fail(f);
}

/* -- opening and closing ----------------------------------------------------------------------- */

static void
drop_part(const struct file *f)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal", ".lock" };
	char name[PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_LEN(endings) && f->part[0]; i++) {
		snprintf(name, sizeof(name), "%s%s", f->part, endings[i]);
		unlink(name);
	}
}

static void
close_file(struct bulk *b)
{
	struct file *f = own(b);

	sqlite3_finalize(f->st);
	sqlite3_close(f->h);
	drop_part(f);
	if (f->part_fd >= 0)
		close(f->part_fd);
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	free(f);
}

/* Nobody writes until it is closed. */
static bool
open_to_read(struct file *f, const struct db_options *o, char *error)
{
	f->h = sqlite_connect(o, 0, error);
	if (!f->h || !sqlite_check_version(f->h, o->path, error))
		return false;
	f->lock_fd = lock_open(o->path);
	if (f->lock_fd < 0 || !lock_take(f->lock_fd, o->busy_timeout_ms))
		return sqlite_refuse(error, o->path, "another process is writing");
	return run(&f->base, "BEGIN IMMEDIATE") || sqlite_refuse(error, o->path, f->base.error);
}

/* What goes wrong takes the whole file with it, so nothing is kept of what was before. */
static bool
open_to_fill(struct file *f, const struct db_options *o, char *error)
{
	struct db_options at = *o;

	snprintf(f->part, sizeof(f->part), "%s" DB_PART, f->path);
	f->part_fd = sqlite_open_part(f->part);
	if (f->part_fd < 0) {
		f->part[0] = '\0'; /* it is not ours */
		return sqlite_refuse(error, o->path, strerror(errno));
	}
	at.path = f->part;
	if (!sqlite_migrate(&at, error))
		return false;
	f->h = sqlite_connect(&at, 0, error);
	if (!f->h)
		return false;
	sqlite3_db_config(f->h, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	sqlite3_db_config(f->h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	return run(&f->base,
		   "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
		   "PRAGMA foreign_keys=OFF;" FILL_PAGES "BEGIN EXCLUSIVE") ||
	    sqlite_refuse(error, o->path, f->base.error);
}

static struct bulk *
open_file(const struct db_options *o, bool fill, char error[static DB_ERROR_BYTES])
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f) {
		sqlite_refuse(error, o->path, "out of memory");
		return NULL;
	}
	f->base.driver = &bulk_sqlite;
	f->lock_fd = f->part_fd = -1;
	if (snprintf(f->path, sizeof(f->path), "%s", o->path) >= (int)sizeof(f->path))
		sqlite_refuse(error, o->path, strerror(ENAMETOOLONG));
	else if (fill ? open_to_fill(f, o, error) : open_to_read(f, o, error))
		return &f->base;
	close_file(&f->base);
	return NULL;
}

/* What root makes belongs to the owner of the folder. */
static bool
give_away(const struct file *f)
{
	char copy[PATH_MAX];
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", f->path);
	return geteuid() != 0 ||
	    (stat(dirname(copy), &st) == 0 && fchown(f->part_fd, st.st_uid, st.st_gid) == 0);
}

static bool
name_file(struct file *f)
{
	char copy[PATH_MAX];
	auto_close int dir = -1;

	snprintf(copy, sizeof(copy), "%s", f->path);
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!give_away(f) || fsync(f->part_fd) != 0 || !sqlite_rename_new(f->part, f->path) ||
	    dir < 0 || fsync(dir) != 0)
		return sqlite_refuse(f->base.error, f->path, strerror(errno));
	drop_part(f);
	f->part[0] = '\0';
	return true;
}

static bool
commit(struct bulk *b)
{
	struct file *f = own(b);

	sqlite3_finalize(f->st);
	f->st = NULL;
	if (!run(b, "COMMIT"))
		return false;
	if (!f->part[0])
		return true;
	sqlite3_close(f->h);
	f->h = NULL;
	return name_file(f);
}

static enum bulk_found
look(const struct db_options *o, const char *id, char error[static DB_ERROR_BYTES])
{
	struct file f = { .base = { &bulk_sqlite, "" } };
	char filled_by[BULK_ID_BYTES] = "";

	if (access(o->path, F_OK) != 0 && errno == ENOENT)
		return BULK_EMPTY;
	if (sqlite3_open_v2(o->path, &f.h, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
		ask(&f.base, BULK_FILLED_BY, filled_by);
	sqlite3_close(f.h);
	if (id[0] && strcmp(filled_by, id) == 0)
		return BULK_FILLED;
	sqlite_refuse(error, o->path, "there is a file already; name one that is not there");
	return BULK_IN_USE;
}

/* -- tables ------------------------------------------------------------------------------------ */

/* By what they refer to. */
#define TABLES \
	"WITH RECURSIVE level (name, depth) AS (SELECT name, 0 FROM sqlite_schema" \
	" WHERE type = 'table' AND name NOT LIKE 'sqlite%'" \
	" AND name NOT IN (" BULK_OWN_TABLES ")" \
	" UNION SELECT s.name, l.depth + 1 FROM level l, sqlite_schema s," \
	" pragma_foreign_key_list(s.name) f" \
	" WHERE s.type = 'table' AND f.\"table\" = l.name AND s.name <> l.name AND l.depth < 20" \
	" AND s.name NOT IN (" BULK_OWN_TABLES "))" \
	" SELECT t.name, (SELECT group_concat(c.name, ', ')" \
	" FROM (SELECT name FROM pragma_table_info(t.name) ORDER BY cid) c)," \
	" (SELECT group_concat(lower(substr(c.type, 1, 1)), '')" \
	" FROM (SELECT type FROM pragma_table_info(t.name) ORDER BY cid) c)" \
	" FROM (SELECT name, max(depth) AS depth FROM level GROUP BY name) t" \
	" ORDER BY t.depth, t.name"

/* False: it does not fit. */
static bool
copy_text(sqlite3_stmt *st, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return text && snprintf(out, size, "%s", text) < (int)size;
}

static bool
tables(struct bulk *b, struct bulk_list *out)
{
	struct file *f = own(b);
	sqlite3_stmt *st = NULL;
	bool ok = sqlite3_prepare_v2(f->h, TABLES, -1, &st, NULL) == SQLITE_OK;
	int rc = SQLITE_DONE;

	out->count = 0;
	while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct bulk_table *t = &out->list[out->count];

		ok = out->count++ < BULK_TABLES && copy_text(st, 0, t->name, sizeof(t->name)) &&
		    copy_text(st, 1, t->columns, sizeof(t->columns)) &&
		    copy_text(st, 2, t->kinds, sizeof(t->kinds));
	}
	ok = ok && rc == SQLITE_DONE;
	if (!ok)
		fail(f);
	sqlite3_finalize(st);
	return ok;
}

static bool
prepare(struct file *f, const struct bulk_table *t, const char *sql)
{
	sqlite3_finalize(f->st);
	f->st = NULL;
	memcpy(f->kinds, t->kinds, sizeof(f->kinds));
	return sqlite3_prepare_v2(f->h, sql, -1, &f->st, NULL) == SQLITE_OK || fail(f);
}

static bool
read_table(struct bulk *b, const struct bulk_table *t)
{
	char sql[1024];

	snprintf(sql, sizeof(sql), "SELECT %s FROM %s", t->columns, t->name);
	return prepare(own(b), t, sql);
}

static void
read_value(sqlite3_stmt *st, int column, char kind, struct bulk_row *row)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		bulk_row_bytes(row, NULL, 0);
	else if (kind == 'i')
		bulk_row_number(row, sqlite3_column_int64(st, column));
	else {
		/* a blob of no bytes is NULL to SQLite */
		const void *data = sqlite3_column_blob(st, column);

		bulk_row_bytes(row, data ? data : "", (size_t)sqlite3_column_bytes(st, column));
	}
}

static enum db_result
next(struct bulk *b, struct bulk_row *row)
{
	struct file *f = own(b);
	const int rc = sqlite3_step(f->st);

	if (rc == SQLITE_DONE)
		return DB_DONE;
	if (rc != SQLITE_ROW) {
		fail(f);
		return DB_FAIL;
	}
	bulk_row_begin(row, (int)strlen(f->kinds));
	for (int i = 0; f->kinds[i]; i++)
		read_value(f->st, i, f->kinds[i], row);
	return row->full ? DB_FULL : DB_ROW;
}

static bool
write_table(struct bulk *b, const struct bulk_table *t)
{
	char sql[1024];
	int len = snprintf(sql, sizeof(sql), "INSERT INTO %s (%s) VALUES (?", t->name, t->columns);

	for (size_t i = 1; t->kinds[i] && len < (int)sizeof(sql) - 4; i++)
		len += snprintf(sql + len, sizeof(sql) - (size_t)len, ", ?");
	snprintf(sql + len, sizeof(sql) - (size_t)len, ")");
	return prepare(own(b), t, sql);
}

static void
bind_value(sqlite3_stmt *st, int column, char kind, const uint8_t *value, size_t len)
{
	uint64_t number;

	if (!value)
		sqlite3_bind_null(st, column);
	else if (kind == 'i' && len == sizeof(number)) {
		memcpy(&number, value, sizeof(number));
		sqlite3_bind_int64(st, column, (int64_t)be64toh(number));
	} else if (kind == 't')
		sqlite3_bind_text(st, column, (const char *)value, (int)len, SQLITE_STATIC);
	else
		sqlite3_bind_blob(st, column, value, (int)len, SQLITE_STATIC);
}

static bool
put(struct bulk *b, const struct bulk_row *row)
{
	struct file *f = own(b);
	size_t at = BULK_ROW_FIRST, len;
	int rc;

	for (int i = 0; f->kinds[i]; i++) {
		const uint8_t *value = bulk_row_next(row, &at, &len);

		bind_value(f->st, i + 1, f->kinds[i], value, len);
	}
	rc = sqlite3_step(f->st);
	if (rc != SQLITE_DONE)
		fail(f);
	sqlite3_reset(f->st);
	sqlite3_clear_bindings(f->st);
	return rc == SQLITE_DONE;
}

static bool
written(struct bulk *b)
{
	sqlite3_finalize(own(b)->st);
	own(b)->st = NULL;
	return true;
}

/* -- numbers that are given out ---------------------------------------------------------------- */

static bool
last_number(struct bulk *b, const struct bulk_table *t, int64_t *number)
{
	char sql[256], text[BULK_ID_BYTES];

	*number = 0;
	if (strncmp(t->columns, "id,", 3) != 0 || t->kinds[0] != 'i')
		return true;
	snprintf(sql, sizeof(sql),
	    "SELECT max(n) FROM (SELECT max(id) AS n FROM %s UNION ALL"
	    " SELECT seq FROM sqlite_sequence WHERE name = '%s')",
	    t->name, t->name);
	if (!ask(b, sql, text))
		return false;
	*number = strtoll(text, NULL, 10);
	return true;
}

/* Only of tables whose numbers never come back. */
static bool
set_last_number(struct bulk *b, const struct bulk_table *t, int64_t number)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
	    "DELETE FROM sqlite_sequence WHERE name = '%s';"
	    "INSERT INTO sqlite_sequence (name, seq) SELECT name, %lld FROM sqlite_schema"
	    " WHERE name = '%s' AND sql LIKE '%%AUTOINCREMENT%%'",
	    t->name, (long long)number, t->name);
	return run(b, sql);
}

static void
analyze(const struct db_options *o)
{
	(void)o; /* plans of the relay lean on no figures */
}

const struct bulk_driver bulk_sqlite = {
	.look = look,
	.open = open_file,
	.close = close_file,
	.commit = commit,
	.analyze = analyze,
	.tables = tables,
	.run = run,
	.ask = ask,
	.read = read_table,
	.next = next,
	.write = write_table,
	.put = put,
	.written = written,
	.last_number = last_number,
	.set_last_number = set_last_number,
};
