/* Whole tables of a PostgreSQL database, by its binary COPY, in one transaction that has the
 * writers' lock. */
#include "pgsql_internal.h"

#include "bulk_internal.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "PGCOPY\n\377\r\n"
#define LEAVING_MS 3000
#define LEAVING_PAUSE_US 50000
#define HEADER_BYTES 19 /* and its NUL, flags, and the length of what may follow */

struct server {
	struct bulk base;
	PGconn *c;
	char *line; /* what COPY has brought */
	bool first; /* its header comes before the next row */
	char table[BULK_NAME_BYTES]; /* that is written */
};

static struct server *
own(struct bulk *b)
{
	return (struct server *)b;
}

static bool
fail(struct server *s)
{
	return pgsql_refuse(s->base.error, PQerrorMessage(s->c));
}

static bool
run(struct bulk *b, const char *sql)
{
	return pgsql_run(own(b)->c, sql, b->error);
}

static bool
ask_of(PGconn *c, const char *sql, char out[static BULK_ID_BYTES])
{
	PGresult *r = PQexec(c, sql);
	const bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;

	snprintf(out, BULK_ID_BYTES, "%s", ok && PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return ok;
}

static bool
ask(struct bulk *b, const char *sql, char out[static BULK_ID_BYTES])
{
	return ask_of(own(b)->c, sql, out) || fail(own(b));
}

/* -- opening and closing ----------------------------------------------------------------------- */

static void
close_server(struct bulk *b)
{
	struct server *s = own(b);

	PQfreemem(s->line);
	PQfinish(s->c);
	free(s);
}

#define OTHERS \
	"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()" \
	" AND application_name = current_setting('application_name')" \
	" AND pid <> pg_backend_pid()"

/* Relays of other machines would go on writing to it after it was moved. Those who just left are
 * seen for a moment. */
static bool
is_alone(PGconn *c, char *error)
{
	const int64_t until = clock_mono_ms() + LEAVING_MS;

	while (pgsql_ask(c, OTHERS, 1) > 0) {
		if (clock_mono_ms() > until)
			return pgsql_refuse(
			    error, "a relay of another machine is connected; stop it first");
		usleep(LEAVING_PAUSE_US);
	}
	return true;
}

/* The lock is had first, so that the snapshot is of all that was written. */
static bool
begin(PGconn *c, const struct db_options *o, char *error)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
	    "SET lock_timeout = %d; SELECT pg_advisory_lock(" PGSQL_WRITERS ");"
	    "SET lock_timeout = 0",
	    o->busy_timeout_ms > 0 ? o->busy_timeout_ms : 1);
	return pgsql_run(c, sql, error) &&
	    pgsql_run(c, "BEGIN ISOLATION LEVEL REPEATABLE READ", error);
}

static struct bulk *
open_server(const struct db_options *o, bool fill, char error[static DB_ERROR_BYTES])
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s) {
		pgsql_refuse(error, "out of memory");
		return NULL;
	}
	s->base.driver = &bulk_pgsql;
	s->c = pgsql_connect(o->url, error);
	if (s->c && pgsql_check(s->c, error) && (fill || is_alone(s->c, error)) &&
	    begin(s->c, o, error))
		return &s->base;
	close_server(&s->base);
	return NULL;
}

static bool
commit(struct bulk *b)
{
	return run(b, "COMMIT");
}

static void
analyze(const struct db_options *o)
{
	char error[DB_ERROR_BYTES];
	PGconn *c = pgsql_connect(o->url, error);

	if (c)
		pgsql_run(c, "SET statement_timeout = 0; ANALYZE", error);
	PQfinish(c);
}

/* -- what is there already --------------------------------------------------------------------- */

/* Does any table hold a row, other than those that a new database has? */
static bool
has_rows(PGconn *c)
{
	PGresult *r = PQexec(c,
	    "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
	    " AND tablename NOT IN (" BULK_OWN_TABLES ", " BULK_NEW_TABLES ")");
	bool found = PQresultStatus(r) != PGRES_TUPLES_OK;
	char sql[256];

	for (int i = 0; i < PQntuples(r) && !found; i++) {
		snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1", PQgetvalue(r, i, 0));
		found = pgsql_ask(c, sql, 0) != 0;
	}
	PQclear(r);
	return found;
}

/* Tables, but none of a relay's. */
static bool
is_foreign(PGconn *c)
{
	return pgsql_ask(c,
		   "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
		   " HAVING count(*) FILTER (WHERE tablename = 'schema_step') = 0",
		   0) > 0;
}

static enum bulk_found
look_at(PGconn *c, const char *id, char *error)
{
	char filled_by[BULK_ID_BYTES];

	if (!pgsql_check_settings(c, error))
		return BULK_UNKNOWN;
	if (ask_of(c, BULK_FILLED_BY, filled_by) && id[0] && strcmp(filled_by, id) == 0)
		return BULK_FILLED;
	if (is_foreign(c))
		pgsql_refuse(error, "the database has tables of something else; make an empty one");
	else if (has_rows(c))
		pgsql_refuse(error, "the database is not empty; make an empty one");
	else if (pgsql_ask(c, "SELECT keyed FROM meta", 0))
		pgsql_refuse(error,
		    "a relay was started on that database, with a server key of its own; make an "
		    "empty one");
	else
		return BULK_EMPTY;
	return BULK_IN_USE;
}

static enum bulk_found
look(const struct db_options *o, const char *id, char error[static DB_ERROR_BYTES])
{
	PGconn *c = pgsql_connect(o->url, error);
	const enum bulk_found found = c ? look_at(c, id, error) : BULK_UNKNOWN;

	PQfinish(c);
	return found;
}

/* -- tables ------------------------------------------------------------------------------------ */

static bool
copy(struct server *s, const struct bulk_table *t, const char *way, ExecStatusType wanted)
{
	char sql[1024];
	PGresult *r;
	bool ok;

	snprintf(sql, sizeof(sql), "COPY %s (%s) %s (FORMAT binary)", t->name, t->columns, way);
	r = PQexec(s->c, sql);
	ok = PQresultStatus(r) == wanted;
	PQclear(r);
	return ok || fail(s);
}

static bool
read_table(struct bulk *b, const struct bulk_table *t)
{
	own(b)->first = true;
	return copy(own(b), t, "TO STDOUT", PGRES_COPY_OUT);
}

/* What the server says at the end of a COPY. */
static bool
copied(struct server *s)
{
	PGresult *r = PQgetResult(s->c);
	const bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;

	if (!ok)
		fail(s);
	for (; r; r = PQgetResult(s->c))
		PQclear(r);
	return ok;
}

/* Each row comes by itself; the end is one of -1 values. */
static enum db_result
next(struct bulk *b, struct bulk_row *row)
{
	struct server *s = own(b);
	int len;

	PQfreemem(s->line);
	s->line = NULL;
	len = PQgetCopyData(s->c, &s->line, 0);
	if (len < 0)
		return copied(s) ? DB_DONE : DB_FAIL;
	row->len = 0;
	if (s->first && len >= HEADER_BYTES) {
		s->first = false;
		bulk_row_set(row, s->line + HEADER_BYTES, (size_t)(len - HEADER_BYTES));
	} else
		bulk_row_set(row, s->line, (size_t)len);
	if (row->full)
		return DB_FULL;
	return row->len <= BULK_ROW_FIRST ? next(b, row) : DB_ROW;
}

/* Triggers keep sums of what they see come; here the sums are copied, too. */
static bool
set_triggers(struct bulk *b, const char *table, const char *word)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "ALTER TABLE %s %s TRIGGER USER", table, word);
	return run(b, sql);
}

static bool
write_table(struct bulk *b, const struct bulk_table *t)
{
	static const char header[HEADER_BYTES] = HEADER;
	struct server *s = own(b);

	snprintf(s->table, sizeof(s->table), "%s", t->name);
	if (!set_triggers(b, t->name, "DISABLE") || !copy(s, t, "FROM STDIN", PGRES_COPY_IN))
		return false;
	return PQputCopyData(s->c, header, sizeof(header)) == 1 || fail(s);
}

static bool
put(struct bulk *b, const struct bulk_row *row)
{
	struct server *s = own(b);

	return PQputCopyData(s->c, (const char *)row->bytes, (int)row->len) == 1 || fail(s);
}

static bool
written(struct bulk *b)
{
	static const char end[] = { '\377', '\377' };
	struct server *s = own(b);

	if (PQputCopyData(s->c, end, sizeof(end)) != 1 || PQputCopyEnd(s->c, NULL) != 1)
		return fail(s);
	return copied(s) && set_triggers(b, s->table, "ENABLE");
}

/* -- numbers that are given out ---------------------------------------------------------------- */

static bool
sequence(struct bulk *b, const struct bulk_table *t, char name[static BULK_ID_BYTES])
{
	char sql[160];

	name[0] = '\0';
	if (strncmp(t->columns, "id,", 3) != 0)
		return true;
	snprintf(sql, sizeof(sql), "SELECT pg_get_serial_sequence('%s', 'id')", t->name);
	return ask(b, sql, name);
}

static bool
last_number(struct bulk *b, const struct bulk_table *t, int64_t *number)
{
	char name[BULK_ID_BYTES], sql[160];
	bool ok = sequence(b, t, name);

	*number = 0;
	if (!ok || !name[0])
		return ok;
	snprintf(sql, sizeof(sql), "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM %s",
	    name);
	*number = pgsql_ask(own(b)->c, sql, -1);
	return *number >= 0 || fail(own(b));
}

static bool
set_last_number(struct bulk *b, const struct bulk_table *t, int64_t number)
{
	char name[BULK_ID_BYTES], sql[160];
	bool ok = sequence(b, t, name);

	if (!ok || !name[0])
		return ok;
	snprintf(sql, sizeof(sql), "SELECT setval('%s', %lld, %s)", name,
	    number > 0 ? (long long)number : 1LL, number > 0 ? "true" : "false");
	return run(b, sql);
}

const struct bulk_driver bulk_pgsql = {
	.look = look,
	.open = open_server,
	.close = close_server,
	.commit = commit,
	.analyze = analyze,
	.run = run,
	.ask = ask,
	.read = read_table,
	.next = next,
	.write = write_table,
	.put = put,
	.written = written,
	.last_number = last_number,
	.set_last_number = set_last_number,
};
