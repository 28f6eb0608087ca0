/* The PostgreSQL engine: one connection in pipeline mode, every statement prepared by name, values
 * binary. A connection that is lost is made anew; what was under way is busy until then. */
#include "pgsql_internal.h"

#include "bulk_internal.h"
#include "log.h"

#include <endian.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pgsql_stmt *
own(struct db_stmt *st)
{
	return (struct pgsql_stmt *)st;
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
	e->even_left = o->even_left;
	randombytes_buf(e->slot, sizeof(e->slot));
	for (int i = 0; i < ST__MAX; i++) {
		e->stmts[i] = (struct pgsql_stmt){ .base = { &engine_pgsql }, .e = e, .which = i };
		for (int k = 0; k < PGSQL_PARAMETERS; k++)
			e->stmts[i].formats[k] = 1;
	}
	if (pgsql_connect_all(e, error))
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

static bool
send_now(struct pgsql_stmt *s)
{
	PGconn *c = s->e->c;

	return PQsendQueryPrepared(c, engine_statements[s->which].name, s->len, s->values,
		   s->lengths, s->formats, 1) &&
	    (s->e->writing ? PQsendFlushRequest(c) : PQpipelineSync(c)) && PQflush(c) >= 0;
}

static enum db_result
begin_rows(struct pgsql_stmt *s)
{
	s->row = -1;
	s->e->changed = strncmp(PQcmdStatus(s->rows), "SELECT", 6) == 0 ?
	    -1 :
	    strtoll(PQcmdTuples(s->rows), NULL, 10);
	return DB_DONE;
}

/* Sends the statement, unless that was done ahead, and has all its rows. By itself it is a
 * transaction; inside one, an error leaves nothing to be done but to take it back. */
static enum db_result
run(struct pgsql_stmt *s)
{
	struct pgsql *e = s->e;
	enum db_result r;

	s->rows = e->writing ? pgsql_prefetch_take(e, s) : NULL;
	if (s->rows)
		return begin_rows(s);
	if (e->writing && e->bad)
		return e->why;
	if (!e->writing && !pgsql_is_there(e))
		return DB_BUSY;
	if (!send_now(s)) {
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
	return r == DB_DONE ? begin_rows(s) : r;
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

/* By itself it is a transaction, and is waited for. Inside one it travels with what is waited for
 * next, unless much is on its way already. */
static enum db_result
send(struct engine *base, struct db_stmt *st)
{
	struct pgsql *e = pgsql_of(base);
	struct pgsql_stmt *s = own(st);
	enum db_result r = DB_DONE;

	if (!e->writing) {
		r = run(s);
	} else if (!e->bad) {
		pgsql_send_statement(e, s);
	}
	if (e->sent >= PGSQL_SENT || e->sent_bytes > PGSQL_SENT_BYTES)
		pgsql_wait(base);
	reset(st);
	return e->bad ? e->why : r;
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
	.turn_us = 20000,
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
	.send = send,
	.prefetch = pgsql_prefetch,
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
	.wait = pgsql_wait,
	.is_writing = pgsql_is_writing,
	.take_conflict = take_conflict,
	.sync = sync_nothing,
	.bytes = pgsql_bytes,
	.log_bytes = no_log,
	.checkpoint = checkpoint_nothing,
	.rebuild = rebuild_nothing,
	.seal_file = seal_nothing,
	.bulk = &bulk_pgsql,
};
