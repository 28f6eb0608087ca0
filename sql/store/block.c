/* Blocks between users. */
#include "block.h"

#include "record_internal.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum db_result
db_block_set(struct db *db, int64_t account_id, int64_t blocked_id, bool blocked, int64_t now)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = blocked ? db_exec(db, ST_BLOCK_PUT, account_id, blocked_id, now) :
		      db_exec(db, ST_BLOCK_DELETE, account_id, blocked_id);
	if (!db_failed(r) && blocked)
		r = db_exec(db, ST_INVITE_FORGET, account_id, blocked_id);
	if (!db_failed(r))
		r = record_changed(db, account_id, SUBJECT_BLOCKS);
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_block_get(struct db *db, int64_t account_id, int64_t other_id)
{
	return db_find(db, ST_BLOCK_GET, account_id, other_id);
}

enum db_result
db_block_list(struct db *db, struct arena *a, int64_t account_id, const char *after, int limit,
    struct block *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_BLOCK_LIST, account_id, after, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct block *b = &out[(*count)++];

		b->chat_address = db_text(st, 0, a, &ok);
		b->display_name = db_text(st, 1, a, &ok);
		b->created_at = db_i64(st, 2);
	}
	return ok ? r : DB_FAIL;
}

#define NUMBER_MARKS " ()./-" /* what people write between the digits of a telephone number */

static bool
is_number(const char *s)
{
	s += *s == '+';
	return strspn(s, "0123456789" NUMBER_MARKS) == strlen(s) && strpbrk(s, "0123456789");
}

void
block_external_address(const char *given, char out[static EXTERNAL_ADDRESS_BYTES])
{
	char *to = out;

	snprintf(out, EXTERNAL_ADDRESS_BYTES, "%s", given);
	text_clean_address(out);
	if (!is_number(out))
		return;
	for (const char *from = out; *from; from++)
		if (!strchr(NUMBER_MARKS, *from))
			*to++ = *from;
	*to = '\0';
	if (strncmp(out, "00", 2) == 0) {
		out[0] = '+';
		memmove(out + 1, out + 2, strlen(out + 2) + 1);
	}
}

static enum db_result
put_external(
    struct db *db, int64_t account_id, const char *channel, const char *address, int64_t now)
{
	enum db_result r = db_find(db, ST_BLOCK_EXTERNAL_GET, account_id, channel, address);

	if (r == DB_ROW)
		return DB_DONE;
	if (r == DB_NONE)
		r = db_exec(db, ST_BLOCK_EXTERNAL_PUT, account_id, channel, address, now,
		    (int64_t)BLOCKS_EXTERNAL_MAX);
	return r == DB_DONE ? record_changed(db, account_id, SUBJECT_BLOCKS) : r;
}

enum db_result
db_block_external_put(
    struct db *db, int64_t account_id, const char *channel, const char *address, int64_t now)
{
	char kept[EXTERNAL_ADDRESS_BYTES];
	enum db_result r = db_begin(db);

	block_external_address(address, kept);
	return r == DB_DONE ? db_end(db, put_external(db, account_id, channel, kept, now)) : r;
}

enum db_result
db_block_external_delete(
    struct db *db, int64_t account_id, const char *channel, const char *address)
{
	char kept[EXTERNAL_ADDRESS_BYTES];
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	block_external_address(address, kept);
	r = db_exec(db, ST_BLOCK_EXTERNAL_DELETE, account_id, channel, kept);
	if (r == DB_DONE)
		r = record_changed(db, account_id, SUBJECT_BLOCKS);
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_block_external_get(struct db *db, int64_t account_id, const char *channel, const char *address)
{
	char kept[EXTERNAL_ADDRESS_BYTES];

	block_external_address(address, kept);
	return db_find(db, ST_BLOCK_EXTERNAL_GET, account_id, channel, kept);
}

enum db_result
db_block_external_list(struct db *db, struct arena *a, int64_t account_id,
    struct external_block out[static BLOCKS_EXTERNAL_MAX], int *count)
{
	struct db_stmt *st = db_bind(db, ST_BLOCK_EXTERNAL_LIST, account_id);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct external_block *b = &out[(*count)++];

		b->channel = db_text(st, 0, a, &ok);
		b->address = db_text(st, 1, a, &ok);
		b->created_at = db_i64(st, 2);
	}
	return ok ? r : DB_FAIL;
}
