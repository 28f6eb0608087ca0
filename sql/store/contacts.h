/* The user's own address book: one document with a version. */
#ifndef SQL_CONTACTS_H
#define SQL_CONTACTS_H

#include "arena.h"
#include "db.h"

enum contacts_result {
	CONTACTS_STORED,
	CONTACTS_CHANGED /* they have another etag by now */
};

struct contacts {
	char *document, *etag;
};

/* DB_ROW, or DB_NONE while the account has none. */
enum db_result
db_contacts_get(struct db *db, struct arena *a, int64_t account_id, struct contacts *out);

/* Puts the document in place of the older one; with `expected` not NULL only if that has this etag
 * ("" for none there). DB_DONE with *result. */
enum db_result db_contacts_put(struct db *db, int64_t account_id, const struct contacts *c,
    const char *expected, enum contacts_result *result);

#endif
