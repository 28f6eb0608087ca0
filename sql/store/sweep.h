/* Housekeeping's side of the store: small steps, each a transaction of its own, so that nobody
 * waits long for it. */
#ifndef SQL_SWEEP_H
#define SQL_SWEEP_H

#include "db.h"
#include "id.h"

enum sweep_job {
	SWEEP_SESSIONS, /* expired ones */
	SWEEP_CODES,
	SWEEP_THROTTLES,
	SWEEP_ACCESS, /* requests that nobody decided */
	SWEEP_JOINS,
	SWEEP_INVITES, /* to groups, answered or not */
	SWEEP_KEYS, /* idempotency records of more than a day */
	SWEEP_OUTBOX,
	SWEEP_BRIDGE, /* what no phone took in time */
	SWEEP_MESSAGES, /* final ones, and those that expired; scrubbed as the settings say */
	SWEEP_RECORDS, /* of messages whose text is gone */
	SWEEP_DEAD_KEYS, /* that were overwritten, of messages whose record is gone */
	SWEEP_AUDIT,
	SWEEP_KEPT, /* final ones that were kept before the settings changed */
	SWEEP_FILES, /* expired ones */
	SWEEP__MAX
};

/* The word for reports. */
const char *sweep_job_name(enum sweep_job job);

/* Up to when each job clears; 0: that job has nothing to do. */
struct sweep_plan {
	int64_t now;
	int64_t until[SWEEP__MAX];
	int64_t messages_until; /* made then or before, a message has expired; 0: none has */
	int64_t devices_since; /* what was first received after this waits for other devices, */
	int64_t seen_since; /* those that were seen after this */
};

struct sweep_state {
	int64_t started_at, finished_at, duration_ms, searched_at;
	int64_t erased_at, rebuilt_at; /* an account went, the file was rebuilt; 0: never */
	int64_t files_dev, files_ino; /* the folder of files when it was searched; 0: never */
	int64_t checked_at; /* the whole database was; 0: never */
	bool damaged; /* a page was found to be, then */
	int64_t unclean_since; /* scrubbed text may be in the WAL since then; 0: it is not */
};

/* The last pass. DB_ROW. */
enum db_result db_sweep_state(struct db *db, struct sweep_state *out);

/* True when a pass ended within the last three intervals, or none can be expected yet: the relay
 * started at `started_at`. An interval of 0 expects none. */
bool
sweep_is_fresh(const struct sweep_state *s, int64_t now, int64_t interval_sec, int64_t started_at);

struct queue_figures {
	char channel[16];
	int64_t waiting, oldest_at;
};

/* What waits in each channel, up to `limit` of them. DB_DONE. */
enum db_result db_queue_figures(struct db *db, int limit, struct queue_figures *out, int *count);

/* Bytes that the database takes, without its WAL; and those of the WAL: now. */
int64_t db_file_bytes(struct db *db);
int64_t db_wal_bytes(const struct db *db);

/* Takes the lease for `lease_ms` when no pass is under way and the last one began `interval_ms` ago
 * or longer. DB_DONE, or DB_NONE: not now. */
enum db_result db_sweep_take(struct db *db, int64_t now, int64_t interval_ms, int64_t lease_ms);

/* One step of a job: clears up to a few hundred rows after *cursor (0 at first) and moves it on;
 * *count is how many. The lease is renewed to `lease_until`. DB_DONE, or DB_NONE when the job is at
 * its end. */
enum db_result db_sweep_step(struct db *db, const struct sweep_plan *plan, enum sweep_job job,
    int64_t lease_until, int64_t *cursor, int64_t *count);

/* How much a job would clear. DB_ROW. */
enum db_result
db_sweep_count(struct db *db, const struct sweep_plan *plan, enum sweep_job job, int64_t *count);

/* Empties the WAL into the database, waiting up to `ms` for readers. DB_DONE, DB_BUSY when a reader
 * stands in the way. */
enum db_result db_sweep_checkpoint(struct db *db, int ms);

/* What the store itself still holds of what was scrubbed: bodies or keys, and files that wait to be
 * removed. DB_ROW. */
enum db_result db_scrub_left(struct db *db, int64_t *bodies, int64_t *files);

/* Writes the whole database anew, so that no page keeps a copy of what an erased account left:
 * SQLite overwrites what it deletes, but not what it moved before. Writers wait meanwhile. DB_DONE,
 * DB_NONE when the file is larger than `most` bytes, or the disk has not twice its room. Notes it
 * for the erasure of `erased_at`. */
enum db_result db_sweep_rebuild(
    struct db *db, const struct db_options *o, int64_t most, int64_t erased_at, int64_t now);

/* Ends the pass and gives the lease back. DB_DONE. */
enum db_result db_sweep_done(struct db *db, int64_t now, int64_t unclean_since);

/* Notes that every page of the database was looked at, and whether some are damaged. DB_DONE. */
enum db_result db_sweep_checked(struct db *db, int64_t now, bool damaged);

/* Notes the folder of files while none is known: something was just stored there. DB_DONE, or
 * DB_NONE: one is known. */
enum db_result db_sweep_folder(struct db *db, int64_t dev, int64_t ino);

/* Notes that files and rows were held against each other, in which folder. DB_DONE. */
enum db_result db_sweep_searched(struct db *db, int64_t now, int64_t dev, int64_t ino);

/* True when a file has a row. */
bool db_file_known(struct db *db, const uint8_t public_id[static ID_BYTES]);

/* Up to `limit` files after number *after, which is moved on; DB_DONE. */
struct file_row {
	int64_t id, size;
	uint8_t public_id[ID_BYTES];
};
enum db_result
db_file_walk(struct db *db, int64_t *after, int limit, struct file_row *out, int *count);

/* Deletes the row of a file whose bytes are not there. DB_DONE. */
enum db_result db_file_drop(struct db *db, int64_t id);

#endif
