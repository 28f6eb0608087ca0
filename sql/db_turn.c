/* Writes: transactions that queue fairly, that several callers may share, and what happens to the
 * world once they are on the disk. */
#include "db_internal.h"

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "tombstone.h"
#include "wakeup.h"

#define SHORT_TIMEOUT_MS 50

/* May a write with that result stay? */
static bool
is_kept(enum db_result r)
{
	return r == DB_ROW || r == DB_DONE || r == DB_NONE;
}

/* -- effects --------------------------------------------------------------------------------- */

static bool
is_writing(const struct db *db)
{
	return db->turn.open || engine_is_writing(db->engine);
}

void
db_after(struct db *db, db_effect *effect, void *arg)
{
	struct db_effects *e = &db->effects;

	if (!is_writing(db)) {
		effect(arg, true);
		return;
	}
	for (int i = 0; i < e->len; i++)
		if (e->list[i].run == effect && e->list[i].arg == arg)
			return;
	if (e->len == DB_EFFECTS) {
		log_error("more comes of a write than there is room for");
		return;
	}
	e->list[e->len].run = effect;
	e->list[e->len++].arg = arg;
}

/* An effect may write, too, and that have effects of its own. */
static void
run_effects(struct db *db, bool stored)
{
	const struct db_effects e = db->effects;

	db->effects.len = 0;
	for (int i = 0; i < e.len; i++)
		e.list[i].run(e.list[i].arg, stored);
}

static void
save(struct db *db)
{
	db->effects.saved = db->effects.len;
	wakeup_save(db);
}

static void
take_back(struct db *db)
{
	db->effects.len = db->effects.saved;
	wakeup_back(db);
}

/* -- one transaction --------------------------------------------------------------------------- */

/* After one wait in vain the next ones are short until a write succeeds: while somebody sits on the
 * lock, each worker loses the full time-out once and goes on serving those who only read. */
static enum db_result
take_lock(struct db *db, int timeout_ms)
{
	int64_t start = clock_mono_ms();
	enum db_result r = DB_BUSY;
	int64_t left;

	if (lock_take(db->lock_fd, timeout_ms)) {
		left = timeout_ms - (clock_mono_ms() - start);
		r = engine_begin(db->engine, left > 0 ? (int)left : 0);
		if (r != DB_DONE)
			lock_release(db->lock_fd);
	}
	db->epoch = 0;
	if (r == DB_DONE)
		db->timeout_ms = db->busy_timeout_ms;
	else if (r == DB_BUSY && timeout_ms >= db->timeout_ms)
		db->timeout_ms =
		    db->busy_timeout_ms < SHORT_TIMEOUT_MS ? db->busy_timeout_ms : SHORT_TIMEOUT_MS;
	return r;
}

static bool
sync_for_all(void *arg)
{
	return engine_sync(arg);
}

/* Is the commit of that number on the disk, or is that not asked for? */
static bool
wait_synced(struct db *db, uint64_t number)
{
	return !db->commits || commits_wait(db->commits, number, sync_for_all, db->engine);
}

/* Ends the transaction and lets go of the lock. DB_DONE with the commit's number, where commits are
 * numbered, or why nothing was stored. */
static enum db_result
end_transaction(struct db *db, bool commit, uint64_t *number)
{
	const bool ok = !commit || tombstone_sync(db);
	enum db_result r;

	if (commit && ok)
		tombstone_before_commit(db);
	if (commit && ok && db->commits)
		*number = commits_begin(db->commits);
	r = engine_end(db->engine, commit && ok);
	tombstone_after_commit(db, commit && ok && r == DB_DONE);
	if (*number)
		commits_written(db->commits, *number);
	lock_release(db->lock_fd);
	return ok ? r : DB_FAIL;
}

/* DB_DONE once it is on the disk and its effects happened; else why not. */
static enum db_result
finish(struct db *db, bool commit)
{
	uint64_t number = 0;
	enum db_result r = end_transaction(db, commit, &number);
	bool synced = r != DB_DONE || !commit || wait_synced(db, number);

	if (commit)
		db->turn.alone = r != DB_DONE;
	if (synced) {
		run_effects(db, commit && r == DB_DONE);
		return r;
	}
	db->effects.len = 0;
	return DB_FAIL;
}

/* -- writes ------------------------------------------------------------------------------------ */

/* A write of its own within the transaction of the turn. */
static enum db_result
join(struct db *db)
{
	enum db_result r = db->turn.lost == DB_DONE ? engine_save(db->engine) : db->turn.lost;

	if (r == DB_DONE)
		save(db);
	return r;
}

static enum db_result
begin(struct db *db, int timeout_ms)
{
	enum db_result r;

	if (db->turn.open)
		return join(db);
	if (db->commits && commits_are_broken(db->commits))
		return DB_FAIL;
	r = take_lock(db, timeout_ms);
	if (r != DB_DONE || !db->turn.on)
		return r;
	db->turn.open = true;
	db->turn.since_us = clock_mono_us();
	return join(db);
}

void
db_act_for(struct db *db, int64_t session_id, bool admin)
{
	db->caller.session_id = session_id;
	db->caller.admin = admin;
}

/* Who asked was let in before the lock was had, and others wrote since. DB_DONE, or DB_ORPHAN when
 * the caller would not be let in any more: the write has ended then. */
static enum db_result
check_caller(struct db *db)
{
	const int64_t session_id = db->caller.session_id;
	enum db_result r;

	if (!session_id)
		return DB_DONE;
	db->caller.session_id = 0;
	r = db_find(db, ST_SESSION_MAY, session_id, (int64_t)db->caller.admin);
	return r == DB_ROW ? DB_DONE : db_end(db, r == DB_NONE ? DB_ORPHAN : r);
}

enum db_result
db_begin(struct db *db)
{
	enum db_result r = begin(db, db->timeout_ms);

	return r == DB_DONE ? check_caller(db) : r;
}

enum db_result
db_begin_within(struct db *db, int timeout_ms)
{
	return begin(db, timeout_ms);
}

/* Some errors end the whole transaction, and with it what others wrote. */
static enum db_result
leave(struct db *db, enum db_result r)
{
	const bool keep = is_kept(r);
	enum db_result done = DB_DONE;

	if (engine_is_writing(db->engine))
		done = engine_save_end(db->engine, keep);
	if (!keep || done != DB_DONE)
		take_back(db);
	if (done != DB_DONE || !engine_is_writing(db->engine))
		db->turn.lost = r == DB_FULL || r == DB_BUSY ? r : DB_FAIL;
	return keep ? done : DB_DONE;
}

/* What is on its way is waited for: if it fails that is this caller's alone, and the time that it
 * takes is none of the COMMIT's. */
static enum db_result
wait_sent(struct db *db, enum db_result r)
{
	const enum db_result sent =
	    is_kept(r) && is_writing(db) ? engine_wait(db->engine) : DB_DONE;

	return sent == DB_DONE ? r : sent;
}

enum db_result
db_end(struct db *db, enum db_result r)
{
	enum db_result done;
	bool commit;

	r = wait_sent(db, r);
	commit = is_kept(r);
	done = db->turn.open ? leave(db, r) : finish(db, commit);
	if (commit && done == DB_DONE)
		db->turn.kept++;
	if (r == DB_UNDO)
		r = DB_DONE;
	return commit && done != DB_DONE ? done : r;
}

/* -- turns ------------------------------------------------------------------------------------- */

void
db_turn_begin(struct db *db)
{
	db->turn.on = !db->turn.alone;
	db->turn.lost = DB_DONE;
	db->turn.since_us = clock_mono_us();
}

void
db_turn_next(struct db *db)
{
	db->turn.kept = 0;
	engine_take_conflict(db->engine);
}

bool
db_turn_repeats(struct db *db)
{
	return engine_take_conflict(db->engine) && db->turn.kept == 0 && db->turn.lost == DB_DONE;
}

bool
db_turn_is_open(const struct db *db)
{
	return db->turn.open;
}

bool
db_turn_may_grow(const struct db *db)
{
	const bool waits =
	    db->turn.open || (db->turn.on && db->commits && !commits_are_synced(db->commits));

	return waits && db->turn.lost == DB_DONE && !db_is_broken(db) &&
	    db->effects.len <= DB_EFFECTS - DB_EFFECTS_EACH &&
	    clock_mono_us() - db->turn.since_us < engine_turn_us(db->engine);
}

/* A commit that failed stored nothing, so all may try again, whatever the reason; one that may be
 * lost is another matter. */
static enum db_result
end_open(struct db *db)
{
	const enum db_result lost = db->turn.lost;
	enum db_result r = finish(db, lost == DB_DONE);

	if (lost != DB_DONE)
		r = lost;
	return r == DB_FAIL && !(db->commits && commits_are_broken(db->commits)) ? DB_BUSY : r;
}

/* What was read in between has no later number than the turn's own commit. */
enum db_result
db_turn_end(struct db *db)
{
	const bool open = db->turn.open;

	db->turn.on = db->turn.open = false;
	if (open)
		return end_open(db);
	return !db->commits || wait_synced(db, commits_seen(db->commits)) ? DB_DONE : DB_FAIL;
}
