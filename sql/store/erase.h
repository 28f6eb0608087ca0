/* Erasing an account with all that hangs on it. */
#ifndef SQL_ERASE_H
#define SQL_ERASE_H

#include "account.h"

/* Erases the account and all that hangs on it; its chat address is never given out again. */
enum db_result
db_account_erase(struct db *db, struct arena *a, const struct account *acc, int64_t now);

/* The same by the operator, or an admin, who is named in the audit log. DB_DONE with *result. */
enum db_result db_account_end(struct db *db, struct arena *a, const struct account *acc,
    const char *actor, int64_t now, enum account_result *result);

/* Takes an account and all that hangs on it out. Inside a write. DB_DONE. */
enum db_result
erase_account(struct db *db, struct arena *a, const struct account *acc, int64_t now);

#endif
