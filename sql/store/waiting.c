/* Quotas of messages that wait. Triggers keep the sums: whatever ends a message's waiting counts.
 */
#include "waiting.h"

#define MEMBER_BYTES ((int64_t)32) /* what a message to a group takes for each member */

static bool
is_full(const struct db_quota *q, int64_t messages, int64_t bytes)
{
	return (q->messages && messages >= q->messages) || (q->bytes && bytes >= q->bytes);
}

enum db_result
waiting_check(struct db *db, int64_t sender_id, int64_t to_id, bool *full)
{
	struct db_stmt *st = db_bind(db, ST_WAITING_GET, sender_id, to_id);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*full = is_full(&db->sender_quota, db_i64(st, 0), db_i64(st, 1)) ||
	    is_full(&db->pair_quota, db_i64(st, 2), db_i64(st, 3));
	db_reset(st);
	return DB_DONE;
}

int64_t
waiting_for(const struct message_new *m)
{
	switch (m->to.kind) {
	case TARGET_ACCOUNT:
		return m->to.account.id;
	case TARGET_GROUP:
		return -m->to.group.id;
	case TARGET_INBOUND:
		return m->sender_id;
	case TARGET_EXTERNAL:
		break;
	}
	return 0;
}

enum db_result
waiting_put(struct db *db, int64_t message_id, int64_t sender_id, int64_t to_id)
{
	return db_exec_async(db, ST_WAIT_PUT, message_id, sender_id, to_id, MEMBER_BYTES);
}

/* Whom a message that is there was sent to. DB_ROW, or DB_NONE when nobody is left. */
static enum db_result
recipient_of(struct db *db, int64_t message_id, int64_t *to_id)
{
	return db_number(db, db_bind(db, ST_WAIT_FOR, message_id), to_id);
}

enum db_result
waiting_again(struct db *db, const struct message *m, bool *full)
{
	int64_t to_id = 0;
	enum db_result r = recipient_of(db, m->id, &to_id);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = waiting_check(db, m->sender_id, to_id, full);
	if (r != DB_DONE || *full)
		return r;
	r = db_exec_async(db, ST_WAIT_END, m->id);
	return db_failed(r) ? r : waiting_put(db, m->id, m->sender_id, to_id);
}
