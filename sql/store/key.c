/* Wrapping: the epoch's number, then the key, sealed under the epoch's (XChaCha20-Poly1305) and
 * bound to the id and that number. */
#include "key.h"

#include "log.h"

#include <endian.h>
#include <string.h>

static const uint8_t zeros[SECRET_SEAL_KEY_BYTES];
const struct db_blob key_none = { zeros, sizeof(zeros) };

struct aad {
	uint8_t bytes[ID_BYTES + KEY_EPOCH_BYTES];
	struct secret_bound bound;
};

void
key_prefix(int64_t epoch, uint8_t out[static KEY_EPOCH_BYTES])
{
	const uint64_t n = htobe64((uint64_t)epoch);

	memcpy(out, &n, sizeof(n));
}

static const struct secret_bound *
bind_to(struct aad *p, const uint8_t id[static ID_BYTES], int64_t epoch)
{
	memcpy(p->bytes, id, ID_BYTES);
	key_prefix(epoch, p->bytes + ID_BYTES);
	p->bound = (struct secret_bound){ p->bytes, sizeof(p->bytes) };
	return &p->bound;
}

/* The epoch of this transaction: none begins or ends beside a write. */
static enum db_result
find_epoch(struct db *db)
{
	enum db_result r;

	if (db->epoch)
		return DB_ROW;
	r = db_number(db, db_bind(db, ST_EPOCH_NOW), &db->epoch);
	return r == DB_NONE ? DB_BUSY : r;
}

void
key_prefetch(struct db *db)
{
	if (db->slots && !db->epoch)
		db_prefetch(db, ST_EPOCH_NOW);
}

enum db_result
key_wrap(struct db *db, const uint8_t id[static ID_BYTES],
    const uint8_t key[static SECRET_SEAL_KEY_BYTES], struct key_row *out)
{
	uint8_t over[SECRET_SEAL_KEY_BYTES];
	struct aad aad;
	enum db_result r;

	out->blob = (struct db_blob){ out->bytes, SECRET_SEAL_KEY_BYTES };
	if (!db->slots) {
		memcpy(out->bytes, key, SECRET_SEAL_KEY_BYTES);
		return DB_DONE;
	}
	r = find_epoch(db);
	if (r != DB_ROW)
		return r;
	if (!slots_get(db->slots, db->epoch, over))
		return DB_BUSY;
	key_prefix(db->epoch, out->bytes);
	secret_seal_under(bind_to(&aad, id, db->epoch), over, key, SECRET_SEAL_KEY_BYTES,
	    out->bytes + KEY_EPOCH_BYTES);
	secret_wipe(over, sizeof(over));
	out->blob.len = KEY_WRAPPED_BYTES;
	return DB_DONE;
}

int64_t
key_epoch(struct db_stmt *st, int column)
{
	uint64_t n = 0;

	if (db_bytes(st, column) == KEY_WRAPPED_BYTES)
		memcpy(&n, db_data(st, column), sizeof(n));
	return (int64_t)be64toh(n);
}

static enum db_result
unwrap(struct db *db, const uint8_t *wrapped, int64_t epoch, const uint8_t id[static ID_BYTES],
    uint8_t key[static SECRET_SEAL_KEY_BYTES])
{
	uint8_t over[SECRET_SEAL_KEY_BYTES];
	struct aad aad;
	bool ok;

	if (!slots_get(db->slots, epoch, over))
		return DB_BUSY;
	ok = secret_open(bind_to(&aad, id, epoch), over, wrapped + KEY_EPOCH_BYTES,
	    KEY_WRAPPED_BYTES - KEY_EPOCH_BYTES, key);
	secret_wipe(over, sizeof(over));
	if (ok)
		return DB_ROW;
	log_error("a wrapped key cannot be opened: it does not fit its epoch");
	return DB_NONE;
}

enum db_result
key_unwrap(struct db *db, struct db_stmt *st, int column, const uint8_t id[static ID_BYTES],
    uint8_t key[static SECRET_SEAL_KEY_BYTES])
{
	const int64_t epoch = db->slots ? key_epoch(st, column) : 0;

	if (epoch)
		return unwrap(db, db_data(st, column), epoch, id, key);
	return db_blob(st, column, key, SECRET_SEAL_KEY_BYTES) &&
		memcmp(key, key_none.data, key_none.len) != 0 ?
	    DB_ROW :
	    DB_NONE;
}

enum db_result
key_lay_open(struct db *db, int64_t message_id, const uint8_t public_id[static ID_BYTES])
{
	uint8_t key[SECRET_SEAL_KEY_BYTES];
	struct db_stmt *st;
	enum db_result r;

	if (!db->slots)
		return DB_DONE;
	st = db_bind(db, ST_KEY_ADDRESS_GET, message_id);
	r = db_one(db, st);
	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	r = key_unwrap(db, st, 0, public_id, key);
	db_reset(st);
	if (r == DB_ROW)
		r = db_exec_async(
		    db, ST_KEY_ADDRESS, message_id, &(struct db_blob){ key, sizeof(key) });
	secret_wipe(key, sizeof(key));
	return r == DB_NONE ? DB_DONE : r;
}
