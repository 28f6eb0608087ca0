/* What the store's own files share: binding, stepping, reading rows, transactions. Not for other
 * folders. */
#ifndef SQL_DB_INTERNAL_H
#define SQL_DB_INTERNAL_H

#include "arena.h"
#include "content.h"
#include "db.h"
#include "engine.h"
#include "slots.h"

#include <stddef.h>

#define DB_EFFECTS 64

/* What happens once the transaction that is open has ended. */
struct db_effects {
	struct {
		db_effect *run;
		void *arg;
	} list[DB_EFFECTS];
	int len, saved; /* saved: of these, so many were noted before the write under way */
};

/* The transaction that several writes share. */
struct db_turn {
	bool on; /* they do */
	bool open; /* it was begun */
	bool alone; /* the last commit failed */
	int kept; /* writes of the caller of now that stay, if the turn does */
	int64_t since_us; /* of the turn, and once it is open of the transaction; monotonic */
	enum db_result lost; /* DB_DONE, or what ended the transaction before its time */
};

struct db {
	struct engine *engine;
	int lock_fd; /* flock of all writers; -1: the engine has its own queue */
	int tombstone_fd;
	struct slots *slots; /* of the keys under which keys are wrapped; NULL: they are not */
	int64_t epoch; /* of the transaction that is open; 0: nobody asked yet */
	bool full_durability;
	bool tombstone_due; /* tombstones were written since the last commit */
	int64_t tombstone_bytes; /* the end of them; 0: none were */
	bool replaying; /* what tombstones name is carried out once more: no new ones */
	int64_t message_ttl_ms; /* undelivered messages expire after this; 0: never */
	enum conf_retention retention;
	int64_t file_hold_ms; /* as in db_options */
	struct db_quota sender_quota, pair_quota;
	int busy_timeout_ms; /* of a writer, as set */
	int timeout_ms; /* of a writer now: short after a full wait was in vain */
	int64_t changes; /* rows that the last db_exec has changed */
	struct commits *commits; /* of the pool; NULL: a commit syncs by itself, or need not */
	struct {
		int64_t session_id; /* 0: nobody's */
		bool admin;
	} caller; /* of the next write, as db_act_for was told */
	struct db_turn turn;
	struct db_effects effects;
	struct wakeup *wakeup; /* of the write under way; NULL: nobody asks */
	int64_t probed_ms; /* last write of db_probe, monotonic */
};

/* Binds the parameters of a statement in order, by the kinds that stand beside it in stmt.def. What
 * they point to must live until the statement was reset. */
struct db_stmt *db_bind(struct db *db, enum stmt which, ...);

/* One step. DB_ROW leaves the statement on its row until db_reset; anything else resets it.
 * A statement that ends without a row is DB_DONE. */
enum db_result db_step(struct db *db, struct db_stmt *st);

/* The one row that is wanted: DB_ROW, and db_reset must follow; DB_NONE when there is none, or an
 * error. */
enum db_result db_one(struct db *db, struct db_stmt *st);

/* Is there a row? DB_ROW or DB_NONE, or an error. Nothing is left to reset. */
enum db_result db_find(struct db *db, enum stmt which, ...);

/* The number in the first column of the one row that is wanted: DB_ROW with *out, DB_NONE when
 * there is no row, or an error. Nothing is left to reset. */
enum db_result db_number(struct db *db, struct db_stmt *st, int64_t *out);

/* Ends the use of a statement; clears its parameters so that no text stays behind. */
void db_reset(struct db_stmt *st);

/* Runs a statement that brings no row (or whose row nobody needs). DB_DONE, DB_NONE when no row was
 * changed, or an error. */
enum db_result db_exec(struct db *db, enum stmt which, ...);

/* Likewise, for a statement of which nothing is asked but that it does not fail: not how many rows
 * it changed, not whether a key was taken or what it belongs to is gone. A server is not waited
 * for: what comes later finds the rows written, and a failure is that of a later call, at the
 * latest of db_end, which waits for all of them and takes the write back as ever. DB_DONE, or an
 * error. */
enum db_result db_exec_async(struct db *db, enum stmt which, ...);

/* Says, inside a write, that this read follows with the same parameters (and texts at the same
 * place) before anything is written that it would find. A server is asked at once, so that several
 * such reads take one wait; nothing else changes, and if it does not follow nothing is lost. */
void db_prefetch(struct db *db, enum stmt which, ...);

/* Rows that the db_exec before has changed, when it brought none. */
int64_t db_changes(const struct db *db);

/* Columns of the row. Pointers live until the next step or reset; NULL for NULL. */
int64_t db_i64(struct db_stmt *st, int column);
int db_int(struct db_stmt *st, int column);
bool db_is_null(struct db_stmt *st, int column);
const char *db_str(struct db_stmt *st, int column);
const void *db_data(struct db_stmt *st, int column);
size_t db_bytes(struct db_stmt *st, int column);

/* A column's text in the arena; NULL for NULL (or no room: then *ok turns false). */
char *db_text(struct db_stmt *st, int column, struct arena *a, bool *ok);

/* Copies a blob column of exactly `len` bytes; false when it is of another size. */
bool db_blob(struct db_stmt *st, int column, void *out, size_t len);

/* Begins a write: takes the writers' lock, then the database's. On DB_DONE db_end must follow. */
enum db_result db_begin(struct db *db);

/* The same, with a wait of its own for the writers' lock (0: DB_BUSY at once), and without a look
 * at whether the caller may still be let in. */
enum db_result db_begin_within(struct db *db, int timeout_ms);

/* Ends it: commits for DB_ROW, DB_DONE and DB_NONE, rolls back for anything else; returns `r` or
 * the commit's error. */
enum db_result db_end(struct db *db, enum db_result r);

/* A message that was created then or before has expired if it waits still; 0: none has. Numbers of
 * messages say nothing of it: one clock that was ahead for a moment puts them ahead for good. */
int64_t db_expired_at(const struct db *db);

/* True for what was not carried out and is no result of the store's own: DB_TAKEN, DB_ORPHAN,
 * DB_BUSY, DB_FULL and DB_FAIL. */
bool db_failed(enum db_result r);

#endif
