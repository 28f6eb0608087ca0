/* API keys: making, listing, rotating, ending. */
#include "apikey.h"

#include "cleanup.h"
#include "wakeup.h"
#include "seq.h"
#include "session_internal.h"

#include <string.h>

static const struct {
	enum scope bit;
	const char *name;
} scopes[] = { { SCOPE_SEND, "send" }, { SCOPE_RECEIVE, "receive" }, { SCOPE_PHONE, "phone" },
	{ SCOPE_ADMIN, "admin" } };

const char *
scope_name(enum scope bit)
{
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (scopes[i].bit == bit)
			return scopes[i].name;
	return "";
}

unsigned
scope_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (strcmp(scopes[i].name, name) == 0)
			return scopes[i].bit;
	return 0;
}

static enum db_result
insert(struct db *db, int64_t account_id, const uint8_t hash[static SECRET_HASH_BYTES],
    struct session *key)
{
	enum db_result r = seq_next(db, &key->id);

	if (r != DB_ROW)
		return r;
	id_make(key->public_id);
	return db_exec(db, ST_KEY_INSERT, key->id, &(struct db_blob){ key->public_id, ID_BYTES },
	    &(struct db_blob){ hash, SECRET_HASH_BYTES }, account_id, key->session_name,
	    key->created_at, (int64_t)key->scopes, key->phone_id, (int64_t)APIKEY_MOST);
}

enum db_result
db_apikey_insert(struct db *db, struct arena *a, int64_t account_id,
    const uint8_t hash[static SECRET_HASH_BYTES], struct session *key, enum apikey_result *result)
{
	char *address = NULL;
	enum db_result r = db_begin(db);

	*result = APIKEY_MADE;
	if (r != DB_DONE)
		return r;
	r = db_end(db, insert(db, account_id, hash, key));
	if (r != DB_NONE || db_account_address(db, a, account_id, &address) != DB_ROW)
		return r;
	*result = APIKEY_TOO_MANY;
	return DB_DONE;
}

enum db_result
db_apikey_list(struct db *db, struct arena *a, int64_t account_id, struct session *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_KEY_LIST, account_id, (int64_t)APIKEY_MOST);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if (!session_read(st, 0, a, &out[(*count)++])) {
			db_reset(st);
			return DB_FAIL;
		}
	return r;
}

static enum db_result
key_get(struct db *db, struct arena *a, int64_t account_id, const struct db_blob *id,
    struct session *out)
{
	struct db_stmt *st = db_bind(db, ST_KEY_GET, account_id, id);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	if (!session_read(st, 0, a, out))
		r = DB_FAIL;
	db_reset(st);
	return r;
}

enum db_result
db_apikey_rotate(struct db *db, struct arena *a, int64_t account_id,
    const uint8_t public_id[static ID_BYTES], const uint8_t hash[static SECRET_HASH_BYTES],
    struct session *out)
{
	const struct db_blob id = { public_id, ID_BYTES };
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	wakeup_for(db, WAKE_ENDED, account_id);
	r = db_exec(
	    db, ST_KEY_ROTATE, account_id, &id, &(struct db_blob){ hash, SECRET_HASH_BYTES });
	return db_end(db, r == DB_DONE ? key_get(db, a, account_id, &id, out) : r);
}

enum db_result
db_apikey_delete(struct db *db, int64_t account_id, const uint8_t public_id[static ID_BYTES])
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	wakeup_for(db, WAKE_ENDED, account_id);
	return db_end(
	    db, db_exec(db, ST_KEY_DELETE, account_id, &(struct db_blob){ public_id, ID_BYTES }));
}
