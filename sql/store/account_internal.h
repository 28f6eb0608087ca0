/* Reading and making accounts: for the store's own files. */
#ifndef SQL_ACCOUNT_INTERNAL_H
#define SQL_ACCOUNT_INTERNAL_H

#include "columns.h"
#include "account.h"
#include "db_internal.h"
#include "tombstone.h"

/* Reads ACCOUNT_COLUMNS from column `c` on; false when the arena is full. */
bool account_read(struct db_stmt *st, int c, struct arena *a, struct account *out);

/* The keyed hash under which an address is retired. */
void account_address_mac(const char *address, uint8_t mac[static TOMBSTONE_MAC_BYTES]);

/* How many admins can sign in. DB_DONE. */
enum db_result account_count_admins(struct db *db, int64_t *n);

/* Never gives an address out again. Inside a write. DB_DONE. */
enum db_result account_retire_address(struct db *db, const uint8_t mac[static TOMBSTONE_MAC_BYTES]);

/* Puts an account row in; *acc gets its id. Inside a write. DB_DONE with *taken: were address or
 * e-mail? Then there is no row. */
enum db_result account_insert(struct db *db, struct account *acc, bool *taken);

#endif
