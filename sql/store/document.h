/* Documents of a user, one of a kind, each with a version: what their clients keep on the relay. */
#ifndef SQL_DOCUMENT_H
#define SQL_DOCUMENT_H

#include "arena.h"
#include "db.h"

/* The address book is kept as it is, for the relay looks up there who may invite; what only clients
 * understand is sealed. */
enum document_kind { DOCUMENT_CONTACTS, DOCUMENT_PREFS };

enum document_result {
	DOCUMENT_STORED,
	DOCUMENT_CHANGED /* it has another etag by now */
};

struct document {
	char *text, *etag;
};

/* DB_ROW, or DB_NONE while the account has none. */
enum db_result db_document_get(struct db *db, struct arena *a, enum document_kind kind,
    int64_t account_id, struct document *out);

/* Puts the document instead of the older one; with `expected` not NULL only if that has this etag
 * ("" for none there). The user's other devices are notified. DB_DONE with *result. */
enum db_result db_document_put(struct db *db, enum document_kind kind, int64_t account_id,
    const struct document *d, const char *expected, enum document_result *result);

#endif
