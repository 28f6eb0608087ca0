/* What the files of the PostgreSQL engine share. */
#ifndef SQL_PGSQL_INTERNAL_H
#define SQL_PGSQL_INTERNAL_H

#include "engine_internal.h"

#include <libpq-fe.h>

/* The most parameters that a statement may have. */
#define PGSQL_PARAMETERS 24

/* All relays of a database write in turn: who holds this advisory lock. */
#define PGSQL_WRITERS "7380172"
/* Likewise who changes the schema. */
#define PGSQL_MIGRATION "7380173"

/* And who leads in a role, which is the second number. */
#define PGSQL_LEADERS "7380174"

#define PGSQL_SLOT_BYTES 16

/* How long a server may say nothing, which also ends what runs there for a minute; and how long to
 * a COMMIT, which waits for a replica that may be away. */
#define PGSQL_TIMEOUT_MS 65000
#define PGSQL_COMMIT_TIMEOUT_MS 5000

/* So many statements, or bytes of their parameters, are on their way before they are waited for:
 * less than a socket takes, so that a server which is frozen is noticed. */
#define PGSQL_SENT 64
#define PGSQL_SENT_BYTES ((size_t)64 << 10)

/* So many reads may be under way ahead of their time, of so many parameters each. */
#define PGSQL_PREFETCHES 8
#define PGSQL_PREFETCH_PARAMETERS 4

struct pgsql;

struct pgsql_stmt {
	struct db_stmt base;
	struct pgsql *e;
	int which, len; /* of the parameters */
	const char *values[PGSQL_PARAMETERS];
	int lengths[PGSQL_PARAMETERS], formats[PGSQL_PARAMETERS];
	uint64_t numbers[PGSQL_PARAMETERS]; /* as they travel */
	PGresult *rows;
	int row;
};

/* A read whose rows are on their way, or there. */
struct pgsql_prefetch {
	const struct pgsql_stmt *s;
	const char *texts[PGSQL_PREFETCH_PARAMETERS];
	uint64_t numbers[PGSQL_PREFETCH_PARAMETERS];
	uint64_t command; /* which one of the connection's it was */
	PGresult *rows; /* NULL: not read yet */
};

struct pgsql {
	struct engine base;
	const char *url;
	bool full_durability, even_left;
	PGconn *c;
	struct pgsql_stmt stmts[ST__MAX];
	int64_t changed; /* rows, by the statement that ran last; -1: it brought some */
	int64_t next_try_ms; /* no connection is tried before; monotonic */
	uint64_t commands; /* that went into the pipeline */
	int pending; /* commands of the pipeline whose results nobody has read */
	int sent; /* of these the store's statements */
	size_t sent_bytes; /* of their parameters */
	struct pgsql_prefetch prefetches[PGSQL_PREFETCHES];
	int prefetch_count;
	int timeout_ms; /* so long the server may say nothing */
	bool writing; /* in a transaction */
	bool conflict; /* a serialization failure or a deadlock ended something */
	bool bad; /* it cannot be committed, for this reason: */
	enum db_result why;
	uint8_t slot[PGSQL_SLOT_BYTES]; /* where this connection's last commit is noted */
	uint64_t commits; /* how many it made */
	uint64_t leads; /* roles that this connection has, as bits */
};

static inline struct pgsql *
pgsql_of(struct engine *e)
{
	return (struct pgsql *)e;
}

/* Connects, and sets what holds for every connection of the house. NULL with one line in `error`.
 * The caller ends it with PQfinish, NULL or not. */
PGconn *pgsql_connect(const char *url, char error[static DB_ERROR_BYTES]);

/* The engine's connection: checked, and with every statement prepared. False with one line in
 * `error`. */
bool pgsql_connect_all(struct pgsql *e, char error[static DB_ERROR_BYTES]);

/* "PostgreSQL: why", on one line, into `error`; returns false. */
bool pgsql_refuse(char *error, const char *why);

/* Runs plain SQL without parameters, outside of a pipeline. False with why in `error`. */
bool pgsql_run(PGconn *c, const char *sql, char error[static DB_ERROR_BYTES]);

/* The first column of the first row of a query, as a number; `missing` when there is none. Outside
 * of a pipeline. */
int64_t pgsql_ask(PGconn *c, const char *sql, int64_t missing);

/* False with one line in `error`: the schema is of another version, or the server writes down what
 * people say. */
bool pgsql_check(PGconn *c, char error[static DB_ERROR_BYTES]);

/* False with one line in `error`: it was moved elsewhere; it would write down what people say. */
bool pgsql_check_in_use(PGconn *c, char error[static DB_ERROR_BYTES]);
bool pgsql_check_settings(PGconn *c, char error[static DB_ERROR_BYTES]);

/* The connection is there, or made anew where it was lost, but not in every call: a server that is
 * away must not be waited for each time. */
bool pgsql_is_there(struct pgsql *e);

/* Closes a connection that is no good; the next one is tried after a pause. */
void pgsql_lose(struct pgsql *e);

/* What a result says, logging what is not expected. DB_DONE for rows and for none. */
enum db_result pgsql_translate(struct pgsql *e, const PGresult *r);

/* Sends a command, by its name, that travels with the next one that is waited for. Where it cannot
 * be sent the transaction is spoilt. */
void pgsql_send(struct pgsql *e, const char *name, int len, const char *const *values,
    const int *lengths, const int *formats);

/* Sends a statement of the store so. */
void pgsql_send_statement(struct pgsql *e, const struct pgsql_stmt *s);

/* The result of the oldest command that was sent; the caller clears it. Never NULL. */
PGresult *pgsql_result(struct pgsql *e);

/* Reads the results of all pending commands. An error spoils the transaction. */
void pgsql_drain(struct pgsql *e);

/* From here on nothing can be done with the transaction but to take it back. */
void pgsql_spoil(struct pgsql *e, enum db_result why);

/* Brings the pipeline to its end: all that was sent is carried out or given up, and what comes next
 * is carried out again. False: the connection is lost. */
bool pgsql_sync(struct pgsql *e);

/* Keeps the rows of a command if it is a prefetch. False: they are the caller's to clear. */
bool pgsql_prefetch_keep(struct pgsql *e, uint64_t command, PGresult *rows);

/* The rows of a statement, as it is bound, when they were prefetched; the caller clears them. NULL:
 * they were not, or the transaction is spoilt. */
PGresult *pgsql_prefetch_take(struct pgsql *e, const struct pgsql_stmt *s);

/* Drops what was prefetched and never asked for. */
void pgsql_prefetch_drop(struct pgsql *e);

/* What stands in the table of this engine: see engine.h and db.h. */
bool pgsql_is_up(const struct db_options *o, char error[static DB_ERROR_BYTES]);
bool pgsql_migrate(const struct db_options *o, char error[static DB_ERROR_BYTES]);
bool pgsql_is_keyed(const struct db_options *o);
bool pgsql_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES]);

/* Prepares what a transaction needs besides the table of statements. */
bool pgsql_prepare_writes(PGconn *c);
enum db_result pgsql_begin(struct engine *e, int timeout_ms);
enum db_result pgsql_end(struct engine *e, bool commit);
enum db_result pgsql_wait(struct engine *e);
void pgsql_prefetch(struct engine *e, struct db_stmt *st);
enum db_result pgsql_save(struct engine *e);
enum db_result pgsql_save_end(struct engine *e, bool keep);
bool pgsql_is_writing(const struct engine *e);
bool pgsql_leads(struct engine *e, int role);
int64_t pgsql_bytes(struct engine *e);
struct db_broadcast *
pgsql_broadcast_open(const struct db_options *o, char error[static DB_ERROR_BYTES]);
int pgsql_broadcast_fd(const struct db_broadcast *b);
bool pgsql_broadcast_send(struct db_broadcast *b, const char *text);
bool
pgsql_broadcast_take(struct db_broadcast *b, void (*each)(const char *text, void *arg), void *arg);
void pgsql_broadcast_close(struct db_broadcast *b);

#endif
