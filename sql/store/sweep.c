/* The steps of a housekeeping pass. */
#include "sweep.h"

#include "change_internal.h"
#include "cleanup.h"
#include "clock.h"
#include "disk.h"
#include "key.h"
#include "lock.h"
#include "db_internal.h"
#include "scrub.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ROWS_AT_ONCE ((int64_t)500)
#define MESSAGES_AT_ONCE 100
#define INTERVALS_MISSED 3

/* What goes by its time alone; the others have a function. */
static const struct {
	const char *name;
	enum stmt sweep, count;
} jobs[SWEEP__MAX] = {
	[SWEEP_SESSIONS] = { "sessions", ST_SWEEP_SESSIONS, ST_COUNT_SESSIONS },
	[SWEEP_CODES] = { "codes", ST_SWEEP_CODES, ST_COUNT_CODES },
	[SWEEP_THROTTLES] = { "throttles", ST_SWEEP_THROTTLES, ST_COUNT_THROTTLES },
	[SWEEP_ACCESS] = { "access_requests", ST_SWEEP_ACCESS, ST_COUNT_ACCESS },
	[SWEEP_JOINS] = { "join_requests", ST_SWEEP_JOINS, ST_COUNT_JOINS },
	[SWEEP_INVITES] = { "group_invites", ST_SWEEP_INVITES, ST_COUNT_INVITES },
	[SWEEP_KEYS] = { "idempotency_keys", ST_SWEEP_KEYS, ST_COUNT_KEYS },
	[SWEEP_OUTBOX] = { "mails", ST_SWEEP_OUTBOX, ST_COUNT_OUTBOX },
	[SWEEP_BRIDGE] = { "outside_messages", ST_SWEEP_BRIDGE, ST_COUNT_BRIDGE },
	[SWEEP_MESSAGES] = { "messages", ST_SWEEP_FINAL, ST_COUNT_FINAL },
	[SWEEP_KEPT] = { "kept_messages", ST_SWEEP_KEPT, ST_COUNT_KEPT },
	[SWEEP_RECORDS] = { "records", ST_SWEEP_RECORDS, ST_COUNT_RECORDS },
	[SWEEP_DEAD_KEYS] = { "dead_keys", ST_SWEEP_DEAD_KEYS, ST_COUNT_DEAD_KEYS },
	[SWEEP_AUDIT] = { "audit_entries", ST_SWEEP_AUDIT, ST_COUNT_AUDIT },
	[SWEEP_FILES] = { "files", ST_SWEEP_FILES, ST_COUNT_FILES },
};

const char *
sweep_job_name(enum sweep_job job)
{
	return jobs[job].name;
}

enum db_result
db_sweep_state(struct db *db, struct sweep_state *out)
{
	struct db_stmt *st = db_bind(db, ST_SWEEP_GET);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*out = (struct sweep_state){ .started_at = db_i64(st, 0),
		.finished_at = db_i64(st, 1),
		.duration_ms = db_i64(st, 2),
		.searched_at = db_i64(st, 3),
		.unclean_since = db_i64(st, 4),
		.erased_at = db_i64(st, 5),
		.rebuilt_at = db_i64(st, 6),
		.files_dev = db_i64(st, 7),
		.files_ino = db_i64(st, 8),
		.checked_at = db_i64(st, 9),
		.damaged = db_int(st, 10) };
	db_reset(st);
	return r;
}

bool
sweep_is_fresh(const struct sweep_state *s, int64_t now, int64_t interval_sec, int64_t started_at)
{
	int64_t since = now - INTERVALS_MISSED * interval_sec * 1000;

	return interval_sec == 0 || s->finished_at >= since || started_at >= since;
}

enum db_result
db_queue_figures(struct db *db, int limit, struct queue_figures *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_QUEUES, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct queue_figures *q = &out[(*count)++];

		snprintf(q->channel, sizeof(q->channel), "%s", db_str(st, 0));
		q->waiting = db_i64(st, 1);
		q->oldest_at = db_i64(st, 2);
	}
	return r;
}

int64_t
db_file_bytes(struct db *db)
{
	return engine_bytes(db->engine);
}

int64_t
db_wal_bytes(const struct db *db)
{
	return engine_log_bytes(db->engine);
}

static enum db_result
write_one(struct db *db, enum stmt which, int64_t a, int64_t b, int64_t c)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, db_exec(db, which, a, b, c)) : r;
}

enum db_result
db_sweep_take(struct db *db, int64_t now, int64_t interval_ms, int64_t lease_ms)
{
	return write_one(db, ST_SWEEP_LEASE, now, now + lease_ms, now - interval_ms);
}

enum db_result
db_sweep_done(struct db *db, int64_t now, int64_t unclean_since)
{
	return write_one(db, ST_SWEEP_DONE, now, unclean_since, 0);
}

enum db_result
db_sweep_checked(struct db *db, int64_t now, bool damaged)
{
	return write_one(db, ST_SWEEP_CHECKED, now, damaged, 0);
}

enum db_result
db_sweep_folder(struct db *db, int64_t dev, int64_t ino)
{
	return write_one(db, ST_SWEEP_FOLDER, dev, ino, 0);
}

enum db_result
db_sweep_searched(struct db *db, int64_t now, int64_t dev, int64_t ino)
{
	return write_one(db, ST_SWEEP_SEARCHED, now, dev, ino);
}

struct found {
	int64_t id, created_at;
	uint8_t public_id[ID_BYTES];
	bool scrubbed;
};

/* Messages of a job after `cursor`, read before anything is written. DB_DONE. */
static enum db_result
find(struct db *db, struct db_stmt *st, struct found *list, int *count)
{
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct found *f = &list[(*count)++];

		f->id = db_i64(st, 0);
		f->scrubbed = db_i64(st, 2) > 0;
		f->created_at = db_i64(st, 3);
		if (!db_blob(st, 1, f->public_id, ID_BYTES)) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

/* One message that is final: what the settings promise is done to it. */
static enum db_result
scrub(struct db *db, const struct found *f, bool expired, int64_t now)
{
	bool all = scrub_takes_all(db);
	enum db_result r = DB_DONE;

	if (!retention_modes[db->retention].scrubs)
		return DB_DONE;
	if (!f->scrubbed)
		r = scrub_content(db, f->id, f->public_id, now);
	if (r == DB_DONE)
		r = expired || !db->file_hold_ms ? scrub_files(db, f->id, now) :
						   scrub_hold_files(db, f->id, now);
	if (r == DB_DONE && all)
		r = scrub_address(db, f->id);
	if (r == DB_DONE && all)
		r = scrub_recipients(db, f->id);
	return r;
}

static enum db_result
finish(struct db *db, const struct found *f, int64_t expired_at, int64_t now)
{
	const bool expired = f->created_at <= expired_at;
	enum db_result r = DB_DONE;

	if (expired)
		r = change_exec(db, ST_MESSAGE_EXPIRE, f->id);
	if (!db_failed(r))
		r = db_exec_async(db, ST_MESSAGE_FINAL, f->id, now);
	return db_failed(r) ? r : scrub(db, f, expired, now);
}

static enum db_result
sweep_messages(
    struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t *cursor, int64_t *n)
{
	struct found list[MESSAGES_AT_ONCE];
	int64_t expired_at = plan->messages_until;
	bool final = job == SWEEP_MESSAGES;
	int count = 0;
	enum db_result r = find(db,
	    final ? db_bind(db, ST_SWEEP_FINAL, *cursor, expired_at, plan->devices_since,
			plan->seen_since, (int64_t)MESSAGES_AT_ONCE) :
		    db_bind(db, ST_SWEEP_KEPT, *cursor, (int64_t)MESSAGES_AT_ONCE),
	    list, &count);

	for (int i = 0; i < count && r == DB_DONE; i++)
		r = final ? finish(db, &list[i], expired_at, plan->now) :
			    scrub(db, &list[i], false, plan->now);
	*n = count;
	if (count > 0)
		*cursor = list[count - 1].id;
	return r;
}

/* Deliveries and positions in the streams go by the schema. */
static enum db_result
sweep_records(struct db *db, const struct sweep_plan *plan, int64_t *n)
{
	struct found list[MESSAGES_AT_ONCE];
	int count = 0;
	enum db_result r = find(db,
	    db_bind(db, ST_SWEEP_RECORDS, plan->until[SWEEP_RECORDS], plan->now,
		(int64_t)MESSAGES_AT_ONCE),
	    list, &count);

	for (int i = 0; i < count && !db_failed(r); i++)
		r = db_exec_async(db, ST_MESSAGE_DELETE, list[i].id);
	*n = count;
	return db_failed(r) ? r : DB_DONE;
}

static enum db_result
sweep_bridge(struct db *db, const struct sweep_plan *plan, int64_t *n)
{
	int64_t until = plan->until[SWEEP_BRIDGE];
	enum db_result r =
	    change_exec(db, ST_SWEEP_BRIDGE_DELIVERY, until, plan->now, ROWS_AT_ONCE);

	if (db_failed(r))
		return r;
	r = db_exec(db, ST_SWEEP_BRIDGE, until, plan->now, ROWS_AT_ONCE);
	*n = r == DB_DONE ? db_changes(db) : 0;
	return r;
}

static enum db_result
step(struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t *cursor, int64_t *n)
{
	enum db_result r;

	if (job == SWEEP_MESSAGES || job == SWEEP_KEPT)
		return sweep_messages(db, plan, job, cursor, n);
	if (job == SWEEP_BRIDGE)
		return sweep_bridge(db, plan, n);
	if (job == SWEEP_RECORDS)
		return sweep_records(db, plan, n);
	r = db_exec(db, jobs[job].sweep, plan->until[job], ROWS_AT_ONCE);
	*n = r == DB_DONE ? db_changes(db) : 0;
	return r;
}

enum db_result
db_sweep_step(struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t lease_until,
    int64_t *cursor, int64_t *count)
{
	enum db_result r;

	*count = 0;
	if (!plan->until[job])
		return DB_NONE;
	r = db_begin(db);
	if (r != DB_DONE)
		return r;
	r = step(db, plan, job, cursor, count);
	if (!db_failed(r) && *count > 0)
		r = db_exec(db, ST_SWEEP_RENEW, lease_until);
	r = db_end(db, r);
	return db_failed(r) ? r : *count > 0 ? DB_DONE : DB_NONE;
}

enum db_result
db_sweep_count(struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t *count)
{
	struct db_stmt *st = job == SWEEP_MESSAGES ?
	    db_bind(db, ST_COUNT_FINAL, (int64_t)0, plan->messages_until, plan->devices_since,
		plan->seen_since) :
	    job == SWEEP_KEPT    ? db_bind(db, ST_COUNT_KEPT) :
	    job == SWEEP_BRIDGE  ? db_bind(db, ST_COUNT_BRIDGE, plan->until[job], plan->now) :
	    job == SWEEP_RECORDS ? db_bind(db, ST_COUNT_RECORDS, plan->until[job], plan->now) :
				   db_bind(db, jobs[job].count, plan->until[job]);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*count = plan->until[job] ? db_i64(st, 0) : 0;
	db_reset(st);
	return r;
}

/* With the writers' lock, so that no writer finds the WAL in use; they wait no longer than `ms`. */
enum db_result
db_sweep_checkpoint(struct db *db, int ms)
{
	enum db_result r;

	if (!lock_take(db->lock_fd, db->busy_timeout_ms))
		return DB_BUSY;
	r = engine_checkpoint(db->engine, ms);
	lock_release(db->lock_fd);
	return r;
}

enum db_result
db_scrub_left(struct db *db, int64_t *bodies, int64_t *files)
{
	struct db_stmt *st = db_bind(db, ST_SCRUB_LEFT, &key_none);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*bodies = db_i64(st, 0);
	*files = db_i64(st, 1);
	db_reset(st);
	return r;
}

/* A file is rebuilt through the WAL, which grows by as much; filling the disk would stop the chat.
 */
enum db_result
db_sweep_rebuild(
    struct db *db, const struct db_options *o, int64_t most, int64_t erased_at, int64_t now)
{
	struct stat st;
	enum db_result r;

	if (stat(o->path, &st) != 0 || st.st_size > most || disk_free(o->path) < 2 * st.st_size)
		return DB_NONE;
	if (!lock_take(db->lock_fd, db->busy_timeout_ms))
		return DB_BUSY;
	r = engine_rebuild(db->engine, o);
	lock_release(db->lock_fd);
	return r == DB_DONE ? write_one(db, ST_SWEEP_REBUILT, now, erased_at, 0) : r;
}

bool
db_file_known(struct db *db, const uint8_t public_id[static ID_BYTES])
{
	enum db_result r = db_find(db, ST_FILE_KNOWN, &(struct db_blob){ public_id, ID_BYTES });

	return r != DB_NONE; /* in doubt it is known */
}

enum db_result
db_file_walk(struct db *db, int64_t *after, int limit, struct file_row *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_FILE_WALK, *after, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct file_row *f = &out[(*count)++];

		*after = f->id = db_i64(st, 0);
		f->size = db_i64(st, 2);
		if (!db_blob(st, 1, f->public_id, ID_BYTES)) {
			db_reset(st);
			return DB_FAIL;
		}
	}
	return r;
}

enum db_result
db_file_drop(struct db *db, int64_t id)
{
	return write_one(db, ST_FILE_DROP, id, 0, 0);
}
