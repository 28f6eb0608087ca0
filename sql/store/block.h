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

/* An external address. A number is the same however it is written: with blanks, dots,
 * slashes, hyphens and brackets or without, 00 or + before it. So is any address in upper or lower
 * case. */
struct external_block {
	char *channel, *address;
	int64_t created_at;
};

#define BLOCKS_EXTERNAL_MAX 1000

/* The form of an address that is kept and compared, in `out`. */
#define EXTERNAL_ADDRESS_BYTES 256
void block_external_address(const char *given, char out[static EXTERNAL_ADDRESS_BYTES]);

/* Blocks; doing it again changes nothing. DB_DONE, or DB_NONE: there are as many as may be. */
enum db_result db_block_external_put(
    struct db *db, int64_t account_id, const char *channel, const char *address, int64_t now);

/* Unblocks, if it was blocked. DB_DONE. */
enum db_result db_block_external_delete(
    struct db *db, int64_t account_id, const char *channel, const char *address);

/* Is it blocked? DB_ROW: yes, DB_NONE: no. */
enum db_result
db_block_external_get(struct db *db, int64_t account_id, const char *channel, const char *address);

/* All of an account. DB_DONE. */
enum db_result db_block_external_list(struct db *db, struct arena *a, int64_t account_id,
    struct external_block out[static BLOCKS_EXTERNAL_MAX], int *count);

#endif
