/* Address books. */
#include "contacts.h"

#include "db_internal.h"

#include <string.h>

enum db_result
db_contacts_get(struct db *db, struct arena *a, int64_t account_id, struct contacts *out)
{
	sqlite3_stmt *st = db_bind(db, ST_CONTACTS_GET, "i", account_id);
	enum db_result r = db_step(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r == DB_DONE ? DB_NONE : r;
	out->document = db_text(st, 0, a, &ok);
	out->etag = db_text(st, 1, a, &ok);
	db_reset(st);
	return ok ? DB_ROW : DB_FAIL;
}

static enum db_result
put(struct db *db, struct arena *a, int64_t account_id, const struct contacts *c,
    const char *expected)
{
	struct contacts now = { 0 };
	enum db_result r = expected ? db_contacts_get(db, a, account_id, &now) : DB_NONE;

	if (db_failed(r))
		return r;
	if (expected && strcmp(expected, r == DB_ROW ? now.etag : "") != 0)
		return DB_CONFLICT;
	return db_exec(db, ST_CONTACTS_PUT, "itt", account_id, c->document, c->etag);
}

enum db_result
db_contacts_put(struct db *db, struct arena *a, int64_t account_id, const struct contacts *c,
    const char *expected)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, put(db, a, account_id, c, expected)) : r;
}
