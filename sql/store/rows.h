/* Reading table rows into structs: shared by the store's own files. */
#ifndef SQL_ROWS_H
#define SQL_ROWS_H

#include "account.h"
#include "db_internal.h"
#include "tombstone.h"

#define ACCOUNT_COLUMN_COUNT 13
#define SESSION_COLUMN_COUNT 13

/* Read ACCOUNT_COLUMNS or SESSION_COLUMNS from column `c` on; false when the arena is full. */
bool rows_account(struct db_stmt *st, int c, struct arena *a, struct account *out);
bool rows_session(struct db_stmt *st, int c, struct arena *a, struct session *out);

/* The case-folded text that the directory searches. */
void rows_search_key(const char *name, const char *address, char *out, size_t size);

/* A LIKE pattern for "contains"; wildcards in `match` are taken literally; "" for "". NULL: no
 * room. */
char *rows_like(struct arena *a, const char *match);

/* The next number of the stream clock; call inside a write. DB_ROW. */
enum db_result rows_next_seq(struct db *db, int64_t *seq);

/* Takes an account and all that hangs on it out. Inside a write. DB_DONE. */
enum db_result
rows_account_erase(struct db *db, struct arena *a, const struct account *acc, int64_t now);

/* Never gives an address out again. Inside a write. DB_DONE. */
enum db_result rows_address_retire(struct db *db, const uint8_t mac[static TOMBSTONE_MAC_BYTES]);

/* Puts an account row in; *acc gets its id. Inside a write. DB_DONE, or DB_CONFLICT when address or
 * e-mail is taken. */
enum db_result rows_account_insert(struct db *db, struct account *acc);

#endif
