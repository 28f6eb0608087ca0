/* API keys of users. A key is a row of the session table with scopes: one look-up by token finds
 * sessions and keys alike, and a key polls with a cursor of its own. */
#ifndef SQL_APIKEY_H
#define SQL_APIKEY_H

#include "session.h"

#define APIKEY_MOST 50 /* per account */

enum apikey_result {
	APIKEY_MADE,
	APIKEY_TOO_MANY /* there are APIKEY_MOST already */
};

/* Stores a new key with the name, scopes and phone_id of `key`, whose public_id is made here.
 * DB_DONE with *result, or DB_NONE: the account is gone. */
enum db_result db_apikey_insert(struct db *db, struct arena *a, int64_t account_id,
    const uint8_t hash[static SECRET_HASH_BYTES], struct session *key, enum apikey_result *result);

/* The keys of an account, oldest first; `out` holds APIKEY_MOST. DB_DONE. */
enum db_result
db_apikey_list(struct db *db, struct arena *a, int64_t account_id, struct session *out, int *count);

/* Gives a key another token; the older one ends at once, the position in the stream stays. DB_ROW
 * with the key, or DB_NONE. */
enum db_result db_apikey_rotate(struct db *db, struct arena *a, int64_t account_id,
    const uint8_t public_id[static ID_BYTES], const uint8_t hash[static SECRET_HASH_BYTES],
    struct session *out);

/* Ends a key. DB_DONE or DB_NONE. */
enum db_result
db_apikey_delete(struct db *db, int64_t account_id, const uint8_t public_id[static ID_BYTES]);

/* The wire's word for the scope of one bit, and its bit: 0 when it is no scope. */
const char *scope_name(enum scope bit);
unsigned scope_parse(const char *name);

#endif
