/* What relays of several machines tell each other: LISTEN and NOTIFY, on a connection of its own.
 */
#include "pgsql_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct broadcast {
	struct db_broadcast base;
	PGconn *c;
};

static struct broadcast *
own(struct db_broadcast *b)
{
	return (struct broadcast *)b;
}

struct db_broadcast *
pgsql_broadcast_open(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	struct broadcast *b = calloc(1, sizeof(*b));

	if (!b) {
		pgsql_refuse(error, "out of memory");
		return NULL;
	}
	b->base.driver = &engine_pgsql;
	b->c = pgsql_connect(o->url, error);
	if (b->c && pgsql_run(b->c, "LISTEN webchat_relay", error))
		return &b->base;
	pgsql_broadcast_close(&b->base);
	return NULL;
}

void
pgsql_broadcast_close(struct db_broadcast *b)
{
	PQfinish(own(b)->c);
	free(b);
}

int
pgsql_broadcast_fd(const struct db_broadcast *b)
{
	return PQsocket(((const struct broadcast *)b)->c);
}

bool
pgsql_broadcast_send(struct db_broadcast *b, const char *text)
{
	const char *const values[] = { text };
	PGresult *r = PQexecParams(
	    own(b)->c, "SELECT pg_notify('webchat_relay', $1)", 1, NULL, values, NULL, NULL, 0);
	const bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;

	PQclear(r);
	return ok;
}

bool
pgsql_broadcast_take(struct db_broadcast *b, void (*each)(const char *text, void *arg), void *arg)
{
	PGconn *c = own(b)->c;
	PGnotify *n;

	if (!PQconsumeInput(c) || PQstatus(c) != CONNECTION_OK)
		return false;
	while ((n = PQnotifies(c))) {
		if (n->be_pid != PQbackendPID(c)) /* our own come, too */
			each(n->extra, arg);
		PQfreemem(n);
	}
	return true;
}
