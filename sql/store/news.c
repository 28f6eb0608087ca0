/* Collecting accounts with news. */
#include "news.h"

#include <stdlib.h>

#define FIRST_ROOM 64
#define MOST WAKE_BITS /* more than that would not tell anybody else */

struct news_list {
	int64_t *accounts;
	size_t len, room;
};

struct news {
	struct news_list lists[WAKE__KINDS];
	db_tell *tell;
	void *arg;
};

bool
db_on_news(struct db *db, db_tell *tell, void *arg)
{
	if (!db->news)
		db->news = calloc(1, sizeof(*db->news));
	if (!db->news)
		return false;
	db->news->tell = tell;
	db->news->arg = arg;
	return true;
}

static bool
make_room(struct news_list *l)
{
	size_t room = l->room ? l->room * 2 : FIRST_ROOM;
	int64_t *more;

	if (l->len < l->room)
		return true;
	more = room <= MOST ? realloc(l->accounts, room * sizeof(*more)) : NULL;
	if (!more)
		return false;
	l->accounts = more;
	l->room = room;
	return true;
}

void
news_for(struct db *db, enum wake_kind kind, int64_t account_id)
{
	struct news_list *l = db->news ? &db->news->lists[kind] : NULL;

	if (!l || account_id < 1 || (l->len && l->accounts[l->len - 1] == account_id) ||
	    !make_room(l))
		return;
	l->accounts[l->len++] = account_id;
}

enum db_result
news_exec(struct db *db, enum wake_kind kind, enum stmt which, ...)
{
	struct db_stmt *st;
	enum db_result r;
	bool any = false;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	for (; (r = db_step(db, st)) == DB_ROW; any = true)
		news_for(db, kind, db_i64(st, 0));
	return r == DB_DONE && !any ? DB_NONE : r;
}

void
news_end(struct db *db, bool committed)
{
	for (int kind = 0; db->news && kind < WAKE__KINDS; kind++) {
		struct news_list *l = &db->news->lists[kind];

		if (committed && l->len)
			db->news->tell(db->news->arg, (enum wake_kind)kind, l->accounts, l->len);
		l->len = 0;
	}
}

void
news_free(struct db *db)
{
	for (int kind = 0; db->news && kind < WAKE__KINDS; kind++)
		free(db->news->lists[kind].accounts);
	free(db->news);
	db->news = NULL;
}
