/* Scrubbing one message. */
#include "scrub.h"

#include "body.h"
#include "cleanup.h"
#include "tombstone.h"

static enum db_result
run(struct db *db, const enum stmt *steps, size_t count, int64_t message_id)
{
	enum db_result r = DB_DONE;

	for (size_t i = 0; i < count && !db_failed(r); i++)
		r = db_exec(db, steps[i], "i", message_id);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_content(
    struct db *db, int64_t message_id, const uint8_t public_id[static ID_BYTES], int64_t now)
{
	const struct db_blob id = { public_id, ID_BYTES };
	enum db_result r = db_exec(db, ST_SCRUB_BODY, "ii", message_id, now);

	if (!db_failed(r))
		r = db_exec(db, ST_KEY_BODY, "ib", message_id, &body_no_key);
	if (!db_failed(r))
		r = db_exec(db, ST_SCRUB_BRIDGE, "i", message_id);
	if (!db_failed(r))
		r = db_exec(db, ST_SCRUB_IDEMPOTENCY, "b", &id);
	if (db_failed(r))
		return r;
	return tombstone_message(db, public_id) ? DB_DONE : DB_FULL;
}

bool
scrub_is_on_claim(const struct db *db)
{
	return db->retention == RETENTION_SCRUB_CONTENT_ON_CLAIM ||
	    db->retention == RETENTION_SCRUB_ALL_ON_CLAIM;
}

bool
scrub_takes_all(const struct db *db)
{
	return db->retention == RETENTION_SCRUB_ALL_ON_FINAL ||
	    db->retention == RETENTION_SCRUB_ALL_ON_CLAIM;
}

enum db_result
scrub_files(struct db *db, int64_t message_id)
{
	static const enum stmt steps[] = { ST_FILE_DELETE_OF_MESSAGE, ST_FILE_RELEASE };

	return run(db, steps, ARRAY_LEN(steps), message_id);
}

enum db_result
scrub_address(struct db *db, int64_t message_id)
{
	enum db_result r = db_exec(db, ST_SCRUB_ADDRESS, "i", message_id);

	if (!db_failed(r))
		r = db_exec(db, ST_KEY_ADDRESS, "ib", message_id, &body_no_key);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_recipients(struct db *db, int64_t message_id)
{
	static const enum stmt steps[] = { ST_SCRUB_STREAM, ST_SCRUB_SUM, ST_SCRUB_DELIVERIES,
		ST_SCRUB_PLACE };

	return run(db, steps, ARRAY_LEN(steps), message_id);
}

/* Keys that are there, by message. */
#define LIVING_KEYS \
	"SELECT m.public_id FROM message m JOIN content_key k ON k.id = m.id " \
	"WHERE k.body_key <> zeroblob(32)"

/* The message is there and was not scrubbed: DB_ROW, else DB_NONE. */
static enum db_result
is_kept(struct db *db, const struct db_blob *public_id)
{
	sqlite3_stmt *st = db_bind(db, ST_MESSAGE_PLACE, "b", public_id);
	enum db_result r = db_step(db, st);

	if (r == DB_ROW)
		db_reset(st);
	return r == DB_DONE ? DB_NONE : r;
}

enum db_result
db_copy_left(struct db *db, const char *path, int64_t *left)
{
	sqlite3 *h = NULL;
	sqlite3_stmt *st = NULL;
	enum db_result r = DB_FAIL;
	int rc = SQLITE_DONE;

	*left = 0;
	if (sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(h, LIVING_KEYS, -1, &st, NULL) == SQLITE_OK)
		r = DB_DONE;
	while (!db_failed(r) && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		r = is_kept(db,
		    &(struct db_blob){
			sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0) });
		*left += r == DB_NONE;
	}
	sqlite3_finalize(st);
	sqlite3_close(h);
	return db_failed(r) || rc != SQLITE_DONE ? DB_FAIL : DB_DONE;
}
