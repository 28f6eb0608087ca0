/* The PostgreSQL engine: one connection in pipeline mode, every statement prepared by name, values
 * binary. A connection that is lost is made anew; what was under way is busy until then. */
#include "pgsql_internal.h"

#include "clock.h"
#include "log.h"

#include <endian.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_PAUSE_MS 250 /* while there is no server */
#define LONGEST_WRITE_MS \
	10000 /* who holds the writers' lock and says nothing for so long is cut off */

static struct pgsql_stmt *
own(struct db_stmt *st)
{
	return (struct pgsql_stmt *)st;
}

/* -- the connection ---------------------------------------------------------------------------- */

static void
drop_notice(void *arg, const PGresult *r)
{
	(void)arg, (void)r;
}

PGconn *
pgsql_connect(const char *url, char error[static DB_ERROR_BYTES])
{
	/* what the address says itself wins */
	const char *const names[] = { "application_name", "connect_timeout", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "keepalives_count",
		"target_session_attrs", "dbname", NULL };
	const char *const values[] = { "webchat-relay", "2", "3000", "5", "2", "3", "read-write",
		url, NULL };
	char sql[512];
	PGconn *c = PQconnectdbParams(names, values, 1);

	if (PQstatus(c) != CONNECTION_OK) {
		pgsql_refuse(error, PQerrorMessage(c));
		PQfinish(c);
		return NULL;
	}
	PQsetNoticeReceiver(c, drop_notice, NULL);
	snprintf(sql, sizeof(sql),
	    "SET client_encoding = 'UTF8'; SET search_path = public;"
	    "SET default_transaction_isolation = 'read committed';"
	    "SET idle_in_transaction_session_timeout = %d; SET statement_timeout = 60000;"
	    "SET client_min_messages = error",
	    LONGEST_WRITE_MS);
	if (pgsql_run(c, sql, error))
		return c;
	PQfinish(c);
	return NULL;
}

static Oid
type_of(char kind)
{
	return kind == 't' ? 25 : kind == 'b' ? 17 : 20; /* text, bytea, bigint */
}

/* All in one flight. */
static bool
prepare_all(PGconn *c, char *error)
{
	Oid types[PGSQL_PARAMETERS];
	const char *bad = NULL;
	PGresult *r;

	if (!pgsql_prepare_writes(c) || !PQenterPipelineMode(c))
		return pgsql_refuse(error, PQerrorMessage(c));
	for (int i = 0; i < ST__MAX; i++) {
		const struct engine_statement *s = &engine_statements[i];
		const int n = (int)strlen(s->kinds);

		for (int k = 0; k < n && k < PGSQL_PARAMETERS; k++)
			types[k] = type_of(s->kinds[k]);
		if (n > PGSQL_PARAMETERS || !PQsendPrepare(c, s->name, s->text, n, types))
			return pgsql_refuse(error, s->name);
	}
	PQpipelineSync(c);
	for (int i = 0; i < ST__MAX; i++) {
		r = PQgetResult(c);
		if (PQresultStatus(r) != PGRES_COMMAND_OK && !bad) {
			bad = engine_statements[i].name;
			snprintf(error, DB_ERROR_BYTES, "PostgreSQL: statement %s: %s", bad,
			    r ? PQresultErrorMessage(r) : PQerrorMessage(c));
			error[strcspn(error, "\n")] = '\0';
		}
		PQclear(r);
		if (r)
			PQclear(PQgetResult(c));
	}
	PQclear(PQgetResult(c)); /* of the sync */
	return !bad;
}

static bool
connect_all(struct pgsql *e, char *error)
{
	e->c = pgsql_connect(e->url, error);
	if (e->c && pgsql_check(e->c, error) &&
	    pgsql_run(e->c,
		e->full_durability ? "SET synchronous_commit = on" : "SET synchronous_commit = off",
		error) &&
	    prepare_all(e->c, error))
		return true;
	pgsql_lose(e);
	return false;
}

void
pgsql_lose(struct pgsql *e)
{
	PQfinish(e->c);
	e->c = NULL;
	e->pending = 0;
	e->leads = 0;
	e->next_try_ms = clock_mono_ms() + RETRY_PAUSE_MS;
}

bool
pgsql_is_there(struct pgsql *e)
{
	char error[DB_ERROR_BYTES];

	if (e->c && PQstatus(e->c) == CONNECTION_OK)
		return true;
	if (e->c)
		pgsql_lose(e);
	if (clock_mono_ms() < e->next_try_ms)
		return false;
	if (connect_all(e, error)) {
		log_info("PostgreSQL: connected again");
		return true;
	}
	log_warn("%s", error);
	return false;
}

static struct engine *
open_engine(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	struct pgsql *e = calloc(1, sizeof(*e));

	if (!e) {
		pgsql_refuse(error, "out of memory");
		return NULL;
	}
	e->base.driver = &engine_pgsql;
	e->url = o->url;
	e->full_durability = o->full_durability;
	randombytes_buf(e->slot, sizeof(e->slot));
	for (int i = 0; i < ST__MAX; i++) {
		e->stmts[i] = (struct pgsql_stmt){ .base = { &engine_pgsql }, .e = e, .which = i };
		for (int k = 0; k < PGSQL_PARAMETERS; k++)
			e->stmts[i].formats[k] = 1;
	}
	if (connect_all(e, error))
		return &e->base;
	free(e);
	return NULL;
}

static void
reset(struct db_stmt *st)
{
	struct pgsql_stmt *s = own(st);

	PQclear(s->rows);
	s->rows = NULL;
	memset(s->values, 0, sizeof(s->values));
}

static void
close_engine(struct engine *base)
{
	struct pgsql *e = pgsql_of(base);

	for (int i = 0; i < ST__MAX; i++)
		reset(&e->stmts[i].base);
	PQfinish(e->c);
	free(e);
}

/* Rights are the server's to give: the role of the address. */
static void
seal(struct engine *e)
{
	(void)e;
}

/* A server that is away comes back; nothing here is for a new process to repair. */
static bool
is_never(const struct engine *e)
{
	(void)e;
	return false;
}

static bool
take_conflict(struct engine *base)
{
	const bool conflict = pgsql_of(base)->conflict;

	pgsql_of(base)->conflict = false;
	return conflict;
}

/* -- statements -------------------------------------------------------------------------------- */

static void
put(struct pgsql_stmt *s, const void *data, size_t len)
{
	s->values[s->len] = data;
	s->lengths[s->len++] = (int)len;
}

static void
put_number(struct pgsql_stmt *s, int64_t number)
{
	s->numbers[s->len] = htobe64((uint64_t)number);
	put(s, &s->numbers[s->len], sizeof(uint64_t));
}

static struct db_stmt *
bind(struct engine *e, enum stmt which, va_list ap)
{
	struct pgsql_stmt *s = &pgsql_of(e)->stmts[which];
	const struct db_blob *blob;
	const char *text;
	int64_t number;

	s->len = 0;
	for (const char *kind = engine_statements[which].kinds; *kind; kind++)
		switch (*kind) {
		case 't':
			text = va_arg(ap, const char *);
			put(s, text, text ? strlen(text) : 0);
			break;
		case 'b':
			blob = va_arg(ap, const struct db_blob *);
			put(s, !blob ? NULL : blob->data ? blob->data : "", blob ? blob->len : 0);
			break;
		default:
			number = va_arg(ap, int64_t);
			if (*kind == 'i' || (*kind == 'n' ? number != 0 : number >= 0))
				put_number(s, number);
			else
				put(s, NULL, 0);
		}
	return &s->base;
}

/* Some errors are all the connection's. */
static bool
is_lost(struct pgsql *e, const char *state)
{
	return PQstatus(e->c) != CONNECTION_OK || !state || strncmp(state, "57P", 3) == 0 ||
	    strncmp(state, "08", 2) == 0 || strcmp(state, "25P03") == 0 ||
	    strcmp(state, "25006") == 0 || /* it is no primary (any more) */
	    strcmp(state, "0A000") == 0; /* the schema is not what was prepared */
}

enum db_result
pgsql_translate(struct pgsql *e, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK)
		return DB_DONE;
	if (PQresultStatus(r) == PGRES_PIPELINE_ABORTED)
		return e->bad ? e->why : DB_FAIL;
	if (state && strcmp(state, "23505") == 0)
		return DB_TAKEN;
	if (state && strcmp(state, "23503") == 0)
		return DB_ORPHAN;
	if (state && strcmp(state, "53100") == 0)
		return DB_FULL;
	if (state && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)) {
		e->conflict = true;
		return DB_BUSY;
	}
	if (state && (strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0))
		return DB_BUSY; /* it took too long */
	/* a value may stand in the rest of what the server says */
	log_error("PostgreSQL: %s (%s)",
	    state ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : "the connection is lost",
	    state ? state : "-");
	if (!is_lost(e, state))
		return DB_FAIL;
	pgsql_lose(e);
	return DB_BUSY;
}

PGresult *
pgsql_result(struct pgsql *e)
{
	PGresult *r = PQgetResult(e->c);

	if (!r)
		return PQmakeEmptyPGresult(e->c, PGRES_FATAL_ERROR);
	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC)
		PQclear(PQgetResult(e->c)); /* the NULL behind it */
	return r;
}

void
pgsql_spoil(struct pgsql *e, enum db_result why)
{
	if (!e->bad)
		e->why = why;
	e->bad = true;
}

void
pgsql_drain(struct pgsql *e)
{
	for (; e->c && e->pending > 0; e->pending--) {
		PGresult *r = pgsql_result(e);
		const enum db_result done = pgsql_translate(e, r);

		if (done != DB_DONE)
			pgsql_spoil(e, done);
		PQclear(r);
		if (!e->c)
			return;
	}
}

bool
pgsql_sync(struct pgsql *e)
{
	bool synced = false;

	e->pending = 0;
	while (e->c && !synced) {
		PGresult *r = PQgetResult(e->c);

		synced = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
		PQclear(r);
		if (!r && PQstatus(e->c) != CONNECTION_OK)
			pgsql_lose(e);
	}
	return synced;
}

static bool
send(struct pgsql_stmt *s)
{
	PGconn *c = s->e->c;

	return PQsendQueryPrepared(c, engine_statements[s->which].name, s->len, s->values,
		   s->lengths, s->formats, 1) &&
	    (s->e->writing ? PQsendFlushRequest(c) : PQpipelineSync(c)) && PQflush(c) >= 0;
}

/* Sends the statement and has all its rows. By itself it is a transaction; inside one, an error
 * leaves nothing to be done but to take it back. */
static enum db_result
run(struct pgsql_stmt *s)
{
	struct pgsql *e = s->e;
	enum db_result r;

	if (e->writing && e->bad)
		return e->why;
	if (!e->writing && !pgsql_is_there(e))
		return DB_BUSY;
	if (!send(s)) {
		log_error("PostgreSQL: the connection is lost");
		pgsql_lose(e);
		r = DB_BUSY;
	} else {
		pgsql_drain(e);
		if (!e->c)
			return e->why;
		s->rows = pgsql_result(e);
		r = pgsql_translate(e, s->rows);
	}
	if (e->writing && r != DB_DONE)
		pgsql_spoil(e, r);
	if (!e->writing && e->c && !pgsql_sync(e) && r == DB_DONE)
		r = DB_BUSY;
	if (r == DB_DONE) {
		s->row = -1;
		e->changed = strncmp(PQcmdStatus(s->rows), "SELECT", 6) == 0 ?
		    -1 :
		    strtoll(PQcmdTuples(s->rows), NULL, 10);
	}
	return r;
}

static enum db_result
step(struct engine *base, struct db_stmt *st)
{
	struct pgsql_stmt *s = own(st);
	enum db_result r = s->rows ? DB_DONE : run(s);

	(void)base;
	if (r == DB_DONE && ++s->row < PQntuples(s->rows))
		return DB_ROW;
	reset(st);
	return r;
}

static int64_t
changes(const struct engine *e, struct db_stmt *st)
{
	(void)st;
	return ((const struct pgsql *)e)->changed;
}

/* -- rows -------------------------------------------------------------------------------------- */

static int64_t
read_i64(struct db_stmt *st, int column)
{
	const struct pgsql_stmt *s = own(st);
	const char *value = PQgetvalue(s->rows, s->row, column);
	uint64_t wide;
	uint32_t half;

	switch (PQgetlength(s->rows, s->row, column)) {
	case 8:
		memcpy(&wide, value, sizeof(wide));
		return (int64_t)be64toh(wide);
	case 4:
		memcpy(&half, value, sizeof(half));
		return (int32_t)be32toh(half);
	case 1:
		return value[0]; /* a boolean */
	default:
		return 0; /* NULL */
	}
}

static bool
read_is_null(struct db_stmt *st, int column)
{
	return PQgetisnull(own(st)->rows, own(st)->row, column);
}

static const char *
read_text(struct db_stmt *st, int column, size_t *len)
{
	const struct pgsql_stmt *s = own(st);

	*len = (size_t)PQgetlength(s->rows, s->row, column);
	return PQgetisnull(s->rows, s->row, column) ? NULL : PQgetvalue(s->rows, s->row, column);
}

static const void *
read_blob(struct db_stmt *st, int column, size_t *len)
{
	return read_text(st, column, len);
}

/* -- what a file has and a server has not ------------------------------------------------------ */

static bool
sync_nothing(struct engine *e)
{
	(void)e;
	return true;
}

static int64_t
no_log(const struct engine *e)
{
	(void)e;
	return 0;
}

static enum db_result
checkpoint_nothing(struct engine *e, int timeout_ms)
{
	(void)e, (void)timeout_ms;
	return DB_DONE;
}

static enum db_result
rebuild_nothing(struct engine *e, const struct db_options *o)
{
	(void)e, (void)o;
	return DB_NONE;
}

static enum db_result
seal_nothing(struct engine *e)
{
	(void)e;
	return DB_FAIL;
}

static bool
refuse_backup(const struct db_options *o, const char *path, bool with_content,
    void (*step_done)(int left, int total), char error[static DB_ERROR_BYTES])
{
	(void)o, (void)path, (void)with_content, (void)step_done;
	return pgsql_refuse(error, "its own tools make backups, such as pg_dump");
}

/* Its pages are the server's to check (pg_amcheck, data checksums). */
static enum db_result
quick_check(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	PGconn *c = pgsql_connect(o->url, error);
	const bool ok = c && pgsql_check(c, error);

	PQfinish(c);
	return ok ? DB_DONE : DB_FAIL;
}

const struct engine_driver engine_pgsql = {
	.name = "PostgreSQL",
	.is_there = pgsql_is_up,
	.migrate = pgsql_migrate,
	.is_keyed = pgsql_is_keyed,
	.note_keyed = pgsql_note_keyed,
	.backup = refuse_backup,
	.quick_check = quick_check,
	.open = open_engine,
	.close = close_engine,
	.seal = seal,
	.is_broken = is_never,
	.is_damaged = is_never,
	.leads = pgsql_leads,
	.broadcast_open = pgsql_broadcast_open,
	.broadcast_fd = pgsql_broadcast_fd,
	.broadcast_send = pgsql_broadcast_send,
	.broadcast_take = pgsql_broadcast_take,
	.broadcast_close = pgsql_broadcast_close,
	.bind = bind,
	.step = step,
	.reset = reset,
	.changes = changes,
	.i64 = read_i64,
	.is_null = read_is_null,
	.text = read_text,
	.blob = read_blob,
	.begin = pgsql_begin,
	.end = pgsql_end,
	.save = pgsql_save,
	.save_end = pgsql_save_end,
	.is_writing = pgsql_is_writing,
	.take_conflict = take_conflict,
	.sync = sync_nothing,
	.log_bytes = no_log,
	.checkpoint = checkpoint_nothing,
	.rebuild = rebuild_nothing,
	.seal_file = seal_nothing,
};
