/* Opening, sealing, probing and closing a connection. */
#include "db_internal.h"

#include "cleanup.h"
#include "clock.h"
#include "content.h"
#include "log.h"
#include "tombstone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PROBE_INTERVAL_MS 5000
#define PROBE_PATIENCE_MS 250

static const struct {
	const char *name, *text;
} statements[] = {
#define STMT(name, text) { #name, text },
#include "stmt.def"
#undef STMT
};

struct db_options
db_options_of(const struct conf *c)
{
	return (struct db_options){ .path = c->db_path,
		.full_durability = c->durability == DURABILITY_FULL,
		.busy_timeout_ms = (int)c->busy_timeout_ms,
		.message_ttl_ms = c->pchat_queue_ttl_sec * 1000,
		.retention = (enum conf_retention)c->retention_mode,
		.sender_quota = { c->waiting_messages, c->waiting_bytes },
		.pair_quota = { c->waiting_pair_messages, c->waiting_pair_bytes } };
}

static bool
refuse(char *error, const char *path, const char *why)
{
	snprintf(error, DB_ERROR_BYTES, "%s: %s", path, why);
	return false;
}

const char *
db_why(sqlite3 *h, char out[static DB_ERROR_BYTES])
{
	const int system = sqlite3_system_errno(h), rc = sqlite3_errcode(h) & 0xff;
	const bool tells = rc == SQLITE_FULL || rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN ||
	    rc == SQLITE_READONLY;

	snprintf(out, DB_ERROR_BYTES, "%.400s%s%s", sqlite3_errmsg(h), tells && system ? ": " : "",
	    tells && system ? strerror(system) : "");
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
db_connect(const struct db_options *o, int flags, char error[static DB_ERROR_BYTES])
{
	char pragmas[256], why[DB_ERROR_BYTES];
	sqlite3 *h = NULL;

	if (sqlite3_open_v2(o->path, &h, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		refuse(error, o->path, db_why(h, why));
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
	    o->full_durability ? "FULL" : "NORMAL");
	if (sqlite3_exec(h, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
		refuse(error, o->path, db_why(h, why));
		sqlite3_close(h);
		return NULL;
	}
	return h;
}

int
db_lock_open(const char *path)
{
	char lock[4200];
	struct stat st;
	int fd;

	if (snprintf(lock, sizeof(lock), "%s.lock", path) >= (int)sizeof(lock)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	/* What root makes belongs to the database's owner, as SQLite does with its own files. */
	if (fd >= 0 && geteuid() == 0 && stat(path, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		log_warn("%s: %s", lock, strerror(errno));
	return fd;
}

static bool
check_version(sqlite3 *h, const char *path, char *error)
{
	int version = db_user_version(h);

	if (version == db_schema_version())
		return true;
	snprintf(error, DB_ERROR_BYTES, "%s: schema version %d, this program needs %d; %s", path,
	    version, db_schema_version(),
	    version < db_schema_version() ? "starting the relay brings it up to date" :
					    "it was made by a newer relay");
	return false;
}

/* To SQLite $1 is a name, numbered by where it first stands; to PostgreSQL and to us it is the
 * first argument. False: more parameters than there is room for. */
static bool
find_places(struct db *db, int which)
{
	int count = sqlite3_bind_parameter_count(db->stmts[which]);
	char name[8];

	for (int i = 1; i <= count && count <= DB_PARAMETERS; i++) {
		snprintf(name, sizeof(name), "$%d", i);
		db->places[which][i] =
		    (uint8_t)sqlite3_bind_parameter_index(db->stmts[which], name);
	}
	return count <= DB_PARAMETERS;
}

static bool
prepare_all(struct db *db, const char *path, char *error)
{
	for (int i = 0; i < ST__MAX; i++) {
		if (sqlite3_prepare_v3(db->handle, statements[i].text, -1,
			SQLITE_PREPARE_PERSISTENT, &db->stmts[i], NULL) == SQLITE_OK &&
		    find_places(db, i))
			continue;
		snprintf(error, DB_ERROR_BYTES, "%s: statement %s: %s", path, statements[i].name,
		    sqlite3_errmsg(db->handle));
		return false;
	}
	return true;
}

struct db *
db_open(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db) {
		refuse(error, o->path, "out of memory");
		return NULL;
	}
	db->lock_fd = db->tombstone_fd = -1;
	db->message_ttl_ms = o->message_ttl_ms;
	db->retention = o->retention;
	db->sender_quota = o->sender_quota;
	db->pair_quota = o->pair_quota;
	db->full_durability = o->full_durability;
	db->busy_timeout_ms = db->patience_ms = o->busy_timeout_ms;
	db->handle = db_connect(o, 0, error);
	if (!db->handle || !check_version(db->handle, o->path, error) ||
	    !prepare_all(db, o->path, error)) {
		db_close(db);
		return NULL;
	}
	db->lock_fd = db_lock_open(o->path);
	db->tombstone_fd = tombstone_open(o->path);
	if (db->lock_fd < 0 || db->tombstone_fd < 0) {
		refuse(error, o->path, strerror(errno));
		db_close(db);
		return NULL;
	}
	return db;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	for (int i = 0; i < ST__MAX; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_close(db->handle);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	if (db->tombstone_fd >= 0)
		close(db->tombstone_fd);
	free(db);
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
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

bool
db_is_broken(const struct db *db)
{
	return db->broken;
}

int64_t
db_expired_at(const struct db *db)
{
	return db->message_ttl_ms ? clock_ms() - db->message_ttl_ms : -1;
}

void
db_seal(struct db *db)
{
	sqlite3_set_authorizer(db->handle, authorize, NULL);
}

enum db_result
db_probe(struct db *db)
{
	int64_t now = clock_mono_ms();
	int patience = db->patience_ms;
	bool due = !db->probed_ms || now - db->probed_ms >= PROBE_INTERVAL_MS;
	enum db_result r = db_step(db, db_bind(db, ST_PROBE_READ, ""));

	if (r != DB_ROW)
		return db_failed(r) ? r : DB_FAIL;
	db_reset(db->stmts[ST_PROBE_READ]);
	db->patience_ms = patience < PROBE_PATIENCE_MS ? patience : PROBE_PATIENCE_MS;
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, due ? db_exec(db, ST_PROBE_WRITE, "i", clock_ms()) : DB_DONE);
	db->patience_ms = patience;
	if (r != DB_DONE)
		db->probed_ms = 0;
	else if (due)
		db->probed_ms = now;
	return r;
}

enum db_result
db_newest_at(struct db *db, int64_t *streamed_at, int64_t *probed_at)
{
	sqlite3_stmt *st = db_bind(db, ST_NEWEST_AT, "");
	enum db_result r = db_step(db, st);

	if (r == DB_ROW) {
		*streamed_at = sqlite3_column_int64(st, 0) / 1000;
		*probed_at = sqlite3_column_int64(st, 1);
		db_reset(st);
	}
	return r;
}

bool
db_is_damaged(const struct db *db)
{
	return db->damaged;
}

enum db_result
db_quick_check(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	sqlite3 *h = db_connect(o, 0, error);
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

		r = found && strcmp(found, "ok") == 0 ? DB_DONE : DB_NONE;
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

/* One number; 0 where there is none, or an older schema has no such place. */
static int
ask(sqlite3 *h, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int n = 0;

	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

bool
db_is_keyed(const struct db_options *o)
{
	sqlite3 *h = NULL;
	bool keyed = sqlite3_open_v2(o->path, &h, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    (ask(h, "SELECT keyed FROM meta") ||
		ask(h, "SELECT EXISTS (SELECT 1 FROM retired_address)"));

	sqlite3_close(h);
	return keyed;
}

bool
db_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	sqlite3 *h = db_is_keyed(o) ? NULL : db_connect(o, 0, error);
	bool ok = h && sqlite3_exec(h, "UPDATE meta SET keyed = 1", NULL, NULL, NULL) == SQLITE_OK;
	char why[DB_ERROR_BYTES];

	if (h && !ok)
		refuse(error, o->path, db_why(h, why));
	sqlite3_close(h);
	return ok || db_is_keyed(o);
}
