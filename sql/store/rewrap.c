/* Rows are read before any is written. What nobody can open any more is destroyed, and counted. */
#include "rewrap.h"

#include "cleanup.h"
#include "epoch_state.h"
#include "key.h"
#include "log.h"

#include <string.h>

#define AT_ONCE 200
#define KEYS_MAX 2

/* Tables with keys: their number, the id that they are bound to, then the keys. */
static const struct {
	enum stmt stale, replace;
	int keys;
} tables[] = {
	{ ST_KEY_STALE, ST_KEY_REPLACE, 2 },
	{ ST_PREFS_KEY_STALE, ST_PREFS_KEY_UPDATE, 1 },
};

struct fresh {
	int64_t id;
	struct key_row keys[KEYS_MAX];
};

struct rewrap {
	struct db *db;
	struct epoch_list epochs;
	int64_t lost; /* keys that nobody can unwrap */
	bool moved; /* some */
};

static void
copy(struct key_row *out, const void *data, size_t len)
{
	memcpy(out->bytes, data, len);
	out->blob = (struct db_blob){ out->bytes, len };
}

/* Is there a machine, here now or not, that has the key of the epoch? DB_ROW or DB_NONE. */
static enum db_result
is_held(struct rewrap *p, int64_t epoch)
{
	int64_t holders = 0;
	enum db_result r;

	if (!epoch_state_of(&p->epochs, epoch))
		return DB_NONE;
	r = db_number(p->db, db_bind(p->db, ST_EPOCH_HOLDERS, epoch), &holders);
	return r == DB_ROW && holders == 0 ? DB_NONE : r;
}

/* One column of the row. DB_DONE. */
static enum db_result
renew(struct rewrap *p, struct db_stmt *st, int column, struct key_row *out)
{
	uint8_t id[ID_BYTES], key[SECRET_SEAL_KEY_BYTES];
	enum db_result r;

	if (!key_epoch(st, column)) {
		copy(out, db_data(st, column), db_bytes(st, column));
		return DB_DONE;
	}
	r = db_blob(st, 1, id, sizeof(id)) ? key_unwrap(p->db, st, column, id, key) : DB_NONE;
	if (r == DB_ROW)
		r = key_wrap(p->db, id, key, out);
	else if (r == DB_BUSY && is_held(p, key_epoch(st, column)) == DB_NONE)
		r = DB_NONE;
	secret_wipe(key, sizeof(key));
	if (r != DB_NONE)
		return r;
	copy(out, key_none.data, key_none.len);
	p->lost++;
	return DB_DONE;
}

/* What is next after *cursor. DB_DONE. */
static enum db_result
find(struct rewrap *p, size_t table, int64_t *cursor, struct fresh *list, int *count)
{
	uint8_t now[KEY_EPOCH_BYTES];
	struct db_stmt *st;
	enum db_result r;

	key_prefix(epoch_state_in(&p->epochs, EPOCH_CURRENT)->number, now);
	st = db_bind(p->db, tables[table].stale, &(struct db_blob){ now, sizeof(now) }, *cursor,
	    (int64_t)AT_ONCE);
	*count = 0;
	while ((r = db_step(p->db, st)) == DB_ROW) {
		struct fresh *f = &list[(*count)++];

		*cursor = f->id = db_i64(st, 0);
		for (int i = 0; i < tables[table].keys && r == DB_ROW; i++)
			if ((r = renew(p, st, 2 + i, &f->keys[i])) == DB_DONE)
				r = DB_ROW;
		if (r != DB_ROW) {
			db_reset(st);
			break;
		}
	}
	return r;
}

/* Inside a write. */
static enum db_result
move(struct rewrap *p, size_t table, int64_t *cursor, int *count)
{
	static struct fresh list[AT_ONCE];
	enum db_result r = epoch_state_list(p->db, &p->epochs);

	*count = 0;
	if (r == DB_DONE && !epoch_state_in(&p->epochs, EPOCH_CURRENT))
		return DB_BUSY;
	if (r == DB_DONE)
		r = find(p, table, cursor, list, count);
	for (int i = 0; i < *count && !db_failed(r); i++)
		r = db_exec_async(p->db, tables[table].replace, list[i].id, &list[i].keys[0].blob,
		    &list[i].keys[1].blob);
	return r;
}

static enum db_result
move_table(struct rewrap *p, size_t table)
{
	int64_t cursor = 0;
	enum db_result r;
	int count = 0;

	do {
		r = db_begin(p->db);
		if (r == DB_DONE)
			r = db_end(p->db, move(p, table, &cursor, &count));
		p->moved |= count > 0;
	} while (!db_failed(r) && count > 0);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
rewrap_all(struct db *db, bool *moved)
{
	struct rewrap p = { .db = db };
	enum db_result r = DB_DONE;

	for (size_t i = 0; i < ARRAY_LEN(tables) && r == DB_DONE; i++)
		r = move_table(&p, i);
	if (p.lost > 0)
		log_error("%lld keys of texts cannot be opened by anybody any more: they were "
			  "wrapped under epochs whose keys are lost",
		    (long long)p.lost);
	*moved = p.moved;
	return r;
}
