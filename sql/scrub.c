/* Scrubbing one message. */
#include "scrub.h"

#include "cleanup.h"
#include "secret.h"
#include "tombstone.h"

static enum db_result
run(struct db *db, const enum stmt *steps, size_t count, int64_t message_id)
{
	enum db_result r = DB_DONE;

	for (size_t i = 0; i < count && !db_failed(r); i++)
		r = db_exec(db, steps[i], "i", message_id);
	return db_failed(r) ? r : DB_DONE;
}

/* What a destroyed key is overwritten with, in its place. */
static const uint8_t zeros[SECRET_SEAL_KEY_BYTES];
static const struct db_blob no_key = { zeros, sizeof(zeros) };

enum db_result
scrub_content(
    struct db *db, int64_t message_id, const uint8_t public_id[static ID_BYTES], int64_t now)
{
	const struct db_blob id = { public_id, ID_BYTES };
	enum db_result r = db_exec(db, ST_SCRUB_BODY, "ii", message_id, now);

	if (!db_failed(r))
		r = db_exec(db, ST_KEY_BODY, "ib", message_id, &no_key);
	if (!db_failed(r))
		r = db_exec(db, ST_SCRUB_IDEMPOTENCY, "b", &id);
	if (db_failed(r))
		return r;
	return tombstone_message(db, public_id) ? DB_DONE : DB_FULL;
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
		r = db_exec(db, ST_KEY_ADDRESS, "ib", message_id, &no_key);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
scrub_recipients(struct db *db, int64_t message_id)
{
	static const enum stmt steps[] = { ST_SCRUB_STREAM, ST_SCRUB_SUM, ST_SCRUB_DELIVERIES,
		ST_SCRUB_GROUP };

	return run(db, steps, ARRAY_LEN(steps), message_id);
}
