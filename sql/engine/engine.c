/* Which engine it is, and the way there. */
#include "engine_internal.h"

#include <stdio.h>

const struct engine_statement engine_statements[ST__MAX] = {
#define STMT(name, kinds, text) { #name, kinds, text },
#include "stmt.def"
#undef STMT
};

const struct engine_driver *
engine_driver_of(const struct db_options *o, char *error)
{
	if (!o->url || !o->url[0])
		return &engine_sqlite;
	if (!&engine_pgsql && error)
		snprintf(error, DB_ERROR_BYTES,
		    "DATABASE_URL: this relay was built without PostgreSQL; make PG=1 builds it "
		    "in");
	return &engine_pgsql;
}

bool
engine_is_file(const struct db_options *o)
{
	return engine_driver_of(o, NULL) == &engine_sqlite;
}

bool
engine_is_there(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d && (!d->is_there || d->is_there(o, error));
}

int
db_schema_version(void)
{
	return schema_steps_len;
}

bool
db_migrate(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d && d->migrate(o, error);
}

bool
db_is_keyed(const struct db_options *o)
{
	const struct engine_driver *d = engine_driver_of(o, NULL);

	return d && d->is_keyed(o);
}

bool
db_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d && d->note_keyed(o, error);
}

bool
db_backup(const struct db_options *o, const char *path, bool with_content,
    void (*step)(int left, int total), char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d && d->backup(o, path, with_content, step, error);
}

enum db_result
db_quick_check(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d ? d->quick_check(o, error) : DB_FAIL;
}

struct engine *
engine_open(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d ? d->open(o, error) : NULL;
}

void
engine_close(struct engine *e)
{
	if (e)
		e->driver->close(e);
}

bool
engine_check(struct engine *e, char error[static DB_ERROR_BYTES])
{
	return !e->driver->check || e->driver->check(e, error);
}

void
engine_seal(struct engine *e)
{
	e->driver->seal(e);
}

bool
engine_is_broken(const struct engine *e)
{
	return e->driver->is_broken(e);
}

bool
engine_is_damaged(const struct engine *e)
{
	return e->driver->is_damaged(e);
}

bool
engine_leads(struct engine *e, int role)
{
	return !e->driver->leads || e->driver->leads(e, role);
}

struct db_broadcast *
db_broadcast_open(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct engine_driver *d = engine_driver_of(o, error);

	if (d && !d->broadcast_open)
		snprintf(error, DB_ERROR_BYTES, "there is only one machine");
	return d && d->broadcast_open ? d->broadcast_open(o, error) : NULL;
}

int
db_broadcast_fd(const struct db_broadcast *b)
{
	return b->driver->broadcast_fd(b);
}

bool
db_broadcast_send(struct db_broadcast *b, const char *text)
{
	return b->driver->broadcast_send(b, text);
}

bool
db_broadcast_take(struct db_broadcast *b, void (*each)(const char *text, void *arg), void *arg)
{
	return b->driver->broadcast_take(b, each, arg);
}

void
db_broadcast_close(struct db_broadcast *b)
{
	if (b)
		b->driver->broadcast_close(b);
}

struct db_stmt *
engine_bind(struct engine *e, enum stmt which, va_list ap)
{
	return e->driver->bind(e, which, ap);
}

enum db_result
engine_step(struct engine *e, struct db_stmt *st)
{
	return e->driver->step(e, st);
}

enum db_result
engine_send(struct engine *e, struct db_stmt *st)
{
	enum db_result r;

	if (e->driver->send)
		return e->driver->send(e, st);
	r = engine_step(e, st);
	if (r == DB_ROW)
		engine_reset(st);
	return r == DB_ROW ? DB_DONE : r;
}

void
engine_prefetch(struct engine *e, enum stmt which, va_list ap)
{
	if (e->driver->prefetch)
		e->driver->prefetch(e, e->driver->bind(e, which, ap));
}

void
engine_reset(struct db_stmt *st)
{
	st->driver->reset(st);
}

int64_t
engine_changes(const struct engine *e, struct db_stmt *st)
{
	return e->driver->changes(e, st);
}

int64_t
engine_i64(struct db_stmt *st, int column)
{
	return st->driver->i64(st, column);
}

bool
engine_is_null(struct db_stmt *st, int column)
{
	return st->driver->is_null(st, column);
}

const char *
engine_text(struct db_stmt *st, int column, size_t *len)
{
	return st->driver->text(st, column, len);
}

const void *
engine_blob(struct db_stmt *st, int column, size_t *len)
{
	return st->driver->blob(st, column, len);
}

enum db_result
engine_begin(struct engine *e, int timeout_ms)
{
	return e->driver->begin(e, timeout_ms);
}

enum db_result
engine_end(struct engine *e, bool commit)
{
	return e->driver->end(e, commit);
}

enum db_result
engine_save(struct engine *e)
{
	return e->driver->save(e);
}

enum db_result
engine_save_end(struct engine *e, bool keep)
{
	return e->driver->save_end(e, keep);
}

enum db_result
engine_wait(struct engine *e)
{
	return e->driver->wait ? e->driver->wait(e) : DB_DONE;
}

int64_t
engine_turn_us(const struct engine *e)
{
	return e->driver->turn_us;
}

bool
engine_is_writing(const struct engine *e)
{
	return e->driver->is_writing(e);
}

bool
engine_take_conflict(struct engine *e)
{
	return e->driver->take_conflict && e->driver->take_conflict(e);
}

bool
engine_sync(struct engine *e)
{
	return e->driver->sync(e);
}

int64_t
engine_bytes(struct engine *e)
{
	return e->driver->bytes(e);
}

int64_t
engine_log_bytes(const struct engine *e)
{
	return e->driver->log_bytes(e);
}

enum db_result
engine_checkpoint(struct engine *e, int timeout_ms)
{
	return e->driver->checkpoint(e, timeout_ms);
}

enum db_result
engine_rebuild(struct engine *e, const struct db_options *o)
{
	return e->driver->rebuild(e, o);
}

enum db_result
engine_seal_file(struct engine *e)
{
	return e->driver->seal_file(e);
}
