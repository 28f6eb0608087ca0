/* The connection of the PostgreSQL engine: made, prepared, lost and made anew; and its pipeline, in
 * which results are read in the order of the commands. */
#include "pgsql_internal.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define RETRY_PAUSE_MS 250 /* while there is no server */
/* Who holds the writers' lock and says nothing for so long is cut off. */
#define LONGEST_WRITE_MS 10000

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

bool
pgsql_connect_all(struct pgsql *e, char error[static DB_ERROR_BYTES])
{
	e->c = pgsql_connect(e->url, error);
	if (e->c && pgsql_check(e->c, error) && (e->even_left || pgsql_check_in_use(e->c, error)) &&
	    pgsql_run(e->c,
		e->full_durability ? "SET synchronous_commit = on" : "SET synchronous_commit = off",
		error) &&
	    prepare_all(e->c, error)) {
		e->timeout_ms = PGSQL_TIMEOUT_MS;
		return true;
	}
	pgsql_lose(e);
	return false;
}

static void
forget_pending(struct pgsql *e)
{
	e->pending = e->sent = 0;
	e->sent_bytes = 0;
}

void
pgsql_lose(struct pgsql *e)
{
	PQfinish(e->c);
	e->c = NULL;
	forget_pending(e);
	pgsql_prefetch_drop(e);
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
	if (pgsql_connect_all(e, error)) {
		log_info("PostgreSQL: connected again");
		return true;
	}
	log_warn("%s", error);
	return false;
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

/* False: a server that is frozen, or waits for a replica, says nothing for too long. */
static bool
has_result(struct pgsql *e)
{
	const int64_t until = clock_mono_ms() + e->timeout_ms;
	struct pollfd p = { .fd = PQsocket(e->c), .events = POLLIN };

	if (PQflush(e->c) < 0)
		return true; /* PQgetResult says why */
	while (PQisBusy(e->c)) {
		const int64_t left = until - clock_mono_ms();

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return false;
		if (!PQconsumeInput(e->c))
			return true;
	}
	return true;
}

/* PQgetResult, but nobody waits for ever: the connection is lost then. */
static PGresult *
next_result(struct pgsql *e)
{
	if (!e->c || has_result(e))
		return PQgetResult(e->c);
	log_error("PostgreSQL: the server says nothing");
	pgsql_lose(e);
	return NULL;
}

void
pgsql_send(struct pgsql *e, const char *name, int len, const char *const *values,
    const int *lengths, const int *formats)
{
	if (e->c && PQsendQueryPrepared(e->c, name, len, values, lengths, formats, 1)) {
		e->commands++;
		e->pending++;
	} else {
		pgsql_spoil(e, DB_BUSY);
	}
}

void
pgsql_send_statement(struct pgsql *e, const struct pgsql_stmt *s)
{
	for (int i = 0; i < s->len; i++)
		e->sent_bytes += (size_t)s->lengths[i];
	e->sent++;
	pgsql_send(e, engine_statements[s->which].name, s->len, s->values, s->lengths, s->formats);
}

PGresult *
pgsql_result(struct pgsql *e)
{
	PGresult *r = next_result(e);

	if (!r)
		return PQmakeEmptyPGresult(e->c, PGRES_FATAL_ERROR);
	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC)
		PQclear(next_result(e)); /* the NULL behind it */
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
		if (done != DB_DONE ||
		    !pgsql_prefetch_keep(e, e->commands - (uint64_t)e->pending, r))
			PQclear(r);
		if (!e->c)
			return;
	}
	forget_pending(e);
}

bool
pgsql_sync(struct pgsql *e)
{
	bool synced = false;
	int nothing = 0; /* times in a row; once is what stands between two results */

	forget_pending(e);
	pgsql_prefetch_drop(e);
	while (e->c && !synced) {
		PGresult *r = next_result(e);

		synced = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
		PQclear(r);
		nothing = r ? 0 : nothing + 1;
		if (!r && (PQstatus(e->c) != CONNECTION_OK || nothing > 1))
			pgsql_lose(e);
	}
	return synced;
}
