/* Address books. */
#include "contacts.h"

#include "record_internal.h"

#include <string.h>

enum db_result
db_contacts_get(struct db *db, struct arena *a, int64_t account_id, struct contacts *out)
{
	struct db_stmt *st = db_bind(db, ST_CONTACTS_GET, account_id);
	enum db_result r = db_one(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r;
	out->document = db_text(st, 0, a, &ok);
	out->etag = db_text(st, 1, a, &ok);
	db_reset(st);
	return ok ? DB_ROW : DB_FAIL;
}

/* Does the document there have this etag, "" for none there? DB_DONE with *result. */
static enum db_result
check_etag(struct db *db, int64_t account_id, const char *expected, enum contacts_result *result)
{
	struct db_stmt *st = db_bind(db, ST_CONTACTS_ETAG, account_id);
	enum db_result r = db_step(db, st);

	if (db_failed(r))
		return r;
	if (strcmp(expected, r == DB_ROW ? db_str(st, 0) : "") != 0)
		*result = CONTACTS_CHANGED;
	if (r == DB_ROW)
		db_reset(st);
	return DB_DONE;
}

static enum db_result
put(struct db *db, int64_t account_id, const struct contacts *c, const char *expected,
    enum contacts_result *result)
{
	enum db_result r = DB_DONE;

	*result = CONTACTS_STORED;
	if (expected)
		r = check_etag(db, account_id, expected, result);
	if (r != DB_DONE || *result != CONTACTS_STORED)
		return r;
	r = db_exec(db, ST_CONTACTS_PUT, account_id, c->document, c->etag);
	return r == DB_DONE ? record_changed(db, account_id, SUBJECT_CONTACTS) : r;
}

enum db_result
db_contacts_put(struct db *db, int64_t account_id, const struct contacts *c, const char *expected,
    enum contacts_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, put(db, account_id, c, expected, result)) : r;
}
