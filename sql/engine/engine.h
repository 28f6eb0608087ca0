/* What an engine does for the store: it keeps one connection, prepares the statements of stmt.def
 * as they are asked for, and is given numbers of statements, never SQL. Only the files of this
 * folder know which engine that is: db_options says, and each is one table of functions. */
#ifndef SQL_ENGINE_H
#define SQL_ENGINE_H

#include "columns.h"
#include "db.h"

#include <stdarg.h>
#include <stddef.h>

enum stmt {
#define STMT(name, kinds, text) ST_##name,
#include "stmt.def"
#undef STMT
	ST__MAX
};

struct engine_driver;

/* A connection; what an engine keeps of it begins with this. */
struct engine {
	const struct engine_driver *driver;
};

/* A statement that was bound, and then the row it stands on. Likewise. */
struct db_stmt {
	const struct engine_driver *driver;
};

struct db_blob {
	const void *data;
	size_t len;
};

struct engine_statement {
	const char *name, *kinds, *text; /* as in stmt.def */
};
extern const struct engine_statement engine_statements[ST__MAX];

/* The schema's steps, made by the Makefile from sql/schema/NNNN_*.sql, in order. */
extern const char *const schema_steps[];
extern const int schema_steps_len;

/* Is the database one file of this machine? Then its writers queue on a lock beside it. */
bool engine_is_file(const struct db_options *o);

/* Is the server there, where there is one? False with one line in `error`. */
bool engine_is_there(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Connects to a database of exactly this program's schema. NULL with one line in `error`. The
 * caller closes with engine_close; open after fork, never before. */
struct engine *engine_open(const struct db_options *o, char error[static DB_ERROR_BYTES]);
void engine_close(struct engine *e);

/* Prepares every statement. False with one line in `error`: the database has not the tables that
 * its version says. */
bool engine_check(struct engine *e, char error[static DB_ERROR_BYTES]);

/* From here on only data statements and transactions run. */
void engine_seal(struct engine *e);

/* The parameters of a statement in order, by the kinds of its line in stmt.def: see there. Texts
 * and blobs must live until the statement was reset. Where it cannot be prepared its step fails. */
struct db_stmt *engine_bind(struct engine *e, enum stmt which, va_list ap);

/* One step. DB_ROW leaves the statement on its row until engine_reset; anything else resets it. A
 * statement that ends without a row is DB_DONE; a failure is logged. */
enum db_result engine_step(struct engine *e, struct db_stmt *st);

/* Runs a statement of whose result only a failure is of interest, and resets it. Inside a
 * transaction it may be on its way only: then it is carried out before any that comes later, and a
 * failure of it is that of the first step, engine_wait or engine_end after it. DB_DONE, or an
 * error. */
enum db_result engine_send(struct engine *e, struct db_stmt *st);

/* Inside a transaction, or it does nothing: has the rows of a read on their way until it is bound
 * with the same parameters and stepped, or the transaction or its part ends. */
void engine_prefetch(struct engine *e, enum stmt which, va_list ap);

/* Ends the use of a statement; clears its parameters so that no text stays behind. */
void engine_reset(struct db_stmt *st);

/* Rows that the statement stepped last has changed; -1: it changes none. */
int64_t engine_changes(const struct engine *e, struct db_stmt *st);

/* Columns of the row. Pointers live until the next step or reset; NULL for NULL. */
int64_t engine_i64(struct db_stmt *st, int column);
bool engine_is_null(struct db_stmt *st, int column);
const char *engine_text(struct db_stmt *st, int column, size_t *len);
const void *engine_blob(struct db_stmt *st, int column, size_t *len);

/* A transaction that writes. Begin waits for other programs at most so long: DB_DONE or DB_BUSY.
 * End commits or rolls back. */
enum db_result engine_begin(struct engine *e, int timeout_ms);
enum db_result engine_end(struct engine *e, bool commit);

/* A part of that transaction, which may be taken back by itself. DB_DONE, or an error. */
enum db_result engine_save(struct engine *e);
enum db_result engine_save_end(struct engine *e, bool keep);

/* Waits for what engine_send has sent. DB_DONE, or what in the transaction failed: then nothing can
 * be done with it, or with the part that engine_save began, but to take it back. */
enum db_result engine_wait(struct engine *e);

/* So long writes may share a transaction: longer where each of them waits for a server. */
int64_t engine_turn_us(const struct engine *e);

/* Is the transaction still there? Some errors end it. */
bool engine_is_writing(const struct engine *e);

/* Did a write fail, since this was asked last, only because of another one at the same time? Then
 * the same again may succeed. */
bool engine_take_conflict(struct engine *e);

/* Brings the log of writes to the disk, with everything that anybody has committed before. False:
 * it is not known what is there; the log says why. */
bool engine_sync(struct engine *e);

/* See db_leads. */
bool engine_leads(struct engine *e, int role);

/* True once a call failed in a way that says that the connection or its file is broken; once a
 * page was met that is no page of a database. */
bool engine_is_broken(const struct engine *e);
bool engine_is_damaged(const struct engine *e);

/* Bytes that the database takes where it lies, without its log of writes; 0: it did not say. Not
 * inside a transaction. */
int64_t engine_bytes(struct engine *e);

/* What a killed program may leave: bytes that wait in the log of writes. */
int64_t engine_log_bytes(const struct engine *e);

/* Empties the log of writes into the database; readers in its way are waited for `timeout_ms`.
 * DB_DONE or DB_BUSY. Call with the writers' lock. */
enum db_result engine_checkpoint(struct engine *e, int timeout_ms);

/* Writes the database file anew, so that no page keeps what was deleted. Call with the writers'
 * lock. DB_DONE, or an error. */
enum db_result engine_rebuild(struct engine *e, const struct db_options *o);

/* Gives a database that nobody else has open the form in which it is one file. DB_DONE. */
enum db_result engine_seal_file(struct engine *e);

/* Copies the backup at `from` over the empty file at `to` when it is whole. False with one line in
 * `error`. */
bool engine_copy_in(const char *from, const char *to, char error[static DB_ERROR_BYTES]);

/* Calls `found` for each retired address (its keyed hash, `len` bytes) of another database file, or
 * for the public id of each message whose key it holds, until it does not return DB_DONE. DB_DONE,
 * what `found` returned, or DB_FAIL: the file cannot be read. */
typedef enum db_result (*engine_found)(void *arg, const void *data, size_t len);
enum db_result engine_walk_retired(const char *path, engine_found found, void *arg);
enum db_result engine_walk_keys(const char *path, engine_found found, void *arg);

#endif
