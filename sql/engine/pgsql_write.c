/* Transactions of the PostgreSQL engine. As with SQLite one relay writes at a time, here of all
 * machines: rules of the store lean on it. Whether a commit was made whose connection was lost is
 * looked up before anybody is told. */
#include "pgsql_internal.h"

#include "clock.h"
#include "log.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUESTION_MS 3000 /* so long the fate of a commit is asked for */
#define QUESTION_PAUSE_US 50000

static const struct {
	const char *name, *text;
} own[] = {
	{ "W_BEGIN", "BEGIN" },
	/* the statement after it sees what the one before had committed */
	{ "W_LOCK",
	    "SELECT set_config('lock_timeout', $1, true), pg_advisory_xact_lock(" PGSQL_WRITERS
	    ")" },
	{ "W_NOTE",
	    "INSERT INTO last_commit (slot, number) VALUES ($1, $2)"
	    " ON CONFLICT (slot) DO UPDATE SET number = excluded.number" },
	{ "W_NOTED", "SELECT 1 FROM last_commit WHERE slot = $1 AND number = $2" },
	{ "W_LEAD",
	    "SELECT CASE WHEN pg_try_advisory_lock(" PGSQL_LEADERS
	    ", CAST($1 AS INTEGER)) THEN 1 ELSE 0 END" },
	{ "W_SIZE", "SELECT pg_database_size(current_database())" },
	{ "W_COMMIT", "COMMIT" },
	{ "W_ROLLBACK", "ROLLBACK" },
	{ "W_SAVE", "SAVEPOINT part" },
	{ "W_SAVE_BACK", "ROLLBACK TO part" },
	{ "W_SAVE_END", "RELEASE part" },
};

bool
pgsql_prepare_writes(PGconn *c)
{
	static const Oid text[] = { 25 }, note[] = { 17, 20 };
	bool ok = true;

	for (size_t i = 0; ok && i < sizeof(own) / sizeof(own[0]); i++) {
		const bool locks = own[i].name[2] == 'L', /* or leads */
		    notes = strncmp(own[i].name, "W_NOTE", 6) == 0;
		PGresult *r = PQprepare(c, own[i].name, own[i].text,
		    locks     ? 1 :
			notes ? 2 :
				0,
		    notes ? note : text);

		ok = PQresultStatus(r) == PGRES_COMMAND_OK;
		PQclear(r);
	}
	return ok;
}

static void
send(struct pgsql *e, const char *name)
{
	pgsql_send(e, name, 0, NULL, NULL, NULL);
}

/* With where and how this connection notes its commits. */
static void
send_note(struct pgsql *e, const char *name)
{
	const uint64_t number = htobe64(e->commits);
	const char *const values[] = { (const char *)e->slot, (const char *)&number };
	const int lengths[] = { sizeof(e->slot), sizeof(number) }, formats[] = { 1, 1 };

	pgsql_send(e, name, 2, values, lengths, formats);
}

/* Waits for all that was sent. DB_DONE, or what spoiled it. */
static enum db_result
flush(struct pgsql *e)
{
	if (e->c && e->pending > 0 && !PQsendFlushRequest(e->c))
		pgsql_lose(e);
	pgsql_drain(e);
	if (!e->c)
		pgsql_spoil(e, DB_BUSY);
	return e->bad ? e->why : DB_DONE;
}

/* What comes next is carried out again, whatever failed before. False: the connection is lost. */
static bool
end_pipeline(struct pgsql *e)
{
	if (e->c && !PQpipelineSync(e->c))
		pgsql_lose(e);
	return e->c && pgsql_sync(e);
}

/* Ends the transaction with nothing of it kept. */
static void
take_back(struct pgsql *e)
{
	e->writing = false;
	if (end_pipeline(e)) {
		e->bad = false;
		send(e, "W_ROLLBACK");
		end_pipeline(e);
	}
	e->bad = false;
}

enum db_result
pgsql_begin(struct engine *base, int timeout_ms)
{
	struct pgsql *e = pgsql_of(base);
	char timeout[16];
	const char *const values[] = { timeout };
	enum db_result r;

	if (!pgsql_is_there(e))
		return DB_BUSY;
	/* to PostgreSQL 0 is for ever */
	snprintf(timeout, sizeof(timeout), "%d", timeout_ms > 0 ? timeout_ms : 1);
	e->bad = false;
	e->writing = true;
	send(e, "W_BEGIN");
	pgsql_send(e, "W_LOCK", 1, values, NULL, NULL);
	r = flush(e);
	if (r != DB_DONE)
		take_back(e);
	return r;
}

/* Was the last commit made? The lock is to be had once the server has ended what the old connection
 * had begun, so the response is final. DB_DONE, or DB_BUSY: it was not, or nobody knows. */
static enum db_result
look_up(struct pgsql *e)
{
	const int64_t until = clock_mono_ms() + QUESTION_MS;
	enum db_result r;
	int rows = 0;

	while (clock_mono_ms() < until) {
		usleep(QUESTION_PAUSE_US);
		r = pgsql_begin(&e->base, QUESTION_MS);
		if (r != DB_DONE)
			continue;
		send_note(e, "W_NOTED");
		PQsendFlushRequest(e->c);
		if (e->pending > 0) {
			PGresult *row = pgsql_result(e);

			e->pending--;
			r = pgsql_translate(e, row);
			rows = PQntuples(row);
			PQclear(row);
		}
		take_back(e);
		if (r == DB_DONE) {
			log_info("PostgreSQL: a commit whose connection was lost %s",
			    rows ? "was made" : "was not made");
			return rows ? DB_DONE : DB_BUSY;
		}
	}
	log_error("PostgreSQL: whether the last commit was made is not known");
	return DB_BUSY;
}

enum db_result
pgsql_end(struct engine *base, bool commit)
{
	struct pgsql *e = pgsql_of(base);
	enum db_result r;

	if (!commit || e->bad) {
		r = commit ? e->why : DB_DONE;
		take_back(e);
		return r;
	}
	e->commits++;
	send_note(e, "W_NOTE");
	send(e, "W_COMMIT");
	if (e->c && !PQpipelineSync(e->c))
		pgsql_lose(e);
	e->timeout_ms = PGSQL_COMMIT_TIMEOUT_MS;
	pgsql_drain(e); /* an error of what was pending leaves the COMMIT undone */
	if (e->c)
		pgsql_sync(e);
	e->timeout_ms = PGSQL_TIMEOUT_MS;
	e->writing = false;
	if (!e->c) {
		e->bad = false;
		return look_up(e);
	}
	r = e->bad ? e->why : DB_DONE;
	if (PQtransactionStatus(e->c) != PQTRANS_IDLE)
		take_back(e);
	e->bad = false;
	return r;
}

enum db_result
pgsql_wait(struct engine *base)
{
	struct pgsql *e = pgsql_of(base);

	if (e->sent > 0)
		return flush(e);
	return e->bad ? e->why : DB_DONE;
}

enum db_result
pgsql_save(struct engine *base)
{
	struct pgsql *e = pgsql_of(base);

	if (!e->bad)
		send(e, "W_SAVE");
	return e->bad ? e->why : DB_DONE;
}

/* After an error the server hears nothing until the pipeline was brought to its end. */
enum db_result
pgsql_save_end(struct engine *base, bool keep)
{
	struct pgsql *e = pgsql_of(base);
	enum db_result r;

	pgsql_prefetch_drop(e);
	if (keep && !e->bad) {
		send(e, "W_SAVE_END");
		return e->bad ? e->why : DB_DONE;
	}
	r = e->bad && (keep || !e->c) ? e->why : DB_DONE;
	if (!end_pipeline(e))
		return DB_BUSY;
	e->bad = false;
	send(e, "W_SAVE_BACK");
	send(e, "W_SAVE_END");
	return flush(e) == DB_DONE ? r : e->why;
}

bool
pgsql_is_writing(const struct engine *e)
{
	return ((const struct pgsql *)e)->writing;
}

/* Runs one of them outside of a transaction. Its number; 0: it could not be had. */
static int64_t
ask_number(struct pgsql *e, const char *name, int len, const char *const *values)
{
	int64_t number = 0;
	PGresult *r;

	if (!PQsendQueryPrepared(e->c, name, len, values, NULL, NULL, 0) || !PQpipelineSync(e->c))
		return 0;
	r = pgsql_result(e);
	if (pgsql_translate(e, r) == DB_DONE)
		number = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	if (e->c)
		pgsql_sync(e);
	return number;
}

/* The lock is the connection's: when that goes, so does the role. */
bool
pgsql_leads(struct engine *base, int role)
{
	struct pgsql *e = pgsql_of(base);
	char text[16];
	const char *const values[] = { text };
	const uint64_t bit = UINT64_C(1) << (role & 63);

	if (!pgsql_is_there(e))
		return false;
	snprintf(text, sizeof(text), "%d", role & 63);
	if (!(e->leads & bit) && ask_number(e, "W_LEAD", 1, values) == 1)
		e->leads |= bit;
	return e->leads & bit;
}

int64_t
pgsql_bytes(struct engine *base)
{
	struct pgsql *e = pgsql_of(base);

	return !e->writing && pgsql_is_there(e) ? ask_number(e, "W_SIZE", 0, NULL) : 0;
}
