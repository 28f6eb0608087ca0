/* External messages: the queues of phones, their leases, and what came of them. */
#include "bridge.h"

#include "cleanup.h"
#include "message_internal.h"
#include "change_internal.h"
#include "reason.h"
#include "throttle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_INTERVAL_MS 20000
#define DAY_MS ((int64_t)24 * 3600000)
#define REASON_BYTES 512
#define ARENA_BYTES ((size_t)1 << 20)

/* Is the sender's day full? DB_DONE with retry_at, as throttle_hit. */
static enum db_result
count_today(struct db *db, const struct message_new *m)
{
	const struct hit_limit day = { m->to.external->most_per_day, DAY_MS, m->now };
	char sender[24];

	snprintf(sender, sizeof(sender), "%lld", (long long)m->sender_id);
	return throttle_hit(db, m->channel, sender, &day, &m->to.external->retry_at);
}

enum db_result
bridge_put(struct db *db, const struct message_new *m, int64_t message_id)
{
	const struct bridge_new *b = m->to.external;
	enum db_result r = count_today(db, m);

	if (r == DB_DONE && b->retry_at)
		return DB_UNDO;
	if (r == DB_DONE)
		r = db_exec_async(db, ST_DELIVERY_INSERT, message_id, (int64_t)0);
	if (r == DB_DONE)
		r = db_exec_async(db, ST_BRIDGE_INSERT, message_id, m->sender_id, m->channel,
		    b->phone_id, b->by_relay ? STAGE_OVER : STAGE_QUEUED, m->now, b->bot_token);
	if (r != DB_DONE || !b->by_relay)
		return r;
	return db_exec_async(
	    db, ST_OUTBOX_INSERT_MESSAGE, message_id, m->now, b->expires_at, (int64_t)b->kind);
}

bool
bridge_holds(const struct message *m)
{
	return strcmp(m->channel, CHANNEL_CHAT) == 0 || m->state == DELIVERY_QUEUED;
}

enum db_result
bridge_withdraw(struct db *db, const struct message *m)
{
	enum db_result r = db_exec_async(db, ST_BRIDGE_END, m->id, STAGE_OVER, "", (int64_t)0);

	return r == DB_DONE ? db_exec_async(db, ST_OUTBOX_DELETE_MESSAGE, m->id) : r;
}

static enum db_result
end_at(struct db *db, int64_t message_id, int64_t stage, enum delivery_state state,
    const char *reason, int64_t delivered_at)
{
	enum db_result r = db_exec_async(
	    db, ST_BRIDGE_END, message_id, stage, reason, (int64_t)reason_code(reason));

	if (!db_failed(r))
		r = change_exec(db, ST_DELIVERY_EXTERNAL, message_id, (int64_t)state, delivered_at);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
bridge_end(struct db *db, int64_t message_id, enum delivery_state state, const char *reason)
{
	return end_at(db, message_id, STAGE_OVER, state, reason, 0);
}

/* DB_ROW or DB_NONE. */
static enum db_result
any_stale(struct db *db, int64_t owner_id, int64_t cutoff, int64_t now)
{
	return db_find(db, ST_BRIDGE_STALE, owner_id, cutoff, now);
}

/* Inside a write. */
static enum db_result
expire(struct db *db, int64_t owner_id, int64_t cutoff, int64_t now)
{
	enum db_result r = change_exec(db, ST_BRIDGE_EXPIRE_DELIVERY, owner_id, cutoff, now);

	if (!db_failed(r))
		r = db_exec(db, ST_BRIDGE_EXPIRE, owner_id, cutoff, now);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_bridge_expire(struct db *db, int64_t owner_id, int64_t cutoff, int64_t now)
{
	enum db_result r = any_stale(db, owner_id, cutoff, now);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = db_begin(db);
	return r == DB_DONE ? db_end(db, expire(db, owner_id, cutoff, now)) : r;
}

struct pick {
	int64_t message_id, due_at;
	int round; /* position in its queue */
};

struct picks {
	struct pick *list;
	int count;
};

/* In rounds, one of each queue; within a round what is due longest comes first. */
static int
compare_picks(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	if (x->round != y->round)
		return x->round < y->round ? -1 : 1;
	if (x->due_at != y->due_at)
		return x->due_at < y->due_at ? -1 : 1;
	return (x->message_id > y->message_id) - (x->message_id < y->message_id);
}

/* A queue: of a phone and a channel. */
struct queue {
	const char *phone_id, *channel;
};

/* What is due there after `from` and up to `to`. DB_DONE. */
static enum db_result
pick_between(struct db *db, const struct bridge_claim *c, const struct queue *q, int64_t from,
    int64_t to, struct picks *p)
{
	struct db_stmt *st = db_bind(
	    db, ST_BRIDGE_DUE, c->owner_id, q->phone_id, q->channel, from, to, (int64_t)c->limit);
	enum db_result r;

	for (int round = 0; (r = db_step(db, st)) == DB_ROW; round++)
		p->list[p->count++] = (struct pick){
			.message_id = db_i64(st, 0), .due_at = db_i64(st, 1), .round = round
		};
	return r;
}

/* What is due in one queue. What nothing would put off so far was put off by a clock that was
 * ahead, and is due once that is right. DB_DONE. */
static enum db_result
pick_from(struct db *db, const struct bridge_claim *c, const struct queue *q, struct picks *p)
{
	const int before = p->count;
	enum db_result r = pick_between(db, c, q, INT64_MIN, c->now, p);

	return r == DB_DONE && p->count == before ?
	    pick_between(db, c, q, c->now + BRIDGE_PAUSE_MS, INT64_MAX, p) :
	    r;
}

/* What is due for the phone, in its own queues and in those for any phone, in the order in which it
 * is handed out. DB_DONE. */
static enum db_result
pick(struct db *db, struct arena *a, const struct bridge_claim *c, struct picks *p)
{
	size_t room = (size_t)CHANNEL_COUNT * 2 * (size_t)c->limit;
	enum db_result r = DB_DONE;

	*p = (struct picks){ .list = arena_alloc(a, room * sizeof(*p->list)) };
	if (!p->list)
		return DB_FAIL;
	for (int i = 0; i < CHANNEL_COUNT && r == DB_DONE; i++) {
		if (!(c->channels & (1U << i)))
			continue;
		r = pick_from(db, c, &(struct queue){ "", channel_list[i].word }, p);
		if (r == DB_DONE && c->phone_id[0])
			r = pick_from(
			    db, c, &(struct queue){ c->phone_id, channel_list[i].word }, p);
	}
	qsort(p->list, (size_t)p->count, sizeof(*p->list), compare_picks);
	if (p->count > c->limit)
		p->count = c->limit;
	return r;
}

/* When the phone was noted to have asked; 0: never. DB_DONE. */
static enum db_result
phone_seen_at(struct db *db, const struct bridge_claim *c, int64_t *at)
{
	struct db_stmt *st = db_bind(db, ST_PHONE_GET, c->owner_id, c->phone_id);
	enum db_result r = db_step(db, st);

	*at = 0;
	if (r != DB_ROW)
		return r;
	*at = db_i64(st, 0);
	db_reset(st);
	return DB_DONE;
}

static bool
is_fresh(const struct bridge_claim *c, int64_t seen_at)
{
	return c->now - seen_at < SEEN_INTERVAL_MS && seen_at <= c->now;
}

static enum db_result
note_phone(struct db *db, const struct bridge_claim *c, int64_t seen_at)
{
	enum db_result r;

	if (is_fresh(c, seen_at))
		return DB_DONE;
	r = db_exec(db, ST_PHONE_SEEN, c->owner_id, c->phone_id, c->now);
	if (r == DB_DONE && seen_at == 0)
		r = db_exec(db, ST_PHONE_FORGET, c->owner_id);
	return r == DB_NONE ? DB_DONE : r;
}

/* Reads a message with the way it leaves. DB_ROW or DB_NONE. */
static enum db_result
read_item(struct db *db, struct arena *a, int64_t message_id, struct bridge_item *out)
{
	struct db_stmt *st = db_bind(db, ST_BRIDGE_READ, message_id);
	enum db_result r = db_one(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r;
	r = message_read(db, st, a, &out->m);
	out->phone_id = db_text(st, MESSAGE_COLUMN_COUNT, a, &ok);
	out->tries = db_int(st, MESSAGE_COLUMN_COUNT + 1);
	out->bot_token = db_text(st, MESSAGE_COLUMN_COUNT + 2, a, &ok);
	db_reset(st);
	return ok ? r : DB_FAIL;
}

static enum db_result
lease(struct db *db, const struct bridge_claim *c, int64_t message_id)
{
	enum db_result r = db_exec(db, ST_BRIDGE_LEASE, message_id,
	    &(struct db_blob){ c->lease_id, ID_BYTES }, c->phone_id, c->now + BRIDGE_LEASE_MS);

	return r == DB_DONE ? change_exec(db, ST_DELIVERY_EXTERNAL, message_id,
				  (int64_t)DELIVERY_CLAIMED, (int64_t)0) :
			      r;
}

/* Inside a write: leases what is due until the response is full. */
static enum db_result
hand_out(
    struct db *db, struct arena *a, struct bridge_claim *c, struct bridge_item *out, int *count)
{
	struct picks due;
	size_t text = 0;
	enum db_result r = expire(db, c->owner_id, c->cutoff, c->now);

	if (r == DB_DONE)
		r = pick(db, a, c, &due);
	id_make(c->lease_id);
	for (int i = 0; r == DB_DONE && i < due.count; i++) {
		r = read_item(db, a, due.list[i].message_id, &out[i]);
		if (r != DB_ROW)
			return r == DB_NONE ? DB_FAIL : r;
		text += strlen(out[i].m.text);
		if (i > 0 && text > c->text_limit)
			return DB_DONE;
		r = lease(db, c, due.list[i].message_id);
		*count = i + 1;
	}
	return r;
}

enum db_result
db_bridge_claim(struct db *db, struct arena *a, struct bridge_claim *c,
    struct bridge_item out[static BRIDGE_CLAIM_MOST], int *count)
{
	struct picks due;
	int64_t seen_at = 0;
	enum db_result r = pick(db, a, c, &due);

	*count = 0;
	if (r == DB_DONE)
		r = phone_seen_at(db, c, &seen_at);
	if (r != DB_DONE || (due.count == 0 && is_fresh(c, seen_at)))
		return r;
	r = db_begin(db);
	if (r != DB_DONE)
		return r;
	r = note_phone(db, c, seen_at);
	if (r == DB_DONE)
		r = hand_out(db, a, c, out, count);
	return db_end(db, r);
}

/* A message as an acknowledgement finds it. */
struct leased {
	int64_t message_id, stage;
	int tries;
	bool mine, leased; /* handed out last to this phone under the named lease; at all */
	enum delivery_state state;
};

/* DB_ROW or DB_NONE. */
static enum db_result
find_leased(struct db *db, const struct bridge_ack *k, struct leased *out)
{
	struct db_stmt *st =
	    db_bind(db, ST_BRIDGE_GET, &(struct db_blob){ k->public_id, ID_BYTES }, k->owner_id);
	enum db_result r = db_one(db, st);
	uint8_t lease_id[ID_BYTES];
	const char *by;

	if (r != DB_ROW)
		return r;
	by = db_str(st, 3);
	*out = (struct leased){ .message_id = db_i64(st, 0),
		.stage = db_i64(st, 1),
		.tries = db_int(st, 2),
		.leased = db_blob(st, 4, lease_id, ID_BYTES),
		.state = (enum delivery_state)db_int(st, 5) };
	out->mine = out->leased && by && strcmp(by, k->phone_id) == 0 &&
	    (!k->lease_id || memcmp(k->lease_id, lease_id, ID_BYTES) == 0);
	db_reset(st);
	return r;
}

/* What the phone said, without whom it was about: in memory that is gone afterwards. DB_DONE. */
static enum db_result
clean_error(
    struct db *db, const struct bridge_ack *k, int64_t message_id, char out[static REASON_BYTES])
{
	struct bridge_item item;
	struct arena a;
	enum db_result r;

	arena_init(&a, ARENA_BYTES);
	r = read_item(db, &a, message_id, &item);
	if (r == DB_ROW)
		reason_clean(k->error, item.m.destination, out, REASON_BYTES);
	arena_free(&a);
	return r == DB_ROW ? DB_DONE : DB_FAIL;
}

/* It did not go out: another try later, or the end. */
static enum db_result
note_failure(struct db *db, struct bridge_ack *k, const struct leased *l)
{
	char error[REASON_BYTES] = "";
	enum db_result r = k->error[0] ? clean_error(db, k, l->message_id, error) : DB_DONE;
	static const int64_t pause_ms[BRIDGE_TRIES] = { 30000, 120000, 600000, 1800000,
		BRIDGE_PAUSE_MS };

	if (r != DB_DONE)
		return r;
	if (l->stage == STAGE_QUEUED && l->tries < BRIDGE_TRIES)
		return db_exec(
		    db, ST_BRIDGE_RETRY, l->message_id, k->now + pause_ms[l->tries], error);
	k->state = DELIVERY_FAILED;
	return end_at(db, l->message_id, l->stage == STAGE_QUEUED ? STAGE_FAILED : STAGE_OVER,
	    k->state, error, 0);
}

static enum db_result
note_success(struct db *db, struct bridge_ack *k, const struct leased *l)
{
	k->state = k->status;
	return end_at(db, l->message_id, STAGE_OVER, k->state, "",
	    k->state == DELIVERY_DELIVERED ? k->now : 0);
}

static enum db_result
ack(struct db *db, struct bridge_ack *k)
{
	struct leased l;
	enum db_result r = find_leased(db, k, &l);

	if (r != DB_ROW) {
		k->result = ACK_UNKNOWN;
		return r;
	}
	k->state = l.state;
	k->result = !l.leased ? ACK_NOT_LEASED : !l.mine ? ACK_LEASE_EXPIRED : ACK_DONE;
	if (k->result != ACK_DONE)
		return DB_DONE;
	if (delivery_may_become(l.state, k->status))
		return k->status == DELIVERY_FAILED ? note_failure(db, k, &l) :
						      note_success(db, k, &l);
	/* Said again, or overtaken by a later word: nothing changes. */
	if (k->status != l.state && !delivery_may_become(k->status, l.state))
		k->result = ACK_FINAL;
	return DB_DONE;
}

enum db_result
db_bridge_ack(struct db *db, struct bridge_ack *list, int n)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	for (int i = 0; i < n && !db_failed(r); i++)
		r = ack(db, &list[i]);
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_bridge_error(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t sender_id, char **out)
{
	struct db_stmt *st =
	    db_bind(db, ST_BRIDGE_ERROR, &(struct db_blob){ public_id, ID_BYTES }, sender_id);
	enum db_result r = db_one(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r;
	*out = db_text(st, 0, a, &ok);
	if (ok && !(*out)[0] && db_int(st, 1)) {
		*out = arena_printf(a, "%d", db_int(st, 1));
		ok = *out != NULL;
	}
	db_reset(st);
	return ok ? DB_ROW : DB_FAIL;
}

enum db_result
db_phone_list(struct db *db, struct arena *a, int64_t account_id, int64_t now, const char *after,
    int limit, struct phone *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_PHONE_LIST, account_id, now, after, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct phone *p = &out[(*count)++];

		p->phone_id = db_text(st, 0, a, &ok);
		p->last_seen_at = db_i64(st, 1);
		p->queued = db_i64(st, 2);
		p->oldest_queued_at = db_i64(st, 3);
		p->leased = db_i64(st, 4);
		p->failed = db_i64(st, 5);
	}
	return ok ? r : DB_FAIL;
}
