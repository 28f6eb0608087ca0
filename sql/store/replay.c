/* Carrying out once more what tombstones name. */
#include "replay.h"

#include "account.h"
#include "account_internal.h"
#include "cleanup.h"
#include "clock.h"
#include "epoch.h"
#include "erase.h"
#include "replay_internal.h"
#include "scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)4 << 20)
#define AT_ONCE 500
#define WAIT_MS 10000
#define PAUSE_US 100000

/* The message or account of a tombstone, if the backup still has it. DB_DONE, or DB_NONE. */
static enum db_result
reap_message(struct db *db, const uint8_t id[static ID_BYTES], int64_t now)
{
	struct db_stmt *st = db_bind(db, ST_MESSAGE_UNSCRUBBED, &(struct db_blob){ id, ID_BYTES });
	int64_t number;
	enum db_result r = db_number(db, st, &number);

	if (r != DB_ROW)
		return r;
	r = scrub_files(db, number, now);
	return r == DB_DONE ? scrub_content(db, number, id, now) : r;
}

/* A number may be given out again after a restore: it is this account only if it was made then. */
static enum db_result
reap_account(struct db *db, struct arena *a, const uint8_t id[static ID_BYTES], int64_t now)
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
	return r == DB_ROW ? erase_account(db, a, &acc, now) : r;
}

enum db_result
replay_record(
    struct db *db, struct arena *a, const uint8_t record[static TOMBSTONE_BYTES], int *applied)
{
	int64_t now = clock_ms();
	enum db_result r;

	if (record[0] == 'r')
		return account_retire_address(db, record + 1);
	r = record[0] == 'm' ? reap_message(db, record + 1, now) :
			       reap_account(db, a, record + 1, now);
	*applied += r == DB_DONE;
	return r;
}

/* The next records of a file that end at `end`, inside of a write; *at goes past them. DB_DONE. */
static enum db_result
replay_some(struct db *db, int fd, int64_t *at, int64_t end, int *applied)
{
	uint8_t record[TOMBSTONE_BYTES];
	enum db_result r = DB_DONE;
	struct arena a;
	int n = 0;

	arena_init(&a, ARENA_BYTES);
	db->replaying = true;
	while (!db_failed(r) && n++ < AT_ONCE && *at + TOMBSTONE_BYTES <= end) {
		if (pread(fd, record, sizeof(record), *at) != (ssize_t)sizeof(record)) {
			*at = end;
			break;
		}
		r = replay_record(db, &a, record, applied);
		*at += TOMBSTONE_BYTES;
	}
	db->replaying = false;
	arena_free(&a);
	return db_failed(r) ? r : DB_DONE;
}

/* -- of a database that was put back ----------------------------------------------------------- */

static enum db_result
carry_on(struct db *db, int64_t *end, int *applied, bool *is_done)
{
	int64_t at;
	enum db_result r = tombstone_noted(db, &at);

	*end = tombstone_end(db);
	if (r == DB_DONE)
		r = replay_some(db, db->tombstone_fd, &at, *end, applied);
	*is_done = at + TOMBSTONE_BYTES > *end;
	return r == DB_DONE ? tombstone_note(db, *is_done ? *end : at) : r;
}

enum db_result
db_replay_step(struct db *db, int *applied, bool *is_done)
{
	int64_t seen, at = 0, end = 0;
	int count = 0;
	enum db_result r;

	*is_done = !db->slots;
	if (*is_done)
		return DB_DONE;
	seen = slots_tombstones(db->slots); /* before: the database is told first */
	r = tombstone_noted(db, &at);
	*is_done = r == DB_DONE && at >= seen;
	if (*is_done)
		slots_note_tombstones(db->slots, at);
	if (r != DB_DONE || *is_done)
		return r;
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, carry_on(db, &end, &count, is_done));
	if (r == DB_DONE)
		*applied += count;
	*is_done = *is_done && r == DB_DONE;
	if (*is_done)
		slots_note_tombstones(db->slots, end);
	return r;
}

/* -- by the operator --------------------------------------------------------------------------- */

struct replay {
	struct db *db;
	const struct epoch_plan *plan;
	int fd, *applied;
	int64_t at, end;
	bool own; /* it is this machine's file */
};

/* Some records, or at the end of them the end of all sessions. *more: it goes on. */
static enum db_result
replay_part(struct replay *p, bool *more)
{
	int64_t at = p->at;
	int count = 0;
	enum db_result r = db_epoch_step(p->db, p->plan, clock_ms());

	if (r == DB_DONE)
		r = db_begin(p->db);
	if (r != DB_DONE)
		return r;
	r = replay_some(p->db, p->fd, &at, p->end, &count);
	*more = at + TOMBSTONE_BYTES <= p->end;
	if (r == DB_DONE && !*more)
		r = db_exec(p->db, ST_SESSION_END_EVERY);
	if (!db_failed(r) && !*more && p->own)
		r = tombstone_note(p->db, p->end);
	r = db_end(p->db, r);
	if (r == DB_DONE || r == DB_NONE) {
		p->at = at;
		*p->applied += count;
		if (!*more && p->own)
			slots_note_tombstones(p->db->slots, p->end);
	}
	return r == DB_NONE ? DB_DONE : r;
}

/* What is busy is tried again: keys of an epoch that nobody has any more are given up first. */
static enum db_result
replay_all(struct replay *p)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	enum db_result r;
	bool more = true;

	do {
		r = replay_part(p, &more);
		if (r == DB_DONE)
			until = clock_mono_ms() + WAIT_MS;
		else if (r == DB_BUSY && clock_mono_ms() < until)
			usleep(PAUSE_US);
		else
			return r;
	} while (r != DB_DONE || more);
	return r;
}

bool
db_replay(const struct db_options *o, const struct epoch_plan *plan, const char *path, int *applied,
    char error[static DB_ERROR_BYTES])
{
	struct replay p = { .plan = plan, .applied = applied, .own = !path };
	char own[PATH_MAX];
	auto_close int fd = -1;
	enum db_result r;
	struct stat st;

	snprintf(own, sizeof(own), "%s.tombstones", o->path);
	path = path ? path : own;
	p.db = db_open(o, error); /* makes its own file where there is none */
	if (!p.db)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", path, strerror(errno));
		db_close(p.db);
		return false;
	}
	p.fd = fd;
	p.end = (int64_t)st.st_size - (int64_t)st.st_size % TOMBSTONE_BYTES;
	r = replay_all(&p);
	db_close(p.db);
	if (r != DB_DONE)
		snprintf(error, DB_ERROR_BYTES, "the tombstones could not be applied%s",
		    r == DB_BUSY ? ": the database is busy; try again" : "");
	return r == DB_DONE;
}
