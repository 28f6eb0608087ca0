/* Uploaded files: their rows, who may see them, and the removal of bytes whose row is gone. Strings
 * live in the given arena. */
#ifndef SQL_FILE_H
#define SQL_FILE_H

#include "account.h"

struct file {
	int64_t id;
	uint8_t public_id[ID_BYTES];
	uint8_t token_hash[SECRET_HASH_BYTES];
	char *name, *mime;
	int64_t size; /* bytes */
	int64_t created_at, expires_at; /* expires_at 0: never */
	const uint8_t *key_mac; /* of a new one: SECRET_HASH_BYTES of its upload key; or NULL */
	bool visible; /* to the account that asked: its own, or named by a message it got */
};

enum file_result {
	FILE_NOTED,
	FILE_REPEATED, /* its upload key was used before */
	FILE_OVER_QUOTA /* all files of the owner would be larger */
};

/* Notes a file of `owner_id` whose bytes are in place; all of theirs may have `quota` bytes.
 * DB_DONE with *result. */
enum db_result db_file_add(
    struct db *db, const struct file *f, int64_t owner_id, int64_t quota, enum file_result *result);

/* The file that `owner_id` uploaded under a key within a day. DB_ROW or DB_NONE. */
enum db_result db_file_by_key(struct db *db, struct arena *a, int64_t owner_id,
    const uint8_t key_mac[static SECRET_HASH_BYTES], int64_t now, struct file *out);

/* Bytes that an account keeps. DB_ROW. */
enum db_result db_file_used(struct db *db, int64_t owner_id, int64_t *bytes);

/* A file that has not expired, with what `account_id` (0: nobody) may see of it. DB_ROW or DB_NONE.
 */
enum db_result db_file_get(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, int64_t now, struct file *out);

/* Up to `limit` files of an account after the one with number `after`. DB_DONE. */
enum db_result db_file_list(struct db *db, struct arena *a, int64_t owner_id, int64_t after,
    int64_t now, int limit, struct file *out, int *count);

/* Deletes a file of its owner. DB_DONE or DB_NONE. */
enum db_result
db_file_delete(struct db *db, int64_t owner_id, const uint8_t public_id[static ID_BYTES]);

/* So long files of messages that are final wait for recipients, in milliseconds; 0: not at all. */
int64_t db_file_hold_ms(const struct db *db);

/* Notes that a recipient has fetched the whole file; if it was held for them alone it goes now, its
 * bytes by db_file_clear. DB_DONE, or DB_NONE: nobody waited for that. */
enum db_result
db_file_fetched(struct db *db, const uint8_t public_id[static ID_BYTES], int64_t account_id);

/* Removes the bytes of up to `limit` files whose rows are gone from `upload_dir`, after *cursor
 * (zeros at first), which is moved on. What cannot be removed now stays for another time. DB_DONE
 * with *removed, or DB_NONE when these were the last. */
enum db_result db_file_clear(struct db *db, const char *upload_dir, int limit,
    uint8_t cursor[static ID_BYTES], int *removed);

#endif
