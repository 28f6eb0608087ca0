/* The store's own connection: what it was opened with, and reading rows. */
#include "db_internal.h"

#include "clock.h"
#include "expiry.h"
#include "lock.h"
#include "tombstone.h"
#include "wakeup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE_INTERVAL_MS 5000

/* Where a message goes at once, or names of recipients with it, its files wait for nobody. */
static int64_t
file_hold_ms(const struct conf *c)
{
	const struct retention *mode = &retention_modes[c->retention_mode];

	return mode->scrubs && !mode->on_claim && !mode->takes_all ? c->file_hold_sec * 1000 : 0;
}

struct db_options
db_options_of(const struct conf *c)
{
	return (struct db_options){ .url = c->database_url,
		.path = c->db_path,
		.epochs_in_memory = c->epoch_keys == EPOCH_KEYS_MEMORY,
		.full_durability = c->durability == DURABILITY_FULL,
		.busy_timeout_ms = (int)c->busy_timeout_ms,
		.message_ttl_ms = c->pchat_queue_ttl_sec * 1000,
		.retention = (enum conf_retention)c->retention_mode,
		.file_hold_ms = file_hold_ms(c),
		.sender_quota = { c->waiting_messages, c->waiting_bytes },
		.pair_quota = { c->waiting_pair_messages, c->waiting_pair_bytes } };
}

/* What earlier processes left in the log may be in memory alone: it counts as a commit of now, for
 * which all wait. After a sync that failed it is written to the database file, and that is synced,
 * before anybody builds on it. False: that could not be done. */
static bool
adopt_log(struct db *db)
{
	const bool broken = db->commits && commits_are_broken(db->commits);
	bool ok = true;

	if (!db->commits)
		return true;
	if (!lock_take(db->lock_fd, broken ? db->busy_timeout_ms : 0)) {
		commits_begin(db->commits); /* whoever holds the lock commits after it */
		return !broken;
	}
	if (broken)
		ok = engine_checkpoint(db->engine, db->busy_timeout_ms) == DB_DONE;
	if (broken && ok)
		commits_mend(db->commits);
	else if (ok)
		commits_written(db->commits, commits_begin(db->commits));
	lock_release(db->lock_fd);
	return ok;
}

struct db *
db_open(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db) {
		snprintf(error, DB_ERROR_BYTES, "%s: out of memory", o->path);
		return NULL;
	}
	db->lock_fd = db->tombstone_fd = -1;
	db->message_ttl_ms = o->message_ttl_ms;
	db->retention = o->retention;
	db->file_hold_ms = o->file_hold_ms;
	db->sender_quota = o->sender_quota;
	db->pair_quota = o->pair_quota;
	db->full_durability = o->full_durability;
	/* a server syncs by itself */
	db->commits = o->full_durability && engine_is_file(o) ? o->commits : NULL;
	db->busy_timeout_ms = db->timeout_ms = o->busy_timeout_ms;
	db->engine = engine_open(o, error);
	if (!db->engine) {
		db_close(db);
		return NULL;
	}
	if (engine_is_file(o))
		db->lock_fd = lock_open(o->path);
	db->tombstone_fd = tombstone_open(o->path);
	if ((db->lock_fd < 0 && engine_is_file(o)) || db->tombstone_fd < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", o->path, strerror(errno));
		db_close(db);
		return NULL;
	}
	if (!engine_is_file(o) && !(db->slots = slots_open(o->path, o->epochs_in_memory, error))) {
		db_close(db);
		return NULL;
	}
	if (!adopt_log(db)) {
		snprintf(
		    error, DB_ERROR_BYTES, "%s: its log of writes could not be put away", o->path);
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
	engine_close(db->engine);
	wakeup_free(db);
	slots_close(db->slots);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	if (db->tombstone_fd >= 0)
		close(db->tombstone_fd);
	free(db);
}

void
db_seal(struct db *db)
{
	engine_seal(db->engine);
}

bool
db_check(struct db *db, char error[static DB_ERROR_BYTES])
{
	return engine_check(db->engine, error);
}

bool
db_is_broken(const struct db *db)
{
	return engine_is_broken(db->engine) || (db->commits && commits_are_broken(db->commits));
}

bool
db_leads(struct db *db, int role)
{
	return engine_leads(db->engine, role);
}

bool
db_is_damaged(const struct db *db)
{
	return engine_is_damaged(db->engine);
}

int64_t
db_expired_at(const struct db *db)
{
	return expiry_cutoff(clock_ms(), db->message_ttl_ms);
}

struct db_stmt *
db_bind(struct db *db, enum stmt which, ...)
{
	struct db_stmt *st;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	return st;
}

enum db_result
db_step(struct db *db, struct db_stmt *st)
{
	return engine_step(db->engine, st);
}

enum db_result
db_number(struct db *db, struct db_stmt *st, int64_t *out)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	*out = db_i64(st, 0);
	db_reset(st);
	return r;
}

void
db_reset(struct db_stmt *st)
{
	engine_reset(st);
}

enum db_result
db_one(struct db *db, struct db_stmt *st)
{
	enum db_result r = engine_step(db->engine, st);

	return r == DB_DONE ? DB_NONE : r;
}

enum db_result
db_find(struct db *db, enum stmt which, ...)
{
	struct db_stmt *st;
	enum db_result r;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	r = db_one(db, st);
	if (r == DB_ROW)
		engine_reset(st);
	return r;
}

enum db_result
db_exec(struct db *db, enum stmt which, ...)
{
	struct db_stmt *st;
	enum db_result r;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	r = engine_step(db->engine, st);
	if (r == DB_ROW) {
		engine_reset(st);
		return DB_DONE;
	}
	if (r != DB_DONE)
		return r;
	db->changes = engine_changes(db->engine, st);
	return db->changes == 0 ? DB_NONE : DB_DONE;
}

enum db_result
db_exec_async(struct db *db, enum stmt which, ...)
{
	struct db_stmt *st;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	return engine_send(db->engine, st);
}

void
db_prefetch(struct db *db, enum stmt which, ...)
{
	va_list ap;

	va_start(ap, which);
	engine_prefetch(db->engine, which, ap);
	va_end(ap);
}

int64_t
db_changes(const struct db *db)
{
	return db->changes;
}

bool
db_failed(enum db_result r)
{
	return r == DB_TAKEN || r == DB_ORPHAN || r == DB_BUSY || r == DB_FULL || r == DB_FAIL ||
	    r == DB_UNDO;
}

/* Only what is on the disk was a look at the disk. */
static void
note_probed(void *arg, bool stored)
{
	struct db *db = arg;

	db->probed_ms = stored ? clock_mono_ms() : 0;
}

static enum db_result
probe_write(struct db *db)
{
	enum db_result r = db_exec(db, ST_PROBE_WRITE, clock_ms());

	if (r == DB_DONE)
		db_after(db, note_probed, db);
	return r;
}

enum db_result
db_probe(struct db *db, int wait_ms)
{
	int64_t now = clock_mono_ms();
	int timeout = db->timeout_ms;
	bool due = !db->probed_ms || now - db->probed_ms >= PROBE_INTERVAL_MS;
	enum db_result r = db_find(db, ST_PROBE_READ);

	if (r != DB_ROW)
		return db_failed(r) ? r : DB_FAIL;
	db->timeout_ms = timeout < wait_ms ? timeout : wait_ms;
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, due ? probe_write(db) : DB_DONE);
	db->timeout_ms = timeout;
	if (r != DB_DONE)
		db->probed_ms = 0;
	return r;
}

enum db_result
db_newest_at(struct db *db, int64_t *streamed_at, int64_t *probed_at)
{
	struct db_stmt *st = db_bind(db, ST_NEWEST_AT, "");
	enum db_result r = db_step(db, st);

	if (r == DB_ROW) {
		*streamed_at = db_i64(st, 0) / 1000;
		*probed_at = db_i64(st, 1);
		db_reset(st);
	}
	return r;
}

int64_t
db_i64(struct db_stmt *st, int column)
{
	return engine_i64(st, column);
}

int
db_int(struct db_stmt *st, int column)
{
	return (int)engine_i64(st, column);
}

bool
db_is_null(struct db_stmt *st, int column)
{
	return engine_is_null(st, column);
}

const char *
db_str(struct db_stmt *st, int column)
{
	size_t len;

	return engine_text(st, column, &len);
}

const void *
db_data(struct db_stmt *st, int column)
{
	size_t len;

	return engine_blob(st, column, &len);
}

size_t
db_bytes(struct db_stmt *st, int column)
{
	size_t len;

	engine_blob(st, column, &len);
	return len;
}

char *
db_text(struct db_stmt *st, int column, struct arena *a, bool *ok)
{
	size_t len;
	const char *text = engine_text(st, column, &len);
	char *copy;

	if (!text)
		return NULL;
	copy = arena_strndup(a, text, len);
	if (!copy)
		*ok = false;
	return copy;
}

bool
db_blob(struct db_stmt *st, int column, void *out, size_t len)
{
	size_t have;
	const void *data = engine_blob(st, column, &have);

	if (!data || have != len)
		return false;
	memcpy(out, data, len);
	return true;
}
