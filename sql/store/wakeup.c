/* Collecting the accounts that a write wakes. */
#include "wakeup.h"

#include <stdlib.h>

#define FIRST_ROOM 64
#define MOST WAKE_BITS /* more than that would wake nobody else */

struct wakeup_list {
	int64_t *accounts;
	size_t len, room, saved; /* saved: before the write under way */
};

struct wakeup {
	struct wakeup_list lists[WAKE__KINDS];
	db_notify *notify;
	void *arg;
};

bool
db_on_wakeup(struct db *db, db_notify *notify, void *arg)
{
	if (!db->wakeup)
		db->wakeup = calloc(1, sizeof(*db->wakeup));
	if (!db->wakeup)
		return false;
	db->wakeup->notify = notify;
	db->wakeup->arg = arg;
	return true;
}

static bool
make_room(struct wakeup_list *l)
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

static void
notify_all(void *arg, bool stored)
{
	struct wakeup *w = arg;

	for (int kind = 0; kind < WAKE__KINDS; kind++) {
		struct wakeup_list *l = &w->lists[kind];

		if (stored && l->len)
			w->notify(w->arg, (enum wake_kind)kind, l->accounts, l->len);
		l->len = 0;
	}
}

void
wakeup_for(struct db *db, enum wake_kind kind, int64_t account_id)
{
	struct wakeup_list *l = db->wakeup ? &db->wakeup->lists[kind] : NULL;

	if (!l || account_id < 1 || (l->len && l->accounts[l->len - 1] == account_id) ||
	    !make_room(l))
		return;
	l->accounts[l->len++] = account_id;
	db_after(db, notify_all, db->wakeup);
}

enum db_result
wakeup_exec(struct db *db, enum wake_kind kind, enum stmt which, ...)
{
	struct db_stmt *st;
	enum db_result r;
	bool any = false;
	va_list ap;

	va_start(ap, which);
	st = engine_bind(db->engine, which, ap);
	va_end(ap);
	for (; (r = db_step(db, st)) == DB_ROW; any = true)
		wakeup_for(db, kind, db_i64(st, 0));
	return r == DB_DONE && !any ? DB_NONE : r;
}

void
wakeup_save(struct db *db)
{
	for (int kind = 0; db->wakeup && kind < WAKE__KINDS; kind++)
		db->wakeup->lists[kind].saved = db->wakeup->lists[kind].len;
}

void
wakeup_back(struct db *db)
{
	for (int kind = 0; db->wakeup && kind < WAKE__KINDS; kind++)
		db->wakeup->lists[kind].len = db->wakeup->lists[kind].saved;
}

void
wakeup_free(struct db *db)
{
	for (int kind = 0; db->wakeup && kind < WAKE__KINDS; kind++)
		free(db->wakeup->lists[kind].accounts);
	free(db->wakeup);
	db->wakeup = NULL;
}
