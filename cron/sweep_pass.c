/* The pass: jobs in order, rows before files, the checkpoint last. */
#include "sweep_pass.h"

#include "expiry.h"
#include "sweep_files.h"

#include "cleanup.h"
#include "clock.h"
#include "day.h"
#include "file.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS ((int64_t)86400000)
#define DEVICE_SEEN_MS (7 * DAY_MS) /* longer ago: it is not waited for */
#define JUMP_MS (3 * DAY_MS) /* passes are a day apart at most */
#define FILES_AT_ONCE 64
#define REBUILD_INTERVAL_MS ((int64_t)3600000)
#define REBUILD_BYTES ((int64_t)256 << 20) /* a larger file keeps its writers waiting too long */
#define CHECKPOINT_WAIT_MS 20 /* no writer waits longer for it */
#define CHECKPOINT_TRIES 20
#define BUSY_TRIES 50
#define PAUSE_US 50000 /* after a busy store */

/* Where the text goes with the claim there is nothing to wait for. */
static int64_t
device_grace_sec(const struct conf *c)
{
	return retention_modes[c->retention_mode].on_claim ? 0 : c->device_grace_sec;
}

void
sweep_make_plan(const struct conf *c, int64_t now, struct sweep_plan *out)
{
	*out = (struct sweep_plan){ .now = now };
	out->until[SWEEP_SESSIONS] = out->until[SWEEP_CODES] = out->until[SWEEP_THROTTLES] =
	    out->until[SWEEP_OUTBOX] = out->until[SWEEP_FILES] = out->until[SWEEP_MESSAGES] = now;
	out->until[SWEEP_KEYS] = expiry_cutoff(now, DAY_MS);
	out->until[SWEEP_ACCESS] = out->until[SWEEP_JOINS] = out->until[SWEEP_INVITES] =
	    expiry_cutoff(now, c->join_request_ttl_sec * 1000);
	out->until[SWEEP_BRIDGE] = expiry_cutoff(now, c->queue_ttl_sec * 1000);
	out->messages_until = expiry_cutoff(now, c->pchat_queue_ttl_sec * 1000);
	out->until[SWEEP_RECORDS] = expiry_cutoff(now, c->record_ttl_sec * 1000);
	out->until[SWEEP_DEAD_KEYS] = out->until[SWEEP_RECORDS] ? now : 0;
	out->until[SWEEP_AUDIT] = expiry_cutoff(now, c->audit_ttl_sec * 1000);
	out->devices_since = now - device_grace_sec(c) * 1000;
	out->seen_since = now - DEVICE_SEEN_MS;
	out->until[SWEEP_KEPT] = retention_modes[c->retention_mode].scrubs ? now : 0;
}

/* One job to its end. Whether there is anything to do is found out without the writers' lock. A
 * busy store is asked again for a while: somebody is writing. */
static enum db_result
run_job(struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t *cleared)
{
	int64_t cursor = 0, count = 0;
	int busy = 0;
	enum db_result r = db_sweep_count(db, plan, job, &count);

	if (r != DB_ROW)
		return r;
	if (count == 0)
		return DB_DONE;
	do {
		r = db_sweep_step(db, plan, job, clock_ms() + SWEEP_LEASE_MS, &cursor, &count);
		*cleared += count;
		if (r == DB_BUSY && ++busy < BUSY_TRIES) {
			usleep(PAUSE_US);
			r = DB_DONE;
		}
	} while (r == DB_DONE);
	return r == DB_NONE ? DB_DONE : r;
}

static enum db_result
clear_files(const struct conf *c, struct db *db, int64_t *removed)
{
	uint8_t cursor[ID_BYTES] = { 0 };
	int count = 0;
	enum db_result r;

	do {
		r = db_file_clear(db, c->upload_dir, FILES_AT_ONCE, cursor, &count);
		*removed += count;
	} while (r == DB_DONE);
	return r == DB_NONE ? DB_DONE : r;
}

/* secure_delete alone leaves scrubbed text in the WAL. A reader that holds on to an old state
 * stands in the way: then the text is there until it lets go, and the next pass tries again. */
static enum db_result
checkpoint(struct db *db)
{
	enum db_result r = DB_BUSY;

	for (int i = 0; i < CHECKPOINT_TRIES && r == DB_BUSY; i++) {
		if (i > 0)
			usleep(PAUSE_US);
		r = db_sweep_checkpoint(db, CHECKPOINT_WAIT_MS);
	}
	return r;
}

/* After an account was erased, at most once an hour, and not where it would take long. */
static enum db_result
rebuild(const struct conf *c, struct db *db, const struct sweep_state *s)
{
	const struct db_options o = db_options_of(c);
	int64_t now = clock_ms();
	enum db_result r;

	if (!s->erased_at || (now - s->rebuilt_at < REBUILD_INTERVAL_MS && s->rebuilt_at <= now))
		return DB_DONE;
	r = db_sweep_rebuild(db, &o, REBUILD_BYTES, s->erased_at, now);
	return r == DB_NONE ? DB_DONE : r;
}

/* Every page, once a day. A damaged one is reported until a later check finds all well. */
static enum db_result
check(const struct conf *c, struct db *db, const struct sweep_state *s)
{
	const struct db_options o = db_options_of(c);
	char error[DB_ERROR_BYTES];
	int64_t now = clock_ms();
	enum db_result r;

	if (now - s->checked_at < DAY_MS && s->checked_at <= now)
		return DB_DONE;
	r = db_quick_check(&o, error);
	if (r != DB_DONE)
		log_error("%s", error);
	if (r == DB_NONE)
		log_error(
		    "%s: it is damaged; stop the relay and put a backup back (relayctl restore "
		    "FILE)",
		    o.path);
	return r == DB_FAIL ? r : db_sweep_checked(db, now, r == DB_NONE);
}

/* What the days came to. */
static enum db_result
count_days(struct db *db)
{
	enum db_result r;

	do {
		r = db_day_count(db);
	} while (r == DB_DONE);
	return r == DB_NONE ? db_day_note(db, clock_ms()) : r;
}

/* The clock went on much further than passes are apart, or back: what would go for good by its age
 * alone waits for the next pass, when somebody may have set the clock right. */
static bool
clock_jumped(const struct sweep_state *s)
{
	return s->finished_at > 0 &&
	    (s->started_at - s->finished_at > JUMP_MS || s->started_at < s->finished_at);
}

static void
note(enum db_result r, enum db_result *all)
{
	if (r != DB_DONE && *all == DB_DONE)
		*all = r;
}

enum db_result
sweep_run(const struct conf *c, struct db *db, bool drop_lost, struct sweep_result *out)
{
	struct sweep_plan plan;
	struct sweep_state s;
	enum db_result r = db_sweep_state(db, &s), all = DB_DONE;
	int64_t unclean;

	*out = (struct sweep_result){ .drop_lost = drop_lost };
	if (r != DB_ROW)
		return r;
	sweep_make_plan(c, s.started_at, &plan);
	if (clock_jumped(&s))
		plan.until[SWEEP_RECORDS] = plan.until[SWEEP_AUDIT] = 0;
	note(count_days(db), &all); /* before anything goes */
	for (int job = 0; job < SWEEP__MAX; job++)
		note(run_job(db, &plan, (enum sweep_job)job, &out->cleared[job]), &all);
	note(sweep_files(c, db, &s, out), &all);
	note(clear_files(c, db, &out->files_removed), &all);
	note(rebuild(c, db, &s), &all);
	note(check(c, db, &s), &all);
	note(db_epoch_late(db, c->epoch_sec * 1000, clock_ms(), &out->late), &all);
	r = checkpoint(db);
	unclean = out->late.since ? out->late.since :
	    r == DB_DONE          ? 0 :
	    s.unclean_since       ? s.unclean_since :
				    s.started_at;
	out->lag_ms = unclean ? clock_ms() - unclean : 0;
	if (unclean && out->lag_ms < 1) /* a clock was set back */
		out->lag_ms = 1;
	note(r, &all);
	r = db_sweep_done(db, clock_ms(), unclean);
	/* the last note of the pass is a write again */
	if (r == DB_DONE && !unclean)
		db_sweep_checkpoint(db, CHECKPOINT_WAIT_MS);
	note(r, &all);
	return all;
}
