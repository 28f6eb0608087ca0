/* Schema steps on PostgreSQL, forward only, each in a transaction of its own, and what a server
 * must be like. */
#include "pgsql_internal.h"

#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made by the Makefile from sql/schema/NNNN_*.sql and pgsql_schema.sed, in order. */
extern const char *const pgsql_schema_steps[];
extern const int pgsql_schema_steps_len;

bool
pgsql_refuse(char *error, const char *why)
{
	snprintf(error, DB_ERROR_BYTES, "PostgreSQL: %.*s", (int)strcspn(why, "\n"), why);
	return false;
}

bool
pgsql_run(PGconn *c, const char *sql, char error[static DB_ERROR_BYTES])
{
	PGresult *r = PQexec(c, sql);
	const bool ok =
	    PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;

	if (!ok)
		pgsql_refuse(error, PQerrorMessage(c));
	PQclear(r);
	return ok;
}

int64_t
pgsql_ask(PGconn *c, const char *sql, int64_t missing)
{
	PGresult *r = PQexec(c, sql);
	const int64_t n = PQntuples(r) > 0 ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : missing;

	PQclear(r);
	return n;
}

/* A setting of the server by which it writes down more than a relay may let it, and what must be
 * set instead. */
static const struct {
	const char *name, *is_well, *mends, *value;
} settings[] = {
	{ "log_statement", "current_setting('log_statement') = 'none'", "log_statement", "'none'" },
	{ "log_min_duration_statement",
	    "current_setting('log_min_duration_statement') = '-1' OR"
	    " current_setting('log_parameter_max_length') = '0'",
	    "log_parameter_max_length", "0" },
	{ "log_parameter_max_length_on_error",
	    "current_setting('log_parameter_max_length_on_error') = '0'",
	    "log_parameter_max_length_on_error", "0" },
};

/* What people write is not to be written down elsewhere. */
bool
pgsql_check_settings(PGconn *c, char error[static DB_ERROR_BYTES])
{
	char sql[256];

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(
		    sql, sizeof(sql), "SELECT CASE WHEN %s THEN 1 ELSE 0 END", settings[i].is_well);
		if (pgsql_ask(c, sql, 0))
			continue;
		snprintf(error, DB_ERROR_BYTES,
		    "PostgreSQL: by its setting %s it would write down what people say; as its "
		    "superuser run: ALTER DATABASE \"%s\" SET %s = %s;",
		    settings[i].name, PQdb(c), settings[i].mends, settings[i].value);
		return false;
	}
	if (!pgsql_ask(c,
		"SELECT CASE WHEN current_setting('server_encoding') = 'UTF8' THEN 1 ELSE 0 END",
		0))
		return pgsql_refuse(error, "the encoding of the database must be UTF8");
	if (PQserverVersion(c) >= 150000)
		return true;
	return pgsql_refuse(error, "version 15 or newer is needed");
}

static int
version_of(PGconn *c)
{
	return (int)pgsql_ask(c, "SELECT max(number) FROM schema_step HAVING count(*) > 0", 0);
}

bool
pgsql_check(PGconn *c, char error[static DB_ERROR_BYTES])
{
	const int version = version_of(c);

	if (!pgsql_check_settings(c, error))
		return false;
	if (version == db_schema_version())
		return true;
	snprintf(error, DB_ERROR_BYTES, "PostgreSQL: schema version %d, this program needs %d; %s",
	    version, db_schema_version(),
	    version < db_schema_version() ? "starting the relay brings it up to date" :
					    "it was made by a newer relay");
	return false;
}

bool
pgsql_check_in_use(PGconn *c, char error[static DB_ERROR_BYTES])
{
	return pgsql_ask(c, "SELECT count(left_by) FROM this_database", 0) == 0 ||
	    pgsql_refuse(error, ENGINE_LEFT);
}

static bool
run_step(PGconn *c, int step, char *error)
{
	char done[128], why[DB_ERROR_BYTES];

	snprintf(
	    done, sizeof(done), "INSERT INTO schema_step (number) VALUES (%d); COMMIT", step + 1);
	if (pgsql_run(c, "BEGIN", why) && pgsql_run(c, pgsql_schema_steps[step], why) &&
	    pgsql_run(c, done, why))
		return true;
	snprintf(error, DB_ERROR_BYTES, "PostgreSQL: schema step %d: %.400s", step + 1, why);
	return false;
}

/* With the lock of who changes the schema, which ends with the connection. */
static bool
migrate(PGconn *c, char *error)
{
	int version;

	if (!pgsql_check_settings(c, error) ||
	    !pgsql_run(c, "SELECT pg_advisory_lock(" PGSQL_MIGRATION ")", error) ||
	    !pgsql_run(c,
		"CREATE TABLE IF NOT EXISTS schema_step (number BIGINT PRIMARY KEY);"
		"CREATE TABLE IF NOT EXISTS last_commit (slot BYTEA PRIMARY KEY,"
		" number BIGINT NOT NULL) WITH (fillfactor = 50)",
		error))
		return false;
	version = version_of(c);
	if (version > pgsql_schema_steps_len) {
		snprintf(error, DB_ERROR_BYTES,
		    "PostgreSQL: made by a newer relay (schema %d, this one knows %d); install "
		    "that version again",
		    version, pgsql_schema_steps_len);
		return false;
	}
	if (version > 0 && version < pgsql_schema_steps_len)
		log_info("PostgreSQL: the schema changes from %d to %d", version,
		    pgsql_schema_steps_len);
	for (; version < pgsql_schema_steps_len; version++)
		if (!run_step(c, version, error))
			return false;
	return pgsql_check_in_use(c, error);
}

bool
pgsql_migrate(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	PGconn *c = pgsql_connect(o->url, error);
	const bool ok = c && migrate(c, error);

	PQfinish(c);
	return ok;
}

bool
pgsql_is_up(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	PGconn *c = pgsql_connect(o->url, error);
	const bool ok = c && pgsql_check_settings(c, error);

	PQfinish(c);
	return ok;
}

/* In doubt it is: no other key must be made then. */
bool
pgsql_is_keyed(const struct db_options *o)
{
	char error[DB_ERROR_BYTES];
	PGconn *c = pgsql_connect(o->url, error);
	const bool keyed = !c ||
	    pgsql_ask(c,
		"SELECT 1 FROM meta WHERE keyed <> 0 OR EXISTS (SELECT 1 FROM retired_address)", 0);

	PQfinish(c);
	return keyed;
}

bool
pgsql_note_keyed(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	PGconn *c = pgsql_connect(o->url, error);
	const bool ok = c && pgsql_run(c, "UPDATE meta SET keyed = 1 WHERE keyed = 0", error);

	PQfinish(c);
	return ok;
}
