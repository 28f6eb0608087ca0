/* Accounts: looking up, listing, changing. */
#include "account_internal.h"

#include "audit.h"
#include "record_internal.h"
#include "wakeup.h"
#include "search.h"

#include <string.h>

const char *
account_name(const struct account *a)
{
	return a->display_name[0] ? a->display_name : a->chat_address;
}

bool
account_read(struct db_stmt *st, int c, struct arena *a, struct account *out)
{
	bool ok = true;

	out->id = db_i64(st, c + ACCOUNT_ID_COLUMN);
	out->email = db_text(st, c + ACCOUNT_EMAIL_COLUMN, a, &ok);
	out->chat_address = db_text(st, c + ACCOUNT_CHAT_ADDRESS_COLUMN, a, &ok);
	out->display_name = db_text(st, c + ACCOUNT_DISPLAY_NAME_COLUMN, a, &ok);
	out->language = db_text(st, c + ACCOUNT_LANGUAGE_COLUMN, a, &ok);
	out->role = db_int(st, c + ACCOUNT_ROLE_COLUMN) ? ROLE_ADMIN : ROLE_USER;
	out->public_visible = db_int(st, c + ACCOUNT_PUBLIC_VISIBLE_COLUMN);
	out->hidden = db_int(st, c + ACCOUNT_HIDDEN_COLUMN);
	out->blocked = db_int(st, c + ACCOUNT_BLOCKED_COLUMN);
	out->delivered_seq = db_i64(st, c + ACCOUNT_DELIVERED_SEQ_COLUMN);
	out->created_at = db_i64(st, c + ACCOUNT_CREATED_AT_COLUMN);
	out->mail_reply_to = db_int(st, c + ACCOUNT_MAIL_REPLY_TO_COLUMN);
	out->invites_from = db_int(st, c + ACCOUNT_GROUP_INVITES_COLUMN);
	return ok;
}

static enum db_result
read_one(struct db *db, struct db_stmt *st, struct arena *a, struct account *out)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	if (!account_read(st, 0, a, out))
		r = DB_FAIL;
	db_reset(st);
	return r;
}

enum db_result
db_account_by_email(struct db *db, struct arena *a, const char *email, struct account *out)
{
	return read_one(db, db_bind(db, ST_ACCOUNT_BY_EMAIL, email), a, out);
}

enum db_result
db_account_by_address(struct db *db, struct arena *a, const char *address, struct account *out)
{
	return read_one(db, db_bind(db, ST_ACCOUNT_BY_ADDRESS, address), a, out);
}

enum db_result
db_account_address(struct db *db, struct arena *a, int64_t id, char **out)
{
	struct db_stmt *st = db_bind(db, ST_ACCOUNT_ADDRESS_BY_ID, id);
	enum db_result r = db_one(db, st);
	bool ok = true;

	if (r != DB_ROW)
		return r;
	*out = db_text(st, 0, a, &ok);
	db_reset(st);
	return ok ? DB_ROW : DB_FAIL;
}

static enum db_result
put_account(struct db *db, struct account *acc, bool *taken)
{
	char key[512];
	struct db_stmt *st;
	enum db_result r;

	search_key(acc->display_name, acc->chat_address, key, sizeof(key));
	st = db_bind(db, ST_ACCOUNT_INSERT, acc->email, acc->chat_address, acc->display_name, key,
	    acc->language, (int64_t)acc->role, (int64_t)acc->public_visible, acc->created_at);
	r = db_step(db, st);
	*taken = r == DB_DONE;
	if (r != DB_ROW)
		return r;
	acc->id = db_i64(st, 0);
	db_reset(st);
	return DB_DONE;
}

void
account_address_mac(const char *address, uint8_t mac[static TOMBSTONE_MAC_BYTES])
{
	uint8_t whole[SECRET_HASH_BYTES];

	secret_mac("retired-address", address, strlen(address), whole);
	memcpy(mac, whole, TOMBSTONE_MAC_BYTES);
}

/* Addresses that mean something else: the relay itself, and groups. */
static bool
is_reserved(const char *address)
{
	return strcmp(address, "relay") == 0 || strncmp(address, "grp_", 4) == 0;
}

enum db_result
account_insert(struct db *db, struct account *acc, bool *taken)
{
	uint8_t mac[TOMBSTONE_MAC_BYTES];
	enum db_result r;

	*taken = is_reserved(acc->chat_address);
	if (*taken)
		return DB_DONE;
	account_address_mac(acc->chat_address, mac);
	r = db_find(db, ST_ADDRESS_IS_RETIRED, &(struct db_blob){ mac, sizeof(mac) });
	*taken = r == DB_ROW;
	if (*taken)
		return DB_DONE;
	return r == DB_NONE ? put_account(db, acc, taken) : r;
}

static enum db_result
update_account(
    struct db *db, struct arena *a, struct account *acc, const struct account_change *change)
{
	char key[512];
	enum db_result r;

	if (change->display_name)
		search_key(change->display_name, acc->chat_address, key, sizeof(key));
	r = db_exec(db, ST_ACCOUNT_UPDATE, acc->id, change->display_name,
	    change->display_name ? key : NULL, change->language, (int64_t)change->public_visible,
	    (int64_t)change->mail_reply_to, (int64_t)change->invites_from);
	if (r == DB_DONE)
		r = record_changed(db, acc->id, SUBJECT_PROFILE);
	if (r != DB_DONE)
		return r;
	r = db_account_by_address(db, a, acc->chat_address, acc);
	return r == DB_ROW ? DB_DONE : r;
}

enum db_result
db_account_update(
    struct db *db, struct arena *a, struct account *acc, const struct account_change *change)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, update_account(db, a, acc, change)) : r;
}

enum db_result
account_count_admins(struct db *db, int64_t *n)
{
	struct db_stmt *st = db_bind(db, ST_ACCOUNT_COUNT_ADMINS);
	enum db_result r = db_step(db, st);

	if (r == DB_ROW) {
		*n = db_i64(st, 0);
		db_reset(st);
		return DB_DONE;
	}
	return r == DB_DONE ? DB_FAIL : r;
}

static enum db_result
set_flags(struct db *db, const struct account *acc, enum account_result *result)
{
	int64_t before = 0, after = 0;
	enum db_result r = account_count_admins(db, &before);

	if (r == DB_DONE)
		r = db_exec(db, ST_ACCOUNT_SET_FLAGS, acc->id, (int64_t)acc->role,
		    (int64_t)acc->blocked, (int64_t)acc->hidden);
	if (r == DB_DONE)
		r = account_count_admins(db, &after);
	if (r == DB_DONE && before > 0 && after == 0) {
		*result = ACCOUNT_LAST_ADMIN;
		return DB_UNDO;
	}
	if (r != DB_DONE || !acc->blocked)
		return r;
	wakeup_for(db, WAKE_ENDED, acc->id);
	r = db_exec(db, ST_SESSION_DELETE_ALL, acc->id);
	return r == DB_NONE ? DB_DONE : r;
}

bool
account_apply(struct account *acc, const char *action)
{
	if (strcmp(action, "promote") == 0)
		acc->role = ROLE_ADMIN;
	else if (strcmp(action, "demote") == 0)
		acc->role = ROLE_USER;
	else if (strcmp(action, "block") == 0 || strcmp(action, "unblock") == 0)
		acc->blocked = action[0] == 'b';
	else if (strcmp(action, "hide") == 0 || strcmp(action, "unhide") == 0)
		acc->hidden = action[0] == 'h';
	else
		return false;
	return true;
}

enum db_result
db_account_act(struct db *db, struct arena *a, const char *address, const char *action,
    const char *actor, int64_t now, struct account *out, enum account_result *result)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	*result = ACCOUNT_OK;
	r = db_account_by_address(db, a, address, out);
	if (r != DB_ROW)
		return db_end(db, r);
	r = account_apply(out, action) ? set_flags(db, out, result) : DB_FAIL;
	if (r == DB_DONE)
		r = audit_note(db, now, actor, action, out->chat_address);
	return db_end(db, r);
}

enum db_result
account_retire_address(struct db *db, const uint8_t mac[static TOMBSTONE_MAC_BYTES])
{
	enum db_result r =
	    db_exec(db, ST_ADDRESS_RETIRE, &(struct db_blob){ mac, TOMBSTONE_MAC_BYTES });

	return r == DB_NONE ? DB_DONE : r;
}

static enum db_result
read_list(struct db *db, struct db_stmt *st, struct arena *a, struct account *out, int *count)
{
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if (!account_read(st, 0, a, &out[(*count)++])) {
			db_reset(st);
			return DB_FAIL;
		}
	return r;
}

enum db_result
db_account_list(struct db *db, struct arena *a, const char *match, const char *after, int limit,
    struct account *out, int *count)
{
	const char *pattern = search_like(a, match);

	if (!pattern)
		return DB_FAIL;
	return read_list(
	    db, db_bind(db, ST_ACCOUNT_LIST, after, pattern, (int64_t)limit), a, out, count);
}

enum db_result
db_account_list_public(struct db *db, struct arena *a, const char *match, const char *after,
    int limit, struct account *out, int *count)
{
	const char *pattern = search_like(a, match);

	if (!pattern)
		return DB_FAIL;
	return read_list(
	    db, db_bind(db, ST_ACCOUNT_LIST_PUBLIC, after, pattern, (int64_t)limit), a, out, count);
}

bool
account_is_listed(const struct account *a)
{
	return a->public_visible && !a->hidden && !a->blocked;
}

enum db_result
db_account_met(struct db *db, int64_t id, int64_t other_id)
{
	enum db_result r = db_find(db, ST_ACCOUNT_SHARES_GROUP, id, other_id);

	return r == DB_NONE ? db_find(db, ST_ACCOUNT_WROTE_TO, id, other_id) : r;
}
