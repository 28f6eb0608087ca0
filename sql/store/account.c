/* Accounts: looking up, listing, changing, erasing. */
#include "account.h"

#include "access.h"
#include "audit.h"
#include "cleanup.h"
#include "clock.h"
#include "group.h"
#include "rows.h"
#include "text.h"
#include "tombstone.h"

#include <stdio.h>
#include <string.h>

const char *
account_name(const struct account *a)
{
	return a->display_name[0] ? a->display_name : a->chat_address;
}

bool
rows_account(struct db_stmt *st, int c, struct arena *a, struct account *out)
{
	bool ok = true;

	out->id = db_i64(st, c);
	out->email = db_text(st, c + 1, a, &ok);
	out->chat_address = db_text(st, c + 2, a, &ok);
	out->display_name = db_text(st, c + 3, a, &ok);
	out->language = db_text(st, c + 4, a, &ok);
	out->role = db_int(st, c + 5) ? ROLE_ADMIN : ROLE_USER;
	out->public_visible = db_int(st, c + 6);
	out->hidden = db_int(st, c + 7);
	out->blocked = db_int(st, c + 8);
	out->delivered_seq = db_i64(st, c + 9);
	out->created_at = db_i64(st, c + 10);
	out->mail_reply_to = db_int(st, c + 11);
	out->invites_from = db_int(st, c + 12);
	return ok;
}

void
rows_search_key(const char *name, const char *address, char *out, size_t size)
{
	size_t len;

	text_fold(name, out, size);
	len = strlen(out);
	snprintf(out + len, size - len, "\n%s", address);
}

enum db_result
rows_next_seq(struct db *db, int64_t *seq)
{
	struct db_stmt *st = db_bind(db, ST_SEQ_NEXT, clock_ms() * 1000);
	enum db_result r = db_step(db, st);

	if (r == DB_ROW) {
		*seq = db_i64(st, 0);
		db_reset(st);
	}
	return r == DB_DONE ? DB_FAIL : r;
}

static enum db_result
read_one(struct db *db, struct db_stmt *st, struct arena *a, struct account *out)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	if (!rows_account(st, 0, a, out))
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
insert_account(struct db *db, struct account *acc)
{
	char key[512];
	struct db_stmt *st;
	enum db_result r;

	rows_search_key(acc->display_name, acc->chat_address, key, sizeof(key));
	st = db_bind(db, ST_ACCOUNT_INSERT, acc->email, acc->chat_address, acc->display_name, key,
	    acc->language, (int64_t)acc->role, (int64_t)acc->public_visible, acc->created_at);
	r = db_step(db, st);
	if (r == DB_DONE)
		return DB_CONFLICT;
	if (r != DB_ROW)
		return r;
	acc->id = db_i64(st, 0);
	db_reset(st);
	return DB_DONE;
}

static void
address_mac(const char *address, uint8_t mac[static TOMBSTONE_MAC_BYTES])
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
rows_account_insert(struct db *db, struct account *acc)
{
	uint8_t mac[TOMBSTONE_MAC_BYTES];
	enum db_result r;

	if (is_reserved(acc->chat_address))
		return DB_CONFLICT;

	address_mac(acc->chat_address, mac);
	r = db_find(db, ST_ADDRESS_IS_RETIRED, &(struct db_blob){ mac, sizeof(mac) });
	if (r == DB_ROW)
		return DB_CONFLICT;
	return r == DB_NONE ? insert_account(db, acc) : r;
}

static enum db_result
update_account(
    struct db *db, struct arena *a, struct account *acc, const struct account_change *change)
{
	char key[512];
	enum db_result r;

	if (change->display_name)
		rows_search_key(change->display_name, acc->chat_address, key, sizeof(key));
	r = db_exec(db, ST_ACCOUNT_UPDATE, acc->id, change->display_name,
	    change->display_name ? key : NULL, change->language, (int64_t)change->public_visible,
	    (int64_t)change->mail_reply_to, (int64_t)change->invites_from);
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

static enum db_result
count_admins(struct db *db, int64_t *n)
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
set_flags(struct db *db, const struct account *acc)
{
	int64_t before = 0, after = 0;
	enum db_result r = count_admins(db, &before);

	if (r == DB_DONE)
		r = db_exec(db, ST_ACCOUNT_SET_FLAGS, acc->id, (int64_t)acc->role,
		    (int64_t)acc->blocked, (int64_t)acc->hidden);
	if (r == DB_DONE)
		r = count_admins(db, &after);
	if (r == DB_DONE && before > 0 && after == 0)
		r = DB_CONFLICT;
	if (r != DB_DONE || !acc->blocked)
		return r;
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
    const char *actor, int64_t now, struct account *out)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	r = db_account_by_address(db, a, address, out);
	if (r != DB_ROW)
		return db_end(db, r);
	r = account_apply(out, action) ? set_flags(db, out) : DB_FAIL;
	if (r == DB_DONE)
		r = audit_note(db, now, actor, action, out->chat_address);
	return db_end(db, r);
}

enum db_result
rows_address_retire(struct db *db, const uint8_t mac[static TOMBSTONE_MAC_BYTES])
{
	enum db_result r =
	    db_exec(db, ST_ADDRESS_RETIRE, &(struct db_blob){ mac, TOMBSTONE_MAC_BYTES });

	return r == DB_NONE ? DB_DONE : r;
}

/* Sessions, idempotency records and sent messages (with their deliveries) go by the schema's
 * cascades. */
enum db_result
rows_account_erase(struct db *db, struct arena *a, const struct account *acc, int64_t now)
{
	static const enum stmt by_id[] = { ST_ERASE_DELIVERIES, ST_ERASE_SENT_CHANGES,
		ST_ERASE_SENT_STREAM, ST_ERASE_SENT_GROUP, ST_ERASE_STREAM };
	static const enum stmt by_email[] = { ST_ERASE_OUTBOX, ST_CODE_DELETE };
	uint8_t mac[TOMBSTONE_MAC_BYTES];
	enum db_result r;

	address_mac(acc->chat_address, mac);
	if (!tombstone_account(db, acc->created_at, acc->id, mac))
		return DB_FULL;
	r = db_exec(db, ST_SWEEP_ERASED, now);
	if (db_failed(r))
		return r;
	r = rows_address_retire(db, mac);
	if (!db_failed(r))
		r = group_forsake(db, a, acc, now);
	if (!db_failed(r))
		r = db_exec(db, ST_ERASE_RECEIVED, acc->id);
	for (size_t i = 0; i < ARRAY_LEN(by_id) && !db_failed(r); i++)
		r = db_exec(db, by_id[i], acc->id);
	for (size_t i = 0; i < ARRAY_LEN(by_email) && !db_failed(r); i++)
		r = db_exec(db, by_email[i], acc->email);
	if (!db_failed(r))
		r = access_forget(db, a, acc->email);
	if (!db_failed(r))
		r = db_exec(db, ST_AUDIT_FORGET, acc->chat_address, acc->email);
	return db_failed(r) ? r : db_exec(db, ST_ACCOUNT_DELETE, acc->id);
}

enum db_result
db_account_erase(struct db *db, struct arena *a, const struct account *acc, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, rows_account_erase(db, a, acc, now)) : r;
}

static enum db_result
end_account(
    struct db *db, struct arena *a, const struct account *acc, const char *actor, int64_t now)
{
	int64_t admins = 0;
	struct account fresh;
	enum db_result r = db_account_by_address(db, a, acc->chat_address, &fresh);

	if (r == DB_ROW)
		r = count_admins(db, &admins);
	if (r != DB_DONE)
		return r;
	if (fresh.role == ROLE_ADMIN && !fresh.blocked && admins == 1)
		return DB_CONFLICT;
	r = rows_account_erase(db, a, &fresh, now);
	return r == DB_DONE ? audit_note(db, now, actor, "delete", "erased") : r;
}

enum db_result
db_account_end(
    struct db *db, struct arena *a, const struct account *acc, const char *actor, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, end_account(db, a, acc, actor, now)) : r;
}

enum db_result
db_session_end_all(
    struct db *db, const struct account *acc, const char *actor, int64_t now, int *ended)
{
	enum db_result r = db_begin(db);

	*ended = 0;
	if (r != DB_DONE)
		return r;
	r = db_exec(db, ST_SESSION_DELETE_ALL, acc->id);
	if (r == DB_DONE)
		*ended = db_changes(db);
	if (!db_failed(r))
		r = audit_note(db, now, actor, "logout", acc->chat_address);
	return db_end(db, r);
}

static enum db_result
read_list(struct db *db, struct db_stmt *st, struct arena *a, struct account *out, int *count)
{
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if (!rows_account(st, 0, a, &out[(*count)++])) {
			db_reset(st);
			return DB_FAIL;
		}
	return r;
}

enum db_result
db_account_list(struct db *db, struct arena *a, const char *match, const char *after, int limit,
    struct account *out, int *count)
{
	const char *pattern = rows_like(a, match);

	if (!pattern)
		return DB_FAIL;
	return read_list(
	    db, db_bind(db, ST_ACCOUNT_LIST, after, pattern, (int64_t)limit), a, out, count);
}

char *
rows_like(struct arena *a, const char *match)
{
	char *out = arena_alloc(a, 2 * strlen(match) + 3), *p = out;

	if (!out || !*match)
		return out;
	*p++ = '%';
	for (; *match; match++) {
		if (strchr("%_\\", *match))
			*p++ = '\\';
		*p++ = *match;
	}
	*p = '%';
	return out;
}

enum db_result
db_account_list_public(struct db *db, struct arena *a, const char *match, const char *after,
    int limit, struct account *out, int *count)
{
	const char *pattern = rows_like(a, match);

	if (!pattern)
		return DB_FAIL;
	return read_list(
	    db, db_bind(db, ST_ACCOUNT_LIST_PUBLIC, after, pattern, (int64_t)limit), a, out, count);
}
