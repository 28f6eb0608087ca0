/* The store: one connection with every statement prepared, and transactions that queue fairly.
 * Nothing above this folder sees which engine it is. */
#ifndef SQL_DB_H
#define SQL_DB_H

#include "commits.h"
#include "conf.h"
#include "wake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What every store function returns. Busy and full pass by themselves: ask again later. */
enum db_result {
	DB_ROW, /* found, the output is filled */
	DB_DONE, /* carried out */
	DB_NONE, /* nothing there to find or to change */
	DB_TAKEN, /* a row of this key is there already */
	DB_ORPHAN, /* what it belongs to is not there (any more) */
	DB_BUSY, /* another process held the write lock for too long */
	DB_FULL, /* no room on the disk; nothing was changed */
	DB_FAIL, /* broken: see the log */
	DB_UNDO, /* inside the store: nothing of this write may stay, see db_end */
	DB_RESULT__MAX
};

struct db;

/* How much of something may be there; 0: as much as there is. */
struct db_quota {
	int64_t messages, bytes;
};

struct db_options {
	const char *url; /* of a PostgreSQL server; empty or NULL: SQLite */
	const char *path; /* the database file; its lock file is PATH.lock. With a server, where
			     what stays on this machine lies */
	bool epochs_in_memory; /* with a server: this machine's epoch keys are in no file on a disk
				*/
	bool even_left; /* open it although it was moved elsewhere */
	bool full_durability; /* a commit survives a power cut */
	int busy_timeout_ms; /* longest wait for the write lock */
	int64_t message_ttl_ms; /* undelivered messages expire after this; 0: never */
	enum conf_retention retention;
	int64_t file_hold_ms; /* files of a message that is final wait so long for recipients */
	struct db_quota sender_quota, pair_quota; /* of messages that wait: all of a sender, and of
						     one sender to one recipient */
	struct commits *commits; /* of a pool, whose writers share syncs; NULL: each syncs for
				    itself. Only where durability is full */
};

#define DB_ERROR_BYTES 512

/* The options as the settings give them; the path stays the settings'. */
struct db_options db_options_of(const struct conf *c);

/* Makes the database or brings its schema up to date, forward only; a copy of the older one is kept
 * first (see snapshot_take). False with one line in `error`. */
bool db_migrate(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Opens an existing database of exactly this program's schema and prepares every statement. NULL
 * with one line in `error`. The caller closes with db_close. Open after fork, never before. */
struct db *db_open(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Closes and frees; NULL is allowed. */
void db_close(struct db *db);

/* Whom a write is to wake: notified after it was committed and after the writers' lock is free.
 * Each list is of one kind and not empty. */
typedef void db_notify(void *arg, enum wake_kind kind, const int64_t *accounts, size_t n);

/* Has `notify` called from here on. False: out of memory, nobody is notified. */
bool db_on_wakeup(struct db *db, db_notify *notify, void *arg);

/* Whose request the next write is: it is DB_ORPHAN, and nothing is written, when by the time that
 * it has the lock the session has ended, its account was blocked or, with `admin`, is no admin any
 * more. Holds for one write; session_id 0: nobody's, nothing is looked at. */
void db_act_for(struct db *db, int64_t session_id, bool admin);

/* Turns: what several callers write goes into one commit. From db_turn_begin on, every write stays
 * in one open transaction, whole or not at all, until db_turn_end. After a commit that failed for
 * want of room writes are by themselves until one succeeds, so that each caller learns of its own.
 */
void db_turn_begin(struct db *db);

/* Says that what follows is of the next caller. */
void db_turn_next(struct db *db);

/* Should the same caller try again? Nothing of it was kept, and what it wrote met another write at
 * the same time: a conflict of which an engine with several writers tells. */
bool db_turn_repeats(struct db *db);

/* Is something written and not yet committed? Then the writers' lock is held. */
bool db_turn_is_open(const struct db *db);

/* May another caller join? True for some milliseconds, as many as the engine says, while something
 * is open or what was read is not on the disk yet: all must wait, so more may as well. */
bool db_turn_may_grow(const struct db *db);

/* Commits, and returns once all that was written or read is on the disk. DB_DONE; DB_BUSY or
 * DB_FULL: nothing of it was stored; DB_FAIL: it may be lost at the next power cut. */
enum db_result db_turn_end(struct db *db);

/* What a write does to the world besides the store: called once it is on the disk, or once it is
 * known that it was not stored. After a DB_FAIL it is not called. */
typedef void db_effect(void *arg, bool stored);

/* Notes an effect of what was written so far; `arg` must live until db_turn_end. The same one is
 * called once, however often it was noted. At once where no write is open. */
#define DB_EFFECTS_EACH 8 /* so many may be noted by one caller */
void db_after(struct db *db, db_effect *effect, void *arg);

/* From here on only data statements and transactions run on this connection: no schema change, no
 * PRAGMA, no ATTACH. */
void db_seal(struct db *db);

/* True once a call failed in a way that says that the connection or its file is broken, or that the
 * disk lost something. */
bool db_is_broken(const struct db *db);

/* Reads, takes the write lock and, at most every 5 s, writes: DB_DONE when all work. Waits for the
 * lock no longer than that, nor than a call would: DB_BUSY. */
enum db_result db_probe(struct db *db, int wait_ms);

/* Of several machines on one database one does what must be done once, such as sending mail: is it
 * this one? Another takes over when it is gone. `role` is a number of the caller's. */
bool db_leads(struct db *db, int role);

/* What relays of several machines tell each other besides the store; nothing of it is kept, and
 * what is sent while somebody is away never reaches them. NULL with one line in `error`: the
 * database is a file, or its server is away. The caller closes; NULL is allowed there. */
struct db_broadcast;
struct db_broadcast *
db_broadcast_open(const struct db_options *o, char error[static DB_ERROR_BYTES]);
void db_broadcast_close(struct db_broadcast *b);

/* Readable when something came. */
int db_broadcast_fd(const struct db_broadcast *b);

/* A text of at most so many bytes to all others. False: the connection is lost. */
#define DB_BROADCAST_BYTES 7000
bool db_broadcast_send(struct db_broadcast *b, const char *text);

/* Calls `each` for what others have sent. False: the connection is lost. */
bool
db_broadcast_take(struct db_broadcast *b, void (*each)(const char *text, void *arg), void *arg);

/* Was the database used with a server key, or does it hold what only the same key will find again?
 * A new one, or none, was not. */
bool db_is_keyed(const struct db_options *o);

/* Notes that it was. False with one line in `error`. */
bool db_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* True once this connection met a damaged page. */
bool db_is_damaged(const struct db *db);

/* Has the database what its schema version says? False with one line in `error`. */
bool db_check(struct db *db, char error[static DB_ERROR_BYTES]);

/* Looks at every page of the database. DB_DONE, DB_NONE: some are damaged, with what was found
 * first in `error`, or DB_FAIL: it could not be looked at, likewise. */
enum db_result db_quick_check(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Times that the database knows of, in milliseconds: of the newest position in the streams, and of
 * the last look at the database itself. DB_ROW. */
enum db_result db_newest_at(struct db *db, int64_t *streamed_at, int64_t *probed_at);

/* Copies the live database into a new file at `path` (mode 0600), a little at a time so that nobody
 * waits. Without `with_content` it leaves out what people said: keys of messages, names of files,
 * mails, codes. `step` (or NULL) is given pages left and pages in all. False with one line in
 * `error`. */
bool db_backup(const struct db_options *o, const char *path, bool with_content,
    void (*step)(int left, int total), char error[static DB_ERROR_BYTES]);

/* Before anything else uses the database: brings a restore that was killed to its end, if it was
 * that far, and removes what killed programs left beside the database. False with one line in
 * `error`. */
bool db_recover(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Keys in another database file, a copy of this one, of messages that were scrubbed or went since.
 * DB_DONE, or DB_FAIL: it cannot be read. */
enum db_result db_copy_left(struct db *db, const char *path, int64_t *left);

/* Puts a backup in place of the database, brought up to date and held against the tombstones:
 * what was scrubbed or erased since stays so, and all sessions and keys have ended. *applied counts
 * them. The relay must not run. False with one line in `error`, and the database is as it was.
 * Killed anywhere, it is done or not once db_recover has run. */
bool db_restore(
    const struct db_options *o, const char *path, int *applied, char error[static DB_ERROR_BYTES]);

/* Schema version of this program. */
int db_schema_version(void);

#endif
