/* The pass: jobs in order, rows before files, the checkpoint last. */
#include "sweep_pass.h"

#include "cleanup.h"
#include "clock.h"
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
#define FILES_AT_ONCE 64
#define ROWS_AT_ONCE 256
#define ARRIVING_SEC 900 /* a body that grew by no buffer for so long has no client any more */
#define STRAY_AGE_SEC 180 /* between a rename and its row */
#define SEARCH_INTERVAL_MS ((int64_t)600000)
#define REBUILD_INTERVAL_MS ((int64_t)3600000)
#define REBUILD_BYTES ((int64_t)256 << 20) /* a larger file keeps its writers waiting too long */
#define CHECKPOINT_WAIT_MS 20 /* no writer waits longer for it */
#define CHECKPOINT_TRIES 20
#define BUSY_TRIES 50
#define PAUSE_US 50000 /* after a busy store */

void
sweep_make_plan(const struct conf *c, int64_t now, struct sweep_plan *out)
{
	*out = (struct sweep_plan){ .now = now };
	out->until[SWEEP_SESSIONS] = out->until[SWEEP_CODES] = out->until[SWEEP_THROTTLES] =
	    out->until[SWEEP_OUTBOX] = out->until[SWEEP_FILES] = now;
	out->until[SWEEP_KEYS] = now - DAY_MS;
	if (c->join_request_ttl_sec)
		out->until[SWEEP_ACCESS] = out->until[SWEEP_JOINS] =
		    now - c->join_request_ttl_sec * 1000;
	if (c->queue_ttl_sec)
		out->until[SWEEP_BRIDGE] = now - c->queue_ttl_sec * 1000;
	/* -1: none expires, but some are final */
	out->until[SWEEP_MESSAGES] =
	    c->pchat_queue_ttl_sec ? now - c->pchat_queue_ttl_sec * 1000 : -1;
	out->until[SWEEP_KEPT] = c->retention_mode == RETENTION_FULL ? 0 : now;
}

/* One job to its end. Whether there is anything to do is found out without the writers' lock. A
 * busy store is asked again for a while: somebody is writing. */
static enum db_result
run_job(struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t *cleared)
{
	int64_t place = 0, count = 0;
	int busy = 0;
	enum db_result r = db_sweep_count(db, plan, job, &count);

	if (r != DB_ROW)
		return r;
	if (count == 0)
		return DB_DONE;
	do {
		r = db_sweep_step(db, plan, job, clock_ms() + SWEEP_LEASE_MS, &place, &count);
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
	uint8_t place[ID_BYTES] = { 0 };
	int count = 0;
	enum db_result r;

	do {
		r = db_file_clear(db, c->upload_dir, FILES_AT_ONCE, place, &count);
		*removed += count;
	} while (r == DB_DONE);
	return r == DB_NONE ? DB_DONE : r;
}

static bool
parse_hex(const char *s, uint8_t id[static ID_BYTES])
{
	char text[ID_TEXT_BYTES];

	return strlen(s) == (size_t)2 * ID_BYTES &&
	    snprintf(text, sizeof(text), "fil_%s", s) < (int)sizeof(text) &&
	    id_parse("fil_", text, id);
}

/* True for a file that lies in `folder` for no reason any more. */
static bool
is_stray(struct db *db, int dir, const char *name, bool incoming, time_t now)
{
	uint8_t id[ID_BYTES];
	struct stat st;

	if (name[0] == '.' || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || now - st.st_mtime < (incoming ? ARRIVING_SEC : STRAY_AGE_SEC))
		return false;
	return incoming || !parse_hex(name, id) || !db_file_known(db, id);
}

/* False: the folder is not there or closed to us, and says nothing of its files. */
static bool
remove_strays(const struct conf *c, struct db *db, const char *folder, int64_t *removed)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", c->upload_dir, folder);
	dir = opendir(path);
	if (!dir) {
		log_warn("%s: %s", path, strerror(errno));
		return false;
	}
	while ((e = readdir(dir)))
		if (is_stray(db, dirfd(dir), e->d_name, strcmp(folder, FILE_INCOMING) == 0,
			(time_t)(clock_ms() / 1000)) &&
		    unlinkat(dirfd(dir), e->d_name, 0) == 0)
			++*removed;
	closedir(dir);
	return true;
}

/* True for a row whose bytes are not there, or not all of them: a power cut. What cannot be looked
 * at may be there all the same. */
static bool
is_lost(const struct conf *c, const struct file_place *f)
{
	char path[PATH_MAX];
	struct stat st;

	if (!file_path(c->upload_dir, f->public_id, path, sizeof(path)))
		return false;
	return stat(path, &st) == 0 ? st.st_size != f->size : errno == ENOENT;
}

static enum db_result
drop_rows(const struct conf *c, struct db *db, int64_t *dropped)
{
	struct file_place list[ROWS_AT_ONCE];
	int64_t after = 0;
	int count = 0;
	enum db_result r;

	do {
		r = db_file_walk(db, &after, ROWS_AT_ONCE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			if (!is_lost(c, &list[i]))
				continue;
			r = db_file_drop(db, list[i].id);
			*dropped += r == DB_DONE;
			r = r == DB_NONE ? DB_DONE : r; /* it went a moment ago */
		}
	} while (r == DB_DONE && count == ROWS_AT_ONCE);
	return r;
}

/* What was left behind while arriving goes each time; every ten minutes all files and rows are held
 * against each other. */
static enum db_result
search(const struct conf *c, struct db *db, const struct sweep_state *s, struct sweep_result *out)
{
	int64_t now = clock_ms();
	enum db_result r = DB_DONE;

	remove_strays(c, db, FILE_INCOMING, &out->strays_removed);
	if (now - s->searched_at < SEARCH_INTERVAL_MS && s->searched_at <= now)
		return DB_DONE;
	if (remove_strays(c, db, FILE_FOLDER, &out->strays_removed))
		r = drop_rows(c, db, &out->rows_dropped);
	return r == DB_DONE ? db_sweep_searched(db, now) : r;
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

static void
note(enum db_result r, enum db_result *all)
{
	if (r != DB_DONE && *all == DB_DONE)
		*all = r;
}

enum db_result
sweep_run(const struct conf *c, struct db *db, struct sweep_result *out)
{
	struct sweep_plan plan;
	struct sweep_state s;
	enum db_result r = db_sweep_state(db, &s), all = DB_DONE;
	int64_t unclean;

	*out = (struct sweep_result){ .lag_ms = 0 };
	if (r != DB_ROW)
		return r;
	sweep_make_plan(c, s.started_at, &plan);
	for (int job = 0; job < SWEEP__MAX; job++)
		note(run_job(db, &plan, (enum sweep_job)job, &out->cleared[job]), &all);
	note(search(c, db, &s, out), &all);
	note(clear_files(c, db, &out->files_removed), &all);
	note(rebuild(c, db, &s), &all);
	r = checkpoint(db);
	unclean = r == DB_DONE ? 0 : s.unclean_since ? s.unclean_since : s.started_at;
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
