/* Files. A row is made after its bytes are in place and goes before them, so a file whose row is
 * missing is the only rest that a crash can leave. */
#include "file.h"

#include "body.h"
#include "columns.h"
#include "db_internal.h"
#include "expiry.h"
#include "key.h"
#include "log.h"
#include "uploads.h"
#include "seq.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLEAR_MAX 64
#define UPLOAD_KEY_MS ((int64_t)24 * 3600000) /* so long a key returns the file again */
#define OCTETS "application/octet-stream"

enum db_result
db_file_used(struct db *db, int64_t owner_id, int64_t *bytes)
{
	struct db_stmt *st = db_bind(db, ST_FILE_USED, owner_id);
	enum db_result r = db_step(db, st);

	if (r != DB_ROW)
		return r == DB_DONE ? DB_FAIL : r;
	*bytes = db_i64(st, 0);
	db_reset(st);
	return r;
}

static enum db_result
insert(struct db *db, const struct file *f, int64_t owner_id, const struct body *label)
{
	struct key_row key;
	int64_t id = 0;
	enum db_result r = seq_next(db, &id);

	if (r != DB_ROW)
		return r;
	r = db_exec_async(db, ST_FILE_INSERT, id, &(struct db_blob){ f->public_id, ID_BYTES },
	    owner_id, &(struct db_blob){ f->token_hash, SECRET_HASH_BYTES },
	    &(struct db_blob){ label->sealed, label->len }, f->size, f->created_at, f->expires_at,
	    f->key_mac ? &(struct db_blob){ f->key_mac, SECRET_HASH_BYTES } : NULL);
	if (r == DB_DONE)
		r = key_wrap(db, f->public_id, label->key, &key);
	return r == DB_DONE ? db_exec_async(db, ST_KEY_PUT, id, &key.blob, &key_none) : r;
}

static struct db_stmt *
by_key(struct db *db, int64_t owner_id, const uint8_t *key_mac, int64_t now)
{
	return db_bind(db, ST_FILE_BY_KEY, owner_id,
	    &(struct db_blob){ key_mac, SECRET_HASH_BYTES }, expiry_cutoff(now, UPLOAD_KEY_MS),
	    now);
}

/* A key that is over is free again. DB_DONE with FILE_REPEATED, or as it was. */
static enum db_result
check_key(struct db *db, const struct file *f, int64_t owner_id, enum file_result *result)
{
	struct db_stmt *st = by_key(db, owner_id, f->key_mac, f->created_at);
	enum db_result r = db_one(db, st);

	if (r == DB_ROW) {
		*result = FILE_REPEATED;
		db_reset(st);
		return DB_DONE;
	}
	if (r != DB_NONE)
		return r;
	r = db_exec(
	    db, ST_FILE_DROP_KEY, owner_id, &(struct db_blob){ f->key_mac, SECRET_HASH_BYTES });
	return r == DB_NONE ? DB_DONE : r;
}

static enum db_result
add(struct db *db, const struct file *f, int64_t owner_id, int64_t quota, enum file_result *result)
{
	const char *const parts[LABEL__MAX] = { [LABEL_NAME] = f->name, [LABEL_MIME] = f->mime };
	struct body label;
	int64_t used = 0;
	enum db_result r = DB_DONE;

	*result = FILE_NOTED;
	if (f->key_mac)
		r = check_key(db, f, owner_id, result);
	if (r != DB_DONE || *result == FILE_REPEATED)
		return r;
	r = db_file_used(db, owner_id, &used);
	if (r != DB_ROW)
		return r;
	*result = f->size > quota - used ? FILE_OVER_QUOTA : FILE_NOTED;
	if (*result != FILE_NOTED)
		return DB_DONE;
	if (!body_seal(f->public_id, parts, LABEL__MAX, &label))
		return DB_FAIL;
	r = insert(db, f, owner_id, &label);
	body_free(&label);
	return r;
}

enum db_result
db_file_add(
    struct db *db, const struct file *f, int64_t owner_id, int64_t quota, enum file_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, add(db, f, owner_id, quota, result)) : r;
}

/* DB_ROW, or as message_read. */
static enum db_result
read_file(struct db *db, struct db_stmt *st, struct arena *a, struct file *out)
{
	char *parts[LABEL__MAX];
	enum db_result r;

	*out = (struct file){ .id = db_i64(st, FILE_ID_COLUMN) };
	if (!db_blob(st, FILE_PUBLIC_ID_COLUMN, out->public_id, ID_BYTES) ||
	    !db_blob(st, FILE_TOKEN_HASH_COLUMN, out->token_hash, SECRET_HASH_BYTES))
		return DB_FAIL;
	r = body_open(db, st, FILE_LABEL_COLUMN, out->public_id, a, parts, LABEL__MAX);
	if (r != DB_DONE)
		return r;
	out->name = parts[LABEL_NAME];
	out->mime = parts[LABEL_MIME] ? parts[LABEL_MIME] : arena_strdup(a, OCTETS);
	out->size = db_i64(st, FILE_SIZE_COLUMN);
	out->created_at = db_i64(st, FILE_CREATED_AT_COLUMN);
	out->expires_at = db_i64(st, FILE_EXPIRES_AT_COLUMN);
	out->visible = db_int(st, FILE_COLUMN_COUNT);
	return out->mime ? DB_ROW : DB_FAIL;
}

static enum db_result
read_one(struct db *db, struct db_stmt *st, struct arena *a, struct file *out)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	r = read_file(db, st, a, out);
	db_reset(st);
	return r;
}

enum db_result
db_file_by_key(struct db *db, struct arena *a, int64_t owner_id,
    const uint8_t key_mac[static SECRET_HASH_BYTES], int64_t now, struct file *out)
{
	return read_one(db, by_key(db, owner_id, key_mac, now), a, out);
}

enum db_result
db_file_get(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, int64_t now, struct file *out)
{
	return read_one(db,
	    db_bind(db, ST_FILE_GET, &(struct db_blob){ public_id, ID_BYTES }, account_id, now), a,
	    out);
}

enum db_result
db_file_list(struct db *db, struct arena *a, int64_t owner_id, int64_t after, int64_t now,
    int limit, struct file *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_FILE_LIST, owner_id, after, now, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if ((r = read_file(db, st, a, &out[(*count)++])) != DB_ROW) {
			db_reset(st);
			break;
		}
	return r;
}

enum db_result
db_file_delete(struct db *db, int64_t owner_id, const uint8_t public_id[static ID_BYTES])
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	return db_end(
	    db, db_exec(db, ST_FILE_DELETE, owner_id, &(struct db_blob){ public_id, ID_BYTES }));
}

int64_t
db_file_hold_ms(const struct db *db)
{
	return db->file_hold_ms;
}

enum db_result
db_file_fetched(struct db *db, const uint8_t public_id[static ID_BYTES], int64_t account_id)
{
	struct db_stmt *st =
	    db_bind(db, ST_FILE_AWAITS, &(struct db_blob){ public_id, ID_BYTES }, account_id);
	int64_t id;
	enum db_result r = db_number(db, st, &id);

	if (r != DB_ROW)
		return r;
	r = db_begin(db);
	if (r != DB_DONE)
		return r;
	r = db_exec(db, ST_FILE_FETCH, id, account_id);
	if (!db_failed(r))
		r = db_exec(db, ST_FILE_DELETE_IF_FETCHED, id);
	return db_end(db, db_failed(r) ? r : DB_DONE);
}

/* Up to `limit` names of files that are to go, after *cursor, which is moved on. DB_DONE. */
static enum db_result
list_gone(
    struct db *db, int limit, uint8_t cursor[static ID_BYTES], uint8_t (*ids)[ID_BYTES], int *count)
{
	uint8_t from[ID_BYTES];
	struct db_stmt *st;
	enum db_result r;

	*count = 0;
	memcpy(from, cursor, ID_BYTES);
	st = db_bind(db, ST_FILE_GONE, &(struct db_blob){ from, ID_BYTES }, (int64_t)limit);
	while ((r = db_step(db, st)) == DB_ROW)
		if (db_blob(st, 0, cursor, ID_BYTES))
			memcpy(ids[(*count)++], cursor, ID_BYTES);
	return r;
}

static bool
unlink_bytes(const char *upload_dir, const uint8_t id[static ID_BYTES])
{
	char path[PATH_MAX];

	if (!uploads_path(upload_dir, id, path, sizeof(path)))
		return false;
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	log_warn("%s: %s", path, strerror(errno));
	return false;
}

/* Inside a write. */
static enum db_result
forget(struct db *db, uint8_t (*ids)[ID_BYTES], int count)
{
	enum db_result r = DB_DONE;

	for (int i = 0; i < count && !db_failed(r); i++)
		r = db_exec_async(db, ST_FILE_FORGET, &(struct db_blob){ ids[i], ID_BYTES });
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_file_clear(
    struct db *db, const char *upload_dir, int limit, uint8_t cursor[static ID_BYTES], int *removed)
{
	uint8_t ids[CLEAR_MAX][ID_BYTES];
	const int most = limit < CLEAR_MAX ? limit : CLEAR_MAX;
	int count = 0;
	enum db_result r = list_gone(db, most, cursor, ids, &count);

	*removed = 0;
	for (int i = 0; i < count && r == DB_DONE; i++)
		if (unlink_bytes(upload_dir, ids[i]))
			memcpy(ids[(*removed)++], ids[i], ID_BYTES);
	if (r == DB_DONE && *removed > 0) {
		r = db_begin(db);
		if (r == DB_DONE)
			r = db_end(db, forget(db, ids, *removed));
	}
	return r == DB_DONE && count < most ? DB_NONE : r;
}
