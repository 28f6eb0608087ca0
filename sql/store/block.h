/* Blocks between users: silent to the one who is blocked. */
#ifndef SQL_BLOCK_H
#define SQL_BLOCK_H

#include "account.h"

struct block {
	char *chat_address, *display_name;
	int64_t created_at;
};

/* Blocks, or unblocks; doing it again changes nothing. DB_DONE. */
enum db_result
db_block_set(struct db *db, int64_t account_id, int64_t blocked_id, bool blocked, int64_t now);

/* Has `account_id` blocked `other_id`? DB_ROW: yes, DB_NONE: no. */
enum db_result db_block_get(struct db *db, int64_t account_id, int64_t other_id);

/* Up to `limit` whom the account blocked, in order of address after `after`. DB_DONE. */
enum db_result db_block_list(struct db *db, struct arena *a, int64_t account_id, const char *after,
    int limit, struct block *out, int *count);

#endif
