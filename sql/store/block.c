/* Blocks between users. */
#include "block.h"

#include "record_internal.h"

enum db_result
db_block_set(struct db *db, int64_t account_id, int64_t blocked_id, bool blocked, int64_t now)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = blocked ? db_exec(db, ST_BLOCK_PUT, account_id, blocked_id, now) :
		      db_exec(db, ST_BLOCK_DELETE, account_id, blocked_id);
	if (!db_failed(r) && blocked)
		r = db_exec(db, ST_INVITE_FORGET, account_id, blocked_id);
	if (!db_failed(r))
		r = record_changed(db, account_id, SUBJECT_BLOCKS);
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_block_get(struct db *db, int64_t account_id, int64_t other_id)
{
	return db_find(db, ST_BLOCK_GET, account_id, other_id);
}

enum db_result
db_block_list(struct db *db, struct arena *a, int64_t account_id, const char *after, int limit,
    struct block *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_BLOCK_LIST, account_id, after, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct block *b = &out[(*count)++];

		b->chat_address = db_text(st, 0, a, &ok);
		b->display_name = db_text(st, 1, a, &ok);
		b->created_at = db_i64(st, 2);
	}
	return ok ? r : DB_FAIL;
}
