/* What is due is found without the writers' lock, and once more under it. */
#include "node.h"

#include "db_internal.h"
#include "key.h"

#include <string.h>

#define KEY_BYTES SECRET_SEAL_KEY_BYTES
#define SIGNED_BYTES (KEY_BYTES + SECRET_HASH_BYTES)
#define BOX_BYTES (SIGNED_BYTES + SECRET_BOX_EXTRA_BYTES)
#define LACKING_MAX 16

static const struct db_blob no_box = { "", 0 };

/* What the database says that this machine was given. */
struct given {
	int64_t epoch;
	uint8_t box[BOX_BYTES];
	size_t len; /* of the box; 0: it is open already */
};

struct lacking {
	int64_t epoch;
	uint8_t node[ID_BYTES], half[SIGNED_BYTES];
};

struct view {
	struct epoch_list epochs;
	struct given given[EPOCHS_MAX];
	struct lacking lacking[LACKING_MAX]; /* what others need and this machine has */
	int given_count, lacking_count;
	bool is_known; /* as it is */
};

/* Public halves and keys bear a MAC under the server's key, which machines share and the database
 * has not: whoever writes there can neither have a key boxed for themselves nor slip in one of
 * theirs. `epoch` 0: of a public half. */
static void
sign(const uint8_t node[static ID_BYTES], int64_t epoch, const uint8_t key[static KEY_BYTES],
    uint8_t out[static SIGNED_BYTES])
{
	uint8_t data[ID_BYTES + KEY_EPOCH_BYTES + KEY_BYTES];

	memcpy(data, node, ID_BYTES);
	key_prefix(epoch, data + ID_BYTES);
	memcpy(data + ID_BYTES + KEY_EPOCH_BYTES, key, KEY_BYTES);
	memcpy(out, key, KEY_BYTES);
	secret_mac("epoch", data, sizeof(data), out + KEY_BYTES);
	secret_wipe(data, sizeof(data));
}

static bool
is_signed(
    const uint8_t node[static ID_BYTES], int64_t epoch, const uint8_t bytes[static SIGNED_BYTES])
{
	uint8_t want[SIGNED_BYTES];
	bool is;

	sign(node, epoch, bytes, want);
	is = secret_equal(want + KEY_BYTES, bytes + KEY_BYTES);
	secret_wipe(want, sizeof(want));
	return is;
}

static struct db_blob
this_node(const struct db *db)
{
	return (struct db_blob){ epoch_state_node(db), ID_BYTES };
}

static enum db_result
look_at_self(struct db *db, int64_t seen_after, struct view *out)
{
	const struct db_blob me = this_node(db);
	struct db_stmt *st = db_bind(db, ST_NODE_GET, &me);
	uint8_t half[SIGNED_BYTES];
	enum db_result r = db_one(db, st);

	out->is_known = false;
	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	out->is_known = db_blob(st, 0, half, sizeof(half)) &&
	    memcmp(half, slots_pair(db->slots)->public_half, KEY_BYTES) == 0 &&
	    is_signed(me.data, 0, half) && db_i64(st, 1) > seen_after && db_i64(st, 2) == 0;
	db_reset(st);
	return DB_DONE;
}

static enum db_result
look_at_given(struct db *db, struct view *out)
{
	const struct db_blob me = this_node(db);
	struct db_stmt *st = db_bind(db, ST_NODE_EPOCHS, &me);
	enum db_result r;

	out->given_count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct given *g = &out->given[out->given_count++];

		g->epoch = db_i64(st, 0);
		g->len = db_bytes(st, 1);
		if (g->len > 0 && !db_blob(st, 1, g->box, sizeof(g->box)))
			memset(g->box, 0, sizeof(g->box)); /* it will not open */
	}
	return r;
}

static enum db_result
look_at_others(struct db *db, int64_t seen_after, struct view *out)
{
	const struct db_blob me = this_node(db);
	struct db_stmt *st = db_bind(db, ST_NODE_LACKS, seen_after, &me);
	enum db_result r;

	out->lacking_count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct lacking *l = &out->lacking[out->lacking_count];

		l->epoch = db_i64(st, 2);
		out->lacking_count += db_blob(st, 0, l->node, ID_BYTES) &&
		    db_blob(st, 1, l->half, SIGNED_BYTES) && is_signed(l->node, 0, l->half) &&
		    epoch_state_is_in_slots(db, l->epoch);
	}
	return r;
}

static enum db_result
look(struct db *db, const struct epoch_plan *p, int64_t now, struct view *out)
{
	const int64_t timeout = epoch_state_timeout(p);
	enum db_result r = epoch_state_list(db, &out->epochs);

	if (r == DB_DONE)
		r = look_at_self(db, now - timeout / 4, out);
	if (r == DB_DONE)
		r = look_at_given(db, out);
	return r == DB_DONE ? look_at_others(db, now - timeout, out) : r;
}

static const struct given *
find_given(const struct view *v, int64_t epoch)
{
	for (int i = 0; i < v->given_count; i++)
		if (v->given[i].epoch == epoch)
			return &v->given[i];
	return NULL;
}

/* Do the slots hold what the database says, and no more? */
static bool
slots_agree(struct db *db, const struct view *v)
{
	int64_t slots[SLOTS_COUNT];
	const int count = slots_list(db->slots, slots);

	for (int i = 0; i < count; i++)
		if (!epoch_state_of(&v->epochs, slots[i]) || !find_given(v, slots[i]))
			return false;
	for (int i = 0; i < v->given_count; i++)
		if (v->given[i].len > 0 || !epoch_state_of(&v->epochs, v->given[i].epoch) ||
		    !epoch_state_is_in_slots(db, v->given[i].epoch))
			return false;
	return true;
}

static bool
is_due(struct db *db, const struct view *v)
{
	return !v->is_known || v->lacking_count > 0 || !slots_agree(db, v);
}

/* -- under the writers' lock ------------------------------------------------------------------- */

static enum db_result
put_self(struct db *db, const struct epoch_plan *p, int64_t now)
{
	const struct db_blob me = this_node(db);
	uint8_t signed_half[SIGNED_BYTES];
	const struct db_blob half = { signed_half, sizeof(signed_half) };

	sign(me.data, 0, slots_pair(db->slots)->public_half, signed_half);
	return db_exec(db, ST_NODE_PUT, &me, p->name, &half, now);
}

/* Overwrites keys of epochs that are closed, or never began. DB_DONE: none is left. */
static enum db_result
destroy(struct db *db, const struct epoch_list *epochs)
{
	int64_t slots[SLOTS_COUNT];
	const int count = slots_list(db->slots, slots);

	for (int i = 0; i < count; i++)
		if (!epoch_state_of(epochs, slots[i]) && !slots_destroy(db->slots, slots[i]))
			return DB_FAIL;
	return DB_DONE;
}

/* Takes a key that is needed out of its box into a slot. False: it is for an earlier pair, which is
 * gone, or not from a machine of ours. */
static bool
take(struct db *db, const struct given *g)
{
	uint8_t key[SIGNED_BYTES];
	bool ok = g->len == BOX_BYTES &&
	    secret_box_open(slots_pair(db->slots), g->box, g->len, key) &&
	    is_signed(epoch_state_node(db), g->epoch, key) && slots_put(db->slots, g->epoch, key);

	secret_wipe(key, sizeof(key));
	return ok;
}

/* Brings one row in line with the slots. */
static enum db_result
reconcile(struct db *db, const struct view *v, const struct given *g)
{
	const struct db_blob me = this_node(db);
	const bool has = epoch_state_of(&v->epochs, g->epoch) &&
	    (epoch_state_is_in_slots(db, g->epoch) || take(db, g));
	enum db_result r = DB_DONE;

	if (!has)
		r = db_exec(db, ST_NODE_EPOCH_DELETE, &me, g->epoch);
	else if (g->len > 0)
		r = db_exec(db, ST_NODE_EPOCH_PUT, &me, g->epoch, &no_box);
	return r == DB_NONE ? DB_DONE : r;
}

/* A box is opened once: then the pair that opens it goes, whatever the server keeps of the box. */
static enum db_result
reconcile_all(struct db *db, const struct epoch_plan *p, int64_t now, const struct view *v)
{
	const struct db_blob me = this_node(db);
	int64_t slots[SLOTS_COUNT];
	bool boxes = false;
	enum db_result r = DB_DONE;
	int count;

	for (int i = 0; i < v->given_count && r == DB_DONE; i++) {
		r = reconcile(db, v, &v->given[i]);
		boxes |= v->given[i].len > 0;
	}
	count = slots_list(db->slots, slots);
	for (int i = 0; i < count && r == DB_DONE; i++)
		if (!find_given(v, slots[i]))
			r = db_exec(db, ST_NODE_EPOCH_PUT, &me, slots[i], &no_box);
	if (r != DB_DONE || !boxes)
		return r;
	return slots_renew(db->slots) ? put_self(db, p, now) : DB_FAIL;
}

/* DB_DONE. */
static enum db_result
share(struct db *db, const struct lacking *l)
{
	const struct db_blob node = { l->node, ID_BYTES };
	uint8_t key[KEY_BYTES] = { 0 }, plain[SIGNED_BYTES], box[BOX_BYTES];
	bool ok = slots_get(db->slots, l->epoch, key);

	sign(l->node, l->epoch, key, plain);
	ok = ok && secret_box(l->half, plain, sizeof(plain), box);
	secret_wipe(key, sizeof(key));
	secret_wipe(plain, sizeof(plain));
	return ok ?
	    db_exec(db, ST_NODE_EPOCH_PUT, &node, l->epoch, &(struct db_blob){ box, sizeof(box) }) :
	    DB_DONE;
}

static enum db_result
act(struct db *db, const struct epoch_plan *p, int64_t now)
{
	struct view v;
	enum db_result r = look(db, p, now, &v);

	if (r == DB_DONE)
		r = destroy(db, &v.epochs);
	if (r == DB_DONE)
		r = put_self(db, p, now);
	if (r == DB_DONE)
		r = reconcile_all(db, p, now, &v);
	for (int i = 0; i < v.lacking_count && r == DB_DONE; i++)
		r = share(db, &v.lacking[i]);
	return r;
}

enum db_result
node_step(struct db *db, const struct epoch_plan *p, int64_t now)
{
	struct view v;
	enum db_result r = look(db, p, now, &v);

	if (r != DB_DONE || !is_due(db, &v))
		return r;
	slots_lock(db->slots);
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, act(db, p, now));
	slots_unlock(db->slots);
	return r;
}
