/* Scrubbing one message. */
#include "scrub.h"

#include "cleanup.h"
#include "key.h"
#include "tombstone.h"

static const struct db_blob empty = { "", 0 };

static enum db_result
run(struct db *db, const enum stmt *steps, size_t count, int64_t message_id)
{
	enum db_result r = DB_DONE;

	for (size_t i = 0; i < count && !db_failed(r); i++)
		r = db_exec_async(db, steps[i], message_id);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_content(
    struct db *db, int64_t message_id, const uint8_t public_id[static ID_BYTES], int64_t now)
{
	const struct db_blob id = { public_id, ID_BYTES };
	enum db_result r = db_exec_async(db, ST_SCRUB_BODY, &empty, message_id, now);

	if (!db_failed(r))
		r = db_exec_async(db, ST_KEY_BODY, message_id, &key_none);
	if (!db_failed(r) && !scrub_takes_all(db))
		r = key_lay_open(db, message_id, public_id);
	if (!db_failed(r))
		r = db_exec_async(db, ST_SCRUB_BRIDGE, message_id);
	if (!db_failed(r))
		r = db_exec_async(db, ST_SCRUB_IDEMPOTENCY, &empty, &id);
	if (db_failed(r))
		return r;
	return tombstone_message(db, public_id) ? DB_DONE : DB_FULL;
}

bool
scrub_is_on_claim(const struct db *db)
{
	return retention_modes[db->retention].on_claim;
}

bool
scrub_takes_all(const struct db *db)
{
	return retention_modes[db->retention].takes_all;
}

enum db_result
scrub_files(struct db *db, int64_t message_id, int64_t now)
{
	enum db_result r = db_exec_async(db, ST_FILE_DELETE_OF_MESSAGE, message_id);

	if (!db_failed(r))
		r = db_exec_async(db, ST_FILE_HOLD, message_id, now + db->file_hold_ms, message_id);
	if (!db_failed(r))
		r = db_exec_async(db, ST_FILE_RELEASE, message_id);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_hold_files(struct db *db, int64_t message_id, int64_t now)
{
	enum db_result r =
	    db_exec_async(db, ST_FILE_HOLD, message_id, now + db->file_hold_ms, message_id);

	if (!db_failed(r))
		r = db_exec_async(db, ST_FILE_DELETE_FETCHED, message_id);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_address(struct db *db, int64_t message_id)
{
	enum db_result r = db_exec_async(db, ST_SCRUB_ADDRESS, &empty, message_id);

	if (!db_failed(r))
		r = db_exec_async(db, ST_KEY_ADDRESS, message_id, &key_none);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_recipients(struct db *db, int64_t message_id)
{
	static const enum stmt steps[] = { ST_SCRUB_STREAM, ST_SCRUB_CHANGES, ST_SCRUB_SUM,
		ST_SCRUB_DELIVERIES };
	enum db_result r = run(db, steps, ARRAY_LEN(steps), message_id);

	if (r == DB_DONE)
		r = db_exec_async(db, ST_SCRUB_ROUTING, &empty, message_id);
	return db_failed(r) ? r : DB_DONE;
}

struct left {
	struct db *db;
	int64_t count;
};

/* One more that is left, unless the message is there and was not scrubbed. */
static enum db_result
count_left(void *arg, const void *public_id, size_t len)
{
	struct left *l = arg;
	enum db_result r =
	    db_find(l->db, ST_MESSAGE_UNSCRUBBED, &(struct db_blob){ public_id, len });

	l->count += r == DB_NONE;
	return r == DB_ROW || r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_copy_left(struct db *db, const char *path, int64_t *left)
{
	struct left l = { .db = db };
	enum db_result r = engine_walk_keys(path, count_left, &l);

	*left = l.count;
	return r == DB_DONE ? DB_DONE : DB_FAIL;
}
