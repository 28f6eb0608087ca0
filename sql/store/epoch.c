/* The life of epochs, which the machine that leads carries on: each change is a transaction that
 * begins with what it takes for granted. */
#include "epoch.h"

#include "db_internal.h"
#include "log.h"
#include "node.h"
#include "rewrap.h"

#include <stdio.h>
#include <string.h>

#define LEADS_EPOCHS 32 /* a role as in db_leads */
#define RANDOM_BITS 20 /* of a number, behind the time */

static const struct db_blob no_box = { "", 0 };

/* -- changes, each inside of a write ----------------------------------------------------------- */

struct change {
	struct db *db;
	int64_t now, timeout;
	const struct epoch_row *current, *next, *old; /* NULL: none */
};

static int64_t
new_number(int64_t now)
{
	uint32_t bits;

	secret_random(&bits, sizeof(bits));
	return now << RANDOM_BITS | (bits & ((1U << RANDOM_BITS) - 1));
}

/* A new epoch, whose key is in this machine's slots before anybody hears of it. */
static enum db_result
make(const struct change *c, enum epoch_state state)
{
	const struct db_blob me = { epoch_state_node(c->db), ID_BYTES };
	const int64_t number = new_number(c->now);
	uint8_t key[SECRET_SEAL_KEY_BYTES];
	enum db_result r;
	bool ok;

	secret_random(key, sizeof(key));
	ok = slots_put(c->db->slots, number, key);
	secret_wipe(key, sizeof(key));
	if (!ok)
		return DB_FAIL;
	r = db_exec(c->db, ST_EPOCH_INSERT, number, (int64_t)state, c->now);
	return r == DB_DONE ? db_exec(c->db, ST_NODE_EPOCH_PUT, &me, number, &no_box) : r;
}

static enum db_result
make_current(const struct change *c)
{
	return make(c, EPOCH_CURRENT);
}

static enum db_result
make_next(const struct change *c)
{
	return make(c, EPOCH_NEXT);
}

static enum db_result
move(const struct change *c, const struct epoch_row *e, enum epoch_state state)
{
	return db_exec(c->db, ST_EPOCH_MOVE, e->number, (int64_t)e->state, (int64_t)state, c->now);
}

/* From here on all is wrapped under the next one. */
static enum db_result
promote(const struct change *c)
{
	enum db_result r = move(c, c->current, EPOCH_OLD);

	return r == DB_DONE ? move(c, c->next, EPOCH_CURRENT) : r;
}

static enum db_result
drop_next(const struct change *c)
{
	return db_exec(c->db, ST_EPOCH_DELETE, c->next->number);
}

/* The old one stands where it did; what it waits for begins anew. */
static enum db_result
note_moved(const struct change *c)
{
	return move(c, c->old, EPOCH_OLD);
}

static enum db_result
close_old(const struct change *c)
{
	return move(c, c->old, EPOCH_CLOSED);
}

/* The key of the current epoch is nowhere any more. */
static enum db_result
give_up(const struct change *c)
{
	enum db_result r = move(c, c->current, EPOCH_OLD);

	log_error("no machine has the key of the current epoch any more: what waits cannot be "
		  "opened");
	return r == DB_DONE ? make_current(c) : r;
}

static enum db_result
note_destroyed(const struct change *c)
{
	int64_t number = 0;
	enum db_result r = db_number(c->db, db_bind(c->db, ST_EPOCH_IS_OVER), &number);

	if (r == DB_ROW)
		r = db_exec(c->db, ST_EPOCH_MOVE, number, (int64_t)EPOCH_CLOSED,
		    (int64_t)EPOCH_DESTROYED, c->now);
	return r == DB_DONE ? db_exec(c->db, ST_EPOCH_DELETE_OLDER, number) : r;
}

static enum db_result
strike(const struct change *c)
{
	struct db_stmt *st = db_bind(c->db, ST_NODE_LATE_NEW, c->now - c->timeout);
	enum db_result r = db_one(c->db, st);
	uint8_t id[ID_BYTES];

	if (r != DB_ROW)
		return r;
	log_warn("%s has not destroyed the key of an epoch that is over; nobody waits for it any "
		 "more",
	    db_str(st, 1));
	r = db_blob(st, 0, id, sizeof(id)) ? DB_DONE : DB_FAIL;
	db_reset(st);
	return r == DB_DONE ?
	    db_exec(c->db, ST_NODE_STRIKE, &(struct db_blob){ id, sizeof(id) }, c->now) :
	    r;
}

/* -- which of them is next --------------------------------------------------------------------- */

typedef enum db_result change(const struct change *c);

/* DB_DONE with *next, NULL: nothing is to do. */
static enum db_result
choose_without_key(const struct change *c, change **next)
{
	int64_t holders = 0;
	enum db_result r =
	    db_number(c->db, db_bind(c->db, ST_EPOCH_HOLDERS, c->current->number), &holders);

	if (r == DB_ROW && holders == 0)
		*next = give_up;
	return r == DB_ROW ? DB_DONE : r;
}

/* Once all who were seen a while ago have its key it is the current one. */
static enum db_result
choose_of_next(const struct change *c, change **next)
{
	const bool is_late = c->now - c->next->since >= c->timeout;
	enum db_result r;

	if (!epoch_state_is_in_slots(c->db, c->next->number)) {
		*next = is_late ? drop_next : NULL;
		return DB_DONE;
	}
	r = db_find(c->db, ST_NODE_WAITED_FOR, c->next->number, c->now - c->timeout);
	if (r == DB_NONE || (r == DB_ROW && is_late))
		*next = promote;
	return db_failed(r) ? r : DB_DONE;
}

static enum db_result
choose_of_closed(const struct change *c, change **next)
{
	enum db_result r = db_find(c->db, ST_EPOCH_IS_OVER);

	if (r == DB_ROW)
		*next = note_destroyed;
	if (r != DB_NONE)
		return r == DB_ROW ? DB_DONE : r;
	r = db_find(c->db, ST_NODE_LATE_NEW, c->now - c->timeout);
	if (r == DB_ROW)
		*next = strike;
	return db_failed(r) ? r : DB_DONE;
}

/* It is closed a while after the last key moved: a replica that takes over may be as late. */
static enum db_result
choose_of_old(const struct change *c, change **next)
{
	bool moved = false;
	enum db_result r = rewrap_all(c->db, &moved);

	if (r != DB_DONE)
		return r;
	if (moved)
		*next = note_moved;
	else if (c->now - c->old->since >= c->timeout / EPOCH_QUIET_PART)
		*next = close_old;
	return r;
}

static enum db_result
choose(const struct change *c, int64_t length_ms, change **next)
{
	enum db_result r = DB_DONE;

	*next = NULL;
	if (!c->current) {
		*next = make_current;
		return r;
	}
	if (!epoch_state_is_in_slots(c->db, c->current->number))
		return choose_without_key(c, next);
	if (c->old)
		return choose_of_old(c, next);
	r = choose_of_closed(c, next);
	if (r != DB_DONE || *next)
		return r;
	if (c->next)
		return choose_of_next(c, next);
	if (c->now - c->current->since >= length_ms)
		*next = make_next;
	return r;
}

static struct change
change_of(struct db *db, const struct epoch_plan *p, int64_t now, const struct epoch_list *l)
{
	return (struct change){ .db = db,
		.now = now,
		.timeout = epoch_state_timeout(p),
		.current = epoch_state_in(l, EPOCH_CURRENT),
		.next = epoch_state_in(l, EPOCH_NEXT),
		.old = epoch_state_in(l, EPOCH_OLD) };
}

/* If epochs are still as they were when it was chosen. Inside of a write. */
static enum db_result
carry_out(const struct change *c, const struct epoch_list *then, change *what)
{
	struct epoch_list l;
	enum db_result r = epoch_state_list(c->db, &l);

	if (r != DB_DONE)
		return r;
	for (int i = 0; i < l.count || i < then->count; i++)
		if (l.count != then->count || l.list[i].number != then->list[i].number ||
		    l.list[i].state != then->list[i].state)
			return DB_NONE;
	return what(c);
}

static enum db_result
lead(struct db *db, const struct epoch_plan *p, int64_t now)
{
	struct epoch_list l;
	struct change c;
	change *what;
	enum db_result r = epoch_state_list(db, &l);

	if (r != DB_DONE)
		return r;
	c = change_of(db, p, now, &l);
	r = choose(&c, p->length_ms, &what);
	if (r != DB_DONE || !what)
		return r;
	slots_lock(db->slots);
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, carry_out(&c, &l, what));
	slots_unlock(db->slots);
	return r == DB_NONE ? DB_DONE : r;
}

/* DB_DONE, with *is_known false where nobody has given it an id. */
static enum db_result
database_id(struct db *db, uint8_t id[static ID_BYTES], bool *is_known)
{
	struct db_stmt *st = db_bind(db, ST_DATABASE_ID);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_FAIL : r;
	*is_known = db_blob(st, 0, id, ID_BYTES);
	db_reset(st);
	return DB_DONE;
}

static enum db_result
give_id(struct db *db)
{
	uint8_t id[ID_BYTES];
	enum db_result r = db_begin(db);

	id_make(id);
	if (r == DB_DONE)
		r = db_end(db, db_exec(db, ST_DATABASE_ID_SET, &(struct db_blob){ id, ID_BYTES }));
	return r == DB_NONE ? DB_DONE : r; /* another machine was first */
}

enum db_result
db_epoch_check(struct db *db)
{
	uint8_t id[ID_BYTES];
	bool is_known = false;
	enum db_result r = database_id(db, id, &is_known);

	if (r == DB_DONE && !is_known) {
		r = give_id(db);
		if (r == DB_DONE)
			r = database_id(db, id, &is_known);
	}
	return r == DB_DONE && !slots_belong(db->slots, id) ? DB_NONE : r;
}

enum db_result
db_epoch_step(struct db *db, const struct epoch_plan *p, int64_t now)
{
	enum db_result r;

	if (!db->slots)
		return DB_DONE;
	r = db_epoch_check(db);
	if (r == DB_DONE)
		r = node_step(db, p, now);
	return r == DB_DONE && db_leads(db, LEADS_EPOCHS) ? lead(db, p, now) : r;
}

bool
db_epoch_is_here(struct db *db)
{
	int64_t number = 0;

	return !db->slots ||
	    (db_number(db, db_bind(db, ST_EPOCH_NOW), &number) == DB_ROW &&
		epoch_state_is_in_slots(db, number));
}

/* -- what is late ------------------------------------------------------------------------------ */

static void
add_late(struct epoch_late *out, const char *name, int64_t since)
{
	const size_t len = strlen(out->names);

	snprintf(out->names + len, sizeof(out->names) - len, "%s%s", len ? ", " : "", name);
	if (!out->since || since < out->since)
		out->since = since;
}

/* Nobody carries epochs on, or what is old cannot move. */
static enum db_result
find_stuck(struct db *db, int64_t length_ms, int64_t until, struct epoch_late *out)
{
	struct epoch_list l;
	enum db_result r = epoch_state_list(db, &l);

	for (int i = 0; i < l.count && r == DB_DONE; i++) {
		const int64_t due =
		    l.list[i].since + (l.list[i].state == EPOCH_CURRENT ? length_ms : 0);

		if (due <= until && (!out->since || due < out->since))
			out->since = due;
	}
	return r;
}

enum db_result
db_epoch_late(struct db *db, int64_t length_ms, int64_t now, struct epoch_late *out)
{
	const struct epoch_plan p = { .length_ms = length_ms };
	const int64_t until = now - epoch_state_timeout(&p);
	struct db_stmt *st;
	enum db_result r;

	*out = (struct epoch_late){ .since = 0 };
	if (!db->slots)
		return DB_DONE;
	st = db_bind(db, ST_NODE_LATE, until);
	while ((r = db_step(db, st)) == DB_ROW)
		add_late(out, db_str(st, 0), db_i64(st, 1));
	/* the next one waits for machines as long, before it takes the place of the current one */
	return r == DB_DONE ? find_stuck(db, length_ms, until - epoch_state_timeout(&p), out) : r;
}

enum db_result
db_epoch_forget(struct db *db, const char *name, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ?
	    db_end(db, db_exec(db, ST_NODE_DELETE, name, now - EPOCH_TIMEOUT_MS)) :
	    r;
}
