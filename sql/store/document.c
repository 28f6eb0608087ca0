/* Documents of a user: what they share is the version; each kind has rows of its own. */
#include "document.h"

#include "body.h"
#include "key.h"
#include "record_internal.h"
#include "seq.h"

#include <string.h>

enum prefs_part { PREFS_TEXT, PREFS__MAX };

static enum db_result
read_plain(struct db *db, struct db_stmt *st, struct arena *a, struct document *out)
{
	bool ok = true;

	(void)db;
	out->text = db_text(st, 1, a, &ok);
	return ok ? DB_DONE : DB_FAIL;
}

static enum db_result
read_sealed(struct db *db, struct db_stmt *st, struct arena *a, struct document *out)
{
	uint8_t id[ID_BYTES];

	return db_blob(st, 1, id, sizeof(id)) ?
	    body_open(db, st, 2, id, a, &out->text, PREFS__MAX) :
	    DB_FAIL;
}

static enum db_result
put_contacts(struct db *db, int64_t account_id, const struct document *d)
{
	return db_exec(db, ST_CONTACTS_PUT, account_id, d->text, d->etag);
}

/* The row of the account, as it is or to be. DB_DONE with *is_new. */
static enum db_result
find_prefs(
    struct db *db, int64_t account_id, int64_t *key_id, uint8_t id[static ID_BYTES], bool *is_new)
{
	struct db_stmt *st = db_bind(db, ST_PREFS_KEY_ID, account_id);
	enum db_result r = db_one(db, st);

	*is_new = r == DB_NONE;
	if (r == DB_NONE) {
		id_make(id);
		r = seq_next(db, key_id);
		return r == DB_ROW ? DB_DONE : r;
	}
	if (r != DB_ROW)
		return r;
	*key_id = db_i64(st, 0);
	r = db_blob(st, 1, id, ID_BYTES) ? DB_DONE : DB_FAIL;
	db_reset(st);
	return r;
}

static enum db_result
put_prefs(struct db *db, int64_t account_id, const struct document *d)
{
	const char *const parts[PREFS__MAX] = { [PREFS_TEXT] = d->text };
	uint8_t id[ID_BYTES];
	struct key_row key;
	struct body body;
	int64_t key_id = 0;
	bool is_new;
	enum db_result r = find_prefs(db, account_id, &key_id, id, &is_new);

	if (r != DB_DONE)
		return r;
	if (!body_seal(id, parts, PREFS__MAX, &body))
		return DB_FAIL;
	r = key_wrap(db, id, body.key, &key);
	if (r == DB_DONE)
		r = db_exec(
		    db, is_new ? ST_PREFS_KEY_INSERT : ST_PREFS_KEY_UPDATE, key_id, &key.blob);
	if (r == DB_DONE)
		r = db_exec(db, ST_PREFS_PUT, account_id, key_id, &(struct db_blob){ id, ID_BYTES },
		    &(struct db_blob){ body.sealed, body.len }, d->etag);
	body_free(&body);
	return r;
}

/* `get` and `etag` return the etag in their first column. */
static const struct kind {
	enum stmt get, etag;
	enum record_subject subject;
	enum db_result (*read)(
	    struct db *db, struct db_stmt *st, struct arena *a, struct document *out);
	enum db_result (*put)(struct db *db, int64_t account_id, const struct document *d);
} kinds[] = {
	[DOCUMENT_CONTACTS] = { ST_CONTACTS_GET, ST_CONTACTS_ETAG, SUBJECT_CONTACTS, read_plain,
	    put_contacts },
	[DOCUMENT_PREFS] = { ST_PREFS_GET, ST_PREFS_ETAG, SUBJECT_PREFS, read_sealed, put_prefs },
};

enum db_result
db_document_get(struct db *db, struct arena *a, enum document_kind kind, int64_t account_id,
    struct document *out)
{
	struct db_stmt *st = db_bind(db, kinds[kind].get, account_id);
	enum db_result r = db_one(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r;
	out->etag = db_text(st, 0, a, &ok);
	r = ok ? kinds[kind].read(db, st, a, out) : DB_FAIL;
	db_reset(st);
	return r == DB_DONE ? DB_ROW : r;
}

/* Does the document there have this etag, "" for none there? DB_DONE with *result. */
static enum db_result
check_etag(struct db *db, const struct kind *k, int64_t account_id, const char *expected,
    enum document_result *result)
{
	struct db_stmt *st = db_bind(db, k->etag, account_id);
	enum db_result r = db_step(db, st);

	if (db_failed(r))
		return r;
	if (strcmp(expected, r == DB_ROW ? db_str(st, 0) : "") != 0)
		*result = DOCUMENT_CHANGED;
	if (r == DB_ROW)
		db_reset(st);
	return DB_DONE;
}

static enum db_result
put(struct db *db, const struct kind *k, int64_t account_id, const struct document *d,
    const char *expected, enum document_result *result)
{
	enum db_result r = DB_DONE;

	*result = DOCUMENT_STORED;
	if (expected)
		r = check_etag(db, k, account_id, expected, result);
	if (r != DB_DONE || *result != DOCUMENT_STORED)
		return r;
	r = k->put(db, account_id, d);
	return r == DB_DONE ? record_changed(db, account_id, k->subject) : r;
}

enum db_result
db_document_put(struct db *db, enum document_kind kind, int64_t account_id,
    const struct document *d, const char *expected, enum document_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, put(db, &kinds[kind], account_id, d, expected, result)) :
			      r;
}
