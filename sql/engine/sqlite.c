/* The SQLite engine: one connection and its prepared statements. */
#include "sqlite_internal.h"

#include "bulk_internal.h"
#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const own_texts[SQLITE_OWN__MAX] = {
	[SQLITE_OWN_BEGIN] = "BEGIN IMMEDIATE",
	[SQLITE_OWN_COMMIT] = "COMMIT",
	[SQLITE_OWN_ROLLBACK] = "ROLLBACK",
	[SQLITE_OWN_SAVE] = "SAVEPOINT part",
	[SQLITE_OWN_SAVE_BACK] = "ROLLBACK TO part",
	[SQLITE_OWN_SAVE_END] = "RELEASE part",
};

static sqlite3_stmt *
own(struct db_stmt *st)
{
	return ((struct sqlite_stmt *)st)->st;
}

bool
sqlite_refuse(char *error, const char *path, const char *why)
{
	snprintf(error, DB_ERROR_BYTES, "%s: %s", path, why);
	return false;
}

const char *
sqlite_why(sqlite3 *h, char out[static DB_ERROR_BYTES])
{
	const int system = sqlite3_system_errno(h), rc = sqlite3_errcode(h) & 0xff;
	const bool has_errno = rc == SQLITE_FULL || rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN ||
	    rc == SQLITE_READONLY;

	snprintf(out, DB_ERROR_BYTES, "%.400s%s%s", sqlite3_errmsg(h),
	    has_errno && system ? ": " : "", has_errno && system ? strerror(system) : "");
	return out;
}

static void
harden(sqlite3 *h)
{
	sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_limit(h, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(h, SQLITE_LIMIT_LENGTH, 8 << 20);
	sqlite3_limit(h, SQLITE_LIMIT_SQL_LENGTH, 64 << 10);
	sqlite3_limit(h, SQLITE_LIMIT_EXPR_DEPTH, 64);
}

sqlite3 *
sqlite_connect(const struct db_options *o, int flags, char error[static DB_ERROR_BYTES])
{
	char pragmas[256], why[DB_ERROR_BYTES];
	sqlite3 *h = NULL;

	/* one thread uses it; the library takes this before its first connection, and never after
	 */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_open_v2(o->path, &h, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		sqlite_refuse(error, o->path, sqlite_why(h, why));
		sqlite3_close(h);
		return NULL;
	}
	sqlite3_extended_result_codes(h, 1);
	sqlite3_busy_timeout(h, o->busy_timeout_ms);
	harden(h);
	snprintf(pragmas, sizeof(pragmas),
	    "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON; PRAGMA "
	    "synchronous=%s;"
	    "PRAGMA cache_size=-2048; PRAGMA journal_size_limit=4194304;",
	    o->full_durability && !o->commits ? "FULL" : "NORMAL");
	if (sqlite3_exec(h, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
		sqlite_refuse(error, o->path, sqlite_why(h, why));
		sqlite3_close(h);
		return NULL;
	}
	return h;
}

bool
sqlite_check_version(sqlite3 *h, const char *path, char error[static DB_ERROR_BYTES])
{
	int version = sqlite_version(h);

	if (version == db_schema_version())
		return true;
	snprintf(error, DB_ERROR_BYTES, "%s: schema version %d, this program needs %d; %s", path,
	    version, db_schema_version(),
	    version < db_schema_version() ? "starting the relay brings it up to date" :
					    "it was made by a newer relay");
	return false;
}

/* To SQLite $1 is a name, numbered by where it first stands; to PostgreSQL and to us it is the
 * first argument. False: not as many parameters as there are kinds. */
static bool
find_parameters(struct sqlite_stmt *s, int which)
{
	const int count = sqlite3_bind_parameter_count(s->st);
	const int kinds = (int)strlen(engine_statements[which].kinds);
	char name[8];

	for (int i = 1; i <= kinds && i <= SQLITE_PARAMETERS; i++) {
		snprintf(name, sizeof(name), "$%d", i);
		s->parameters[i] = (uint8_t)sqlite3_bind_parameter_index(s->st, name);
		if (!s->parameters[i])
			return false;
	}
	return count == kinds && kinds <= SQLITE_PARAMETERS &&
	    strspn(engine_statements[which].kinds, "inotb") == (size_t)kinds;
}

static bool
prepare(struct sqlite *e, const char *text, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(e->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) ==
	    SQLITE_OK;
}

/* Prepared when it is first asked for, since no process needs all of them. Where that fails a step
 * of it fails like any other. */
static struct sqlite_stmt *
statement(struct sqlite *e, enum stmt which)
{
	struct sqlite_stmt *s = &e->stmts[which];

	s->base.driver = &engine_sqlite;
	if (!s->st && prepare(e, engine_statements[which].text, &s->st) &&
	    !find_parameters(s, which)) {
		log_error("statement %s: its kinds are not its parameters",
		    engine_statements[which].name);
		abort();
	}
	return s;
}

static bool
check(struct engine *e, char error[static DB_ERROR_BYTES])
{
	for (int i = 0; i < ST__MAX; i++)
		if (!statement(sqlite_of(e), i)->st) {
			snprintf(error, DB_ERROR_BYTES, "statement %s: %s",
			    engine_statements[i].name, sqlite3_errmsg(sqlite_of(e)->handle));
			return false;
		}
	return true;
}

static bool
prepare_own(struct sqlite *e, const char *path, char *error)
{
	for (int i = 0; i < SQLITE_OWN__MAX; i++)
		if (!prepare(e, own_texts[i], &e->own[i]))
			return sqlite_refuse(error, path, sqlite3_errmsg(e->handle));
	return true;
}

static void
close_engine(struct engine *base)
{
	struct sqlite *e = sqlite_of(base);

	for (int i = 0; i < ST__MAX; i++)
		sqlite3_finalize(e->stmts[i].st);
	for (int i = 0; i < SQLITE_OWN__MAX; i++)
		sqlite3_finalize(e->own[i]);
	sqlite3_close(e->handle);
	free(e);
}

static struct engine *
open_engine(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	struct sqlite *e = calloc(1, sizeof(*e));

	if (!e) {
		sqlite_refuse(error, o->path, "out of memory");
		return NULL;
	}
	e->base.driver = &engine_sqlite;
	e->busy_timeout_ms = o->busy_timeout_ms;
	e->handle = sqlite_connect(o, 0, error);
	if (!e->handle || !sqlite_check_version(e->handle, o->path, error) ||
	    !(o->even_left || sqlite_check_in_use(e->handle, o->path, error)) ||
	    !prepare_own(e, o->path, error)) {
		close_engine(&e->base);
		return NULL;
	}
	sqlite_watch_log(e);
	return &e->base;
}

/* Statements are prepared again after ANALYZE or VACUUM by another process, so data statements stay
 * allowed. */
static int
authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	(void)arg, (void)a, (void)b, (void)c, (void)d;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
	case SQLITE_FUNCTION:
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static void
seal(struct engine *e)
{
	sqlite3_set_authorizer(sqlite_of(e)->handle, authorize, NULL);
}

static struct db_stmt *
bind(struct engine *e, enum stmt which, va_list ap)
{
	const char *kinds = engine_statements[which].kinds;
	struct sqlite_stmt *s = statement(sqlite_of(e), which);
	sqlite3_stmt *st = s->st;
	const struct db_blob *blob;
	const char *text;
	int64_t number;

	for (int n = 1; *kinds; kinds++, n++) {
		int i = s->parameters[n];

		switch (*kinds) {
		case 'i':
			sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 'n':
		case 'o':
			number = va_arg(ap, int64_t);
			if (*kinds == 'n' ? number != 0 : number >= 0)
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
	return &s->base;
}

/* Only keys that are taken and rows that are gone are results of the store: any other rule that was
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
sqlite_translate(struct sqlite *e, int rc)
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
	if (sqlite3_system_errno(e->handle) == ENOSPC || sqlite3_system_errno(e->handle) == EDQUOT)
		return DB_FULL;
	e->broken = true;
	e->damaged |= (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
	log_error("database: %s (%d, errno %d)", sqlite3_errmsg(e->handle), rc,
	    sqlite3_system_errno(e->handle));
	return DB_FAIL;
}

/* NULL where it could not be prepared. */
static void
give_back(sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

enum db_result
sqlite_step(struct sqlite *e, sqlite3_stmt *st)
{
	enum db_result r = sqlite_translate(e, sqlite3_step(st));

	if (r != DB_ROW)
		give_back(st);
	return r;
}

static enum db_result
step(struct engine *e, struct db_stmt *st)
{
	return sqlite_step(sqlite_of(e), own(st));
}

static void
reset(struct db_stmt *st)
{
	give_back(own(st));
}

static int64_t
changes(const struct engine *e, struct db_stmt *st)
{
	return sqlite3_stmt_readonly(own(st)) ? -1 :
						sqlite3_changes(((const struct sqlite *)e)->handle);
}

static int64_t
read_i64(struct db_stmt *st, int column)
{
	return sqlite3_column_int64(own(st), column);
}

static bool
read_is_null(struct db_stmt *st, int column)
{
	return sqlite3_column_type(own(st), column) == SQLITE_NULL;
}

static const char *
read_text(struct db_stmt *st, int column, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(own(st), column);

	*len = (size_t)sqlite3_column_bytes(own(st), column);
	return text;
}

static const void *
read_blob(struct db_stmt *st, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(own(st), column);

	*len = (size_t)sqlite3_column_bytes(own(st), column);
	return data;
}

static bool
is_broken(const struct engine *e)
{
	return ((const struct sqlite *)e)->broken;
}

static bool
is_damaged(const struct engine *e)
{
	return ((const struct sqlite *)e)->damaged;
}

enum db_result
sqlite_checkpoint(struct engine *base, int timeout_ms)
{
	struct sqlite *e = sqlite_of(base);
	int rc;

	sqlite3_busy_timeout(e->handle, timeout_ms);
	rc = sqlite3_wal_checkpoint_v2(e->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(e->handle, e->busy_timeout_ms);
	return sqlite_translate(e, rc);
}

/* Our own connection is sealed, and VACUUM attaches a file of its own. */
enum db_result
sqlite_rebuild(struct engine *e, const struct db_options *o)
{
	char error[DB_ERROR_BYTES];
	sqlite3 *h = sqlite_connect(o, 0, error);
	int rc;

	if (!h)
		return DB_FAIL;
	sqlite3_limit(h, SQLITE_LIMIT_ATTACHED, 1);
	rc = sqlite3_exec(h, "VACUUM", NULL, NULL, NULL);
	sqlite3_close(h);
	return rc == SQLITE_OK ? DB_DONE : sqlite_translate(sqlite_of(e), rc);
}

enum db_result
sqlite_seal_file(struct engine *base)
{
	struct sqlite *e = sqlite_of(base);

	return sqlite_translate(
	    e, sqlite3_exec(e->handle, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL));
}

const struct engine_driver engine_sqlite = {
	.name = "SQLite",
	.is_file = true,
	.turn_us = 4000,
	.migrate = sqlite_migrate,
	.is_keyed = sqlite_is_keyed,
	.note_keyed = sqlite_note_keyed,
	.backup = sqlite_backup,
	.quick_check = sqlite_quick_check,
	.open = open_engine,
	.close = close_engine,
	.check = check,
	.seal = seal,
	.is_broken = is_broken,
	.is_damaged = is_damaged,
	.bind = bind,
	.step = step,
	.reset = reset,
	.changes = changes,
	.i64 = read_i64,
	.is_null = read_is_null,
	.text = read_text,
	.blob = read_blob,
	.begin = sqlite_begin,
	.end = sqlite_end,
	.save = sqlite_save,
	.save_end = sqlite_save_end,
	.is_writing = sqlite_is_writing,
	.sync = sqlite_sync,
	.bytes = sqlite_bytes,
	.log_bytes = sqlite_log_bytes,
	.checkpoint = sqlite_checkpoint,
	.rebuild = sqlite_rebuild,
	.seal_file = sqlite_seal_file,
	.bulk = &bulk_sqlite,
};
