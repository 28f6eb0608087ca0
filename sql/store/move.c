/* Tables are copied as they are, but for the keys of texts: on a server's side they are wrapped. */
#include "move.h"

#include "bulk.h"
#include "cleanup.h"
#include "clock.h"
#include "db_internal.h"
#include "epoch.h"
#include "key.h"
#include "tombstone.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYS_AT_ONCE 1000
#define PROGRESS_ROWS 1000
#define EPOCH_WAIT_MS 10000
#define EPOCH_PAUSE_US 50000

/* Tables with keys, read by statements of their own: the number, what the keys are bound to, 1 if
 * the second one lies open, then the keys. */
static const struct {
	const char *table;
	enum stmt all;
	int keys;
} key_tables[] = {
	{ "content_key", ST_KEY_ALL, 2 },
	{ "prefs_key", ST_PREFS_KEY_ALL, 1 },
};

struct sum {
	int64_t rows;
	uint64_t hash;
};

struct move {
	const struct move_plan *p;
	struct move_report *out;
	char *error;
	struct bulk *from, *to;
	struct db *from_keys, *to_keys; /* that wrap keys; NULL: those of a file are as they are */
	struct bulk_list tables;
	struct sum sums[BULK_TABLES];
	struct bulk_row row;
	int64_t done, total;
	char id[BULK_ID_BYTES];
};

static bool
refuse(struct move *m, const char *why)
{
	snprintf(m->error, DB_ERROR_BYTES, "%s", why);
	return false;
}

static bool
fail(struct move *m, const struct bulk *b)
{
	return refuse(m, b->error);
}

/* -- rows -------------------------------------------------------------------------------------- */

static void
note_row(struct move *m, const struct bulk_table *t, struct sum *sum)
{
	sum->rows++;
	sum->hash += bulk_row_hash(&m->row);
	m->done++;
	if (sum->rows % PROGRESS_ROWS == 0)
		m->p->progress(m->p->arg, t->name, sum->rows, m->done, m->total);
}

static bool
put(struct move *m, const struct bulk_table *t, struct sum *sum)
{
	if (m->row.full)
		return refuse(m, "out of memory");
	note_row(m, t, sum);
	return bulk_put(m->to, &m->row) || fail(m, m->to);
}

static bool
copy_rows(struct move *m, const struct bulk_table *t, struct sum *sum)
{
	enum db_result r;

	if (!bulk_read(m->from, t))
		return fail(m, m->from);
	while ((r = bulk_next(m->from, &m->row)) == DB_ROW)
		if (!put(m, t, sum))
			return false;
	return r == DB_DONE || fail(m, m->from);
}

/* -- keys -------------------------------------------------------------------------------------- */

/* A key as it stands on the other side. DB_DONE. */
static enum db_result
convert(struct move *m, struct db_stmt *st, int column, bool lies_open, struct key_row *out)
{
	uint8_t id[ID_BYTES], key[SECRET_SEAL_KEY_BYTES];
	enum db_result r = DB_NONE;

	*out = (struct key_row){ .blob = key_none };
	if (db_blob(st, 1, id, sizeof(id)))
		r = key_unwrap(m->from_keys, st, column, id, key);
	if (r == DB_NONE && key_epoch(st, column))
		m->out->lost++;
	if (r == DB_ROW && !lies_open && m->to_keys)
		r = key_wrap(m->to_keys, id, key, out);
	else if (r == DB_ROW) {
		memcpy(out->bytes, key, sizeof(key));
		out->blob = (struct db_blob){ out->bytes, sizeof(key) };
	}
	secret_wipe(key, sizeof(key));
	return db_failed(r) ? r : DB_DONE;
}

static enum db_result
copy_key(
    struct move *m, const struct bulk_table *t, size_t which, struct db_stmt *st, struct sum *sum)
{
	const bool lies_open = db_i64(st, 2) != 0;
	struct key_row key;
	enum db_result r = DB_DONE;

	bulk_row_begin(&m->row, 1 + key_tables[which].keys);
	bulk_row_number(&m->row, db_i64(st, 0));
	for (int i = 0; i < key_tables[which].keys && r == DB_DONE; i++) {
		r = convert(m, st, 3 + i, lies_open && i > 0, &key);
		bulk_row_bytes(&m->row, key.blob.data, key.blob.len);
	}
	return r == DB_DONE && !put(m, t, sum) ? DB_UNDO : r;
}

static bool
copy_keys(struct move *m, const struct bulk_table *t, size_t which, struct sum *sum)
{
	int64_t cursor = -1, before;
	enum db_result r;

	do {
		struct db_stmt *st =
		    db_bind(m->from_keys, key_tables[which].all, cursor, (int64_t)KEYS_AT_ONCE);

		before = cursor;
		while ((r = db_step(m->from_keys, st)) == DB_ROW) {
			cursor = db_i64(st, 0);
			r = copy_key(m, t, which, st, sum);
			if (r != DB_DONE) {
				db_reset(st);
				break;
			}
		}
	} while (r == DB_DONE && cursor > before);
	if (r == DB_BUSY)
		refuse(m,
		    "this machine has not the key of an epoch under which texts wait; start "
		    "the relay here, wait a minute, stop it, and begin again");
	else if (r != DB_DONE && r != DB_UNDO)
		refuse(m, "the keys of texts could not be read");
	return r == DB_DONE;
}

/* -- tables ------------------------------------------------------------------------------------ */

static bool
copy_table(struct move *m, int n)
{
	const struct bulk_table *t = &m->tables.list[n];
	struct sum *sum = &m->sums[n];
	int64_t number = 0;
	bool ok;

	if (!bulk_write(m->to, t))
		return fail(m, m->to);
	for (size_t i = 0; i < ARRAY_LEN(key_tables); i++)
		if (strcmp(t->name, key_tables[i].table) == 0) {
			ok = copy_keys(m, t, i, sum);
			return ok && (bulk_written(m->to) || fail(m, m->to));
		}
	ok = copy_rows(m, t, sum);
	if (!ok || !bulk_written(m->to))
		return ok && fail(m, m->to);
	if (!bulk_last_number(m->from, t, &number))
		return fail(m, m->from);
	return bulk_set_last_number(m->to, t, number) || fail(m, m->to);
}

/* What the other side has is what was meant to be there. */
static bool
compare_table(struct move *m, int n)
{
	const struct bulk_table *t = &m->tables.list[n];
	struct sum sum = { 0 };
	enum db_result r;

	if (!bulk_read(m->to, t))
		return fail(m, m->to);
	while ((r = bulk_next(m->to, &m->row)) == DB_ROW)
		note_row(m, t, &sum);
	if (r != DB_DONE)
		return fail(m, m->to);
	if (sum.rows == m->sums[n].rows && sum.hash == m->sums[n].hash) {
		m->out->rows += sum.rows;
		m->p->compared(m->p->arg, t->name, sum.rows);
		return true;
	}
	snprintf(m->error, DB_ERROR_BYTES,
	    "table %s: %lld rows were read, %lld are on the other side, or others than those",
	    t->name, (long long)m->sums[n].rows, (long long)sum.rows);
	return false;
}

static bool
count(struct move *m)
{
	for (int i = 0; i < m->tables.count; i++) {
		int64_t rows = 0;

		if (!bulk_count(m->from, &m->tables.list[i], &rows))
			return fail(m, m->from);
		m->total += 2 * rows;
	}
	return true;
}

/* The mark comes first: in between the old database is closed, and this command goes on. */
static bool
commit(struct move *m)
{
	if (!bulk_set_filled_by(m->to, m->id))
		return fail(m, m->to);
	if (!bulk_set_left_by(m->from, m->id) || !bulk_commit(m->from))
		return fail(m, m->from);
	if (bulk_commit(m->to))
		return true;
	snprintf(m->error, DB_ERROR_BYTES,
	    "%.300s; whether all is there is not known: run it again", m->to->error);
	return false;
}

/* What a machine knows of what went stays beside its database. */
static bool
copy_tombstones(struct move *m)
{
	char from[PATH_MAX], to[PATH_MAX];
	uint8_t record[TOMBSTONE_BYTES];
	auto_file FILE *in = NULL, *out = NULL;
	bool ok;

	if (strcmp(m->p->from->path, m->p->to->path) == 0)
		return true;
	snprintf(from, sizeof(from), "%s.tombstones", m->p->from->path);
	snprintf(to, sizeof(to), "%s.tombstones", m->p->to->path);
	in = fopen(from, "re");
	if (!in)
		return errno == ENOENT || refuse(m, strerror(errno));
	out = fopen(to, "ae");
	ok = out;
	while (ok && fread(record, sizeof(record), 1, in) == 1)
		ok = fwrite(record, sizeof(record), 1, out) == 1;
	return (ok && fflush(out) == 0 && fsync(fileno(out)) == 0) || refuse(m, strerror(errno));
}

static bool
copy_all(struct move *m)
{
	bool ok = bulk_tables(m->from, m->to, &m->tables) || refuse(m, "the schema cannot be read");

	ok = ok && count(m);
	for (int i = 0; i < m->tables.count && ok; i++)
		ok = copy_table(m, i);
	for (int i = 0; i < m->tables.count && ok; i++)
		ok = compare_table(m, i);
	m->out->tables = m->tables.count;
	return ok && copy_tombstones(m) && commit(m);
}

/* -- both sides -------------------------------------------------------------------------------- */

static bool
refuse_keys(struct move *m)
{
	snprintf(m->error, DB_ERROR_BYTES,
	    "%s.epochs has keys of another database: erase that one first (relayctl move-to "
	    "--erase-old ADDRESS), or move the file away if nobody needs what it opens",
	    m->p->to->path);
	return false;
}

/* A server's database needs an epoch, under whose key the keys of texts are wrapped. */
static bool
begin_epochs(struct move *m)
{
	const int64_t until = clock_mono_ms() + EPOCH_WAIT_MS;
	enum db_result r = DB_DONE;

	do {
		r = db_epoch_step(m->to_keys, &m->p->epochs, clock_ms());
		if (r == DB_NONE)
			return refuse_keys(m);
		if (db_epoch_is_here(m->to_keys))
			return tombstone_note_all(m->to_keys) == DB_DONE ||
			    refuse(m, "the new database could not be written to");
		usleep(EPOCH_PAUSE_US);
	} while (clock_mono_ms() < until);
	return refuse(m,
	    "the new database has an epoch whose key is on another machine: make "
	    "another, empty database");
}

static bool
open_to(struct move *m)
{
	if (!engine_is_file(m->p->to)) {
		if (!db_migrate(m->p->to, m->error))
			return false;
		m->to_keys = db_open(m->p->to, m->error);
		if (!m->to_keys || !begin_epochs(m))
			return false;
	}
	m->to = bulk_open_to(m->p->to, m->error);
	return m->to;
}

/* The move that was begun, or a new one. */
static bool
name_move(struct move *m)
{
	uint8_t id[ID_BYTES];

	if (!bulk_left_by(m->from, m->id))
		return fail(m, m->from);
	if (!m->id[0]) {
		id_make(id);
		secret_hex(id, sizeof(id), m->id);
	}
	return true;
}

static bool
open_from(struct move *m)
{
	struct db_options o = *m->p->from;

	o.full_durability = true; /* its mark outlives a power cut */
	m->from = bulk_open_from(&o, m->error);
	if (!m->from || !name_move(m))
		return false;
	o.even_left = true;
	m->from_keys = db_open(&o, m->error);
	return m->from_keys;
}

static bool
move_all(struct move *m)
{
	if (!open_from(m))
		return false;
	switch (bulk_look(m->p->to, m->id, m->error)) {
	case BULK_FILLED:
		m->out->was_done = true;
		return true;
	case BULK_EMPTY:
		return open_to(m) && copy_all(m);
	default:
		return false;
	}
}

bool
db_move(const struct move_plan *p, struct move_report *out, char error[static DB_ERROR_BYTES])
{
	struct move m = { .p = p, .out = out, .error = error };
	bool ok;

	*out = (struct move_report){ 0 };
	if (engine_is_file(p->from) == engine_is_file(p->to))
		return refuse(&m, "a move goes from SQLite to PostgreSQL, or back");
	ok = move_all(&m);
	bulk_close(m.from);
	bulk_close(m.to);
	db_close(m.from_keys);
	db_close(m.to_keys);
	bulk_row_free(&m.row);
	if (ok && !out->was_done)
		bulk_analyze(p->to);
	return ok;
}
