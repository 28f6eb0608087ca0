/* Reads of the PostgreSQL engine that are sent before they are asked for, so that several of them
 * take one wait. What they brought is found by the statement and its parameters. */
#include "pgsql_internal.h"

#include <string.h>

static bool
is_of(const struct pgsql_prefetch *p, const struct pgsql_stmt *s)
{
	bool same = p->s == s;

	for (int i = 0; i < s->len && same; i++)
		same = s->values[i] == (const char *)&s->numbers[i] ?
		    p->numbers[i] == s->numbers[i] && !p->texts[i] :
		    p->texts[i] == s->values[i];
	return same;
}

void
pgsql_prefetch(struct engine *base, struct db_stmt *st)
{
	struct pgsql *e = pgsql_of(base);
	struct pgsql_stmt *s = (struct pgsql_stmt *)st;
	struct pgsql_prefetch *p = &e->prefetches[e->prefetch_count];

	if (e->writing && !e->bad && e->prefetch_count < PGSQL_PREFETCHES &&
	    s->len <= PGSQL_PREFETCH_PARAMETERS) {
		*p = (struct pgsql_prefetch){ .s = s, .command = e->commands };
		for (int i = 0; i < s->len; i++)
			if (s->values[i] == (const char *)&s->numbers[i])
				p->numbers[i] = s->numbers[i];
			else
				p->texts[i] = s->values[i];
		e->prefetch_count++;
		pgsql_send_statement(e, s);
	}
	st->driver->reset(st);
}

bool
pgsql_prefetch_keep(struct pgsql *e, uint64_t command, PGresult *rows)
{
	for (int i = 0; i < e->prefetch_count; i++)
		if (e->prefetches[i].command == command) {
			e->prefetches[i].rows = rows;
			return true;
		}
	return false;
}

PGresult *
pgsql_prefetch_take(struct pgsql *e, const struct pgsql_stmt *s)
{
	for (int i = 0; i < e->prefetch_count && !e->bad; i++) {
		struct pgsql_prefetch *p = &e->prefetches[i];
		PGresult *rows;

		if (!is_of(p, s))
			continue;
		if (!p->rows && pgsql_wait(&e->base) != DB_DONE)
			return NULL;
		rows = p->rows;
		*p = (struct pgsql_prefetch){ .s = NULL };
		return rows;
	}
	return NULL;
}

void
pgsql_prefetch_drop(struct pgsql *e)
{
	for (int i = 0; i < e->prefetch_count; i++)
		PQclear(e->prefetches[i].rows);
	e->prefetch_count = 0;
}
