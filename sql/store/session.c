/* Sessions: looking up by token, listing, ending, presence. */
#include "session_internal.h"

#include "account_internal.h"
#include "audit.h"
#include "wakeup.h"
#include "search.h"

#include <string.h>

bool
session_read(struct db_stmt *st, int c, struct arena *a, struct session *out)
{
	bool ok = true;

	out->id = db_i64(st, c + SESSION_ID_COLUMN);
	if (!db_blob(st, c + SESSION_PUBLIC_ID_COLUMN, out->public_id, sizeof(out->public_id)))
		return false;
	out->device_name = db_text(st, c + SESSION_DEVICE_NAME_COLUMN, a, &ok);
	out->session_name = db_text(st, c + SESSION_SESSION_NAME_COLUMN, a, &ok);
	out->listen_channel = db_text(st, c + SESSION_LISTEN_CHANNEL_COLUMN, a, &ok);
	out->visible = db_int(st, c + SESSION_VISIBLE_COLUMN);
	out->start_seq = db_i64(st, c + SESSION_START_SEQ_COLUMN);
	out->sent_seq = db_i64(st, c + SESSION_SENT_SEQ_COLUMN);
	out->created_at = db_i64(st, c + SESSION_CREATED_AT_COLUMN);
	out->expires_at = db_i64(st, c + SESSION_EXPIRES_AT_COLUMN);
	out->last_seen_at = db_i64(st, c + SESSION_LAST_SEEN_AT_COLUMN);
	out->scopes = (unsigned)db_int(st, c + SESSION_SCOPES_COLUMN);
	out->phone_id = db_text(st, c + SESSION_PHONE_ID_COLUMN, a, &ok);
	out->confirmed_seq = db_i64(st, c + SESSION_CONFIRMED_SEQ_COLUMN);
	out->own = db_int(st, c + SESSION_OWN_COLUMN);
	return ok;
}

static enum db_result
read_holder(
    struct db *db, struct db_stmt *st, struct arena *a, struct session *s, struct account *acc)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	if (!session_read(st, 0, a, s) || !account_read(st, SESSION_COLUMN_COUNT, a, acc))
		r = DB_FAIL;
	db_reset(st);
	return r;
}

enum db_result
db_session_by_token(struct db *db, struct arena *a, const uint8_t hash[static SECRET_HASH_BYTES],
    struct session *s, struct account *acc)
{
	return read_holder(db,
	    db_bind(db, ST_SESSION_BY_TOKEN, &(struct db_blob){ hash, SECRET_HASH_BYTES }), a, s,
	    acc);
}

enum db_result
db_session_by_id(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    struct session *s, struct account *acc)
{
	return read_holder(
	    db, db_bind(db, ST_SESSION_BY_ID, &(struct db_blob){ public_id, ID_BYTES }), a, s, acc);
}

static enum db_result
read_list(struct db *db, struct db_stmt *st, struct arena *a, struct session *out, int *count)
{
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if (!session_read(st, 0, a, &out[(*count)++])) {
			db_reset(st);
			return DB_FAIL;
		}
	return r;
}

enum db_result
db_session_list(struct db *db, struct arena *a, int64_t account_id, int64_t now, int64_t after,
    int limit, struct session *out, int *count)
{
	return read_list(db, db_bind(db, ST_SESSION_LIST, account_id, now, after, (int64_t)limit),
	    a, out, count);
}

enum db_result
db_session_live(struct db *db, struct arena *a, int64_t account_id, int64_t now, int64_t seen_after,
    int limit, struct session *out, int *count)
{
	return read_list(db,
	    db_bind(db, ST_SESSION_LIVE, account_id, now, seen_after, (int64_t)limit), a, out,
	    count);
}

enum db_result
db_session_last_seen(struct db *db, int64_t account_id, int64_t *at)
{
	struct db_stmt *st = db_bind(db, ST_SESSION_LAST_SEEN, account_id);
	enum db_result r = db_step(db, st);

	*at = 0;
	if (r != DB_ROW)
		return r;
	*at = db_i64(st, 0);
	db_reset(st);
	return DB_DONE;
}

enum db_result
db_session_delete(struct db *db, int64_t account_id, const uint8_t public_id[static ID_BYTES])
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	wakeup_for(db, WAKE_ENDED, account_id);
	return db_end(db,
	    db_exec(db, ST_SESSION_DELETE, account_id, &(struct db_blob){ public_id, ID_BYTES }));
}

enum db_result
db_session_delete_others(struct db *db, int64_t account_id, int64_t keep_id, int *ended)
{
	enum db_result r = db_begin(db);

	*ended = 0;
	if (r != DB_DONE)
		return r;
	wakeup_for(db, WAKE_ENDED, account_id);
	r = db_exec(db, ST_SESSION_DELETE_OTHERS, account_id, keep_id);
	if (r == DB_DONE)
		*ended = (int)db_changes(db);
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_session_touch(struct db *db, int64_t id, const char *client, int64_t now, bool wait)
{
	uint8_t mac[SECRET_HASH_BYTES];
	enum db_result r = db_begin_within(db, wait ? db->timeout_ms : 0);

	if (r != DB_DONE)
		return r;
	db_client_mac(client, mac);
	return db_end(
	    db, db_exec(db, ST_SESSION_TOUCH, id, now, &(struct db_blob){ mac, sizeof(mac) }));
}

static enum db_result
presence(struct db *db, int64_t session_id, const struct account *acc, const struct presence *p)
{
	char key[512];
	enum db_result r = db_exec(db, ST_SESSION_PRESENCE, session_id, (int64_t)p->visible,
	    p->device_name, p->session_name, p->listen_channel);

	if (r != DB_DONE || !p->account_name)
		return r;
	search_key(p->account_name, acc->chat_address, key, sizeof(key));
	r = db_exec(db, ST_ACCOUNT_NAME_FIRST, acc->id, p->account_name, key);
	return r == DB_NONE ? DB_DONE : r; /* it has a name already */
}

enum db_result
db_session_presence(
    struct db *db, int64_t session_id, const struct account *acc, const struct presence *p)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, presence(db, session_id, acc, p)) : r;
}

enum db_result
db_session_end(struct db *db, const struct account *acc, const uint8_t public_id[static ID_BYTES],
    const char *actor, int64_t now)
{
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	wakeup_for(db, WAKE_ENDED, acc->id);
	r = db_exec(db, ST_SESSION_DELETE, acc->id, &(struct db_blob){ public_id, ID_BYTES });
	if (r == DB_DONE)
		r = audit_note(db, now, actor, "end-session", acc->chat_address);
	return db_end(db, r);
}

/* Within a write: whoever was erased meanwhile has none, and is not named. */
static enum db_result
end_all(struct db *db, const struct account *acc, const char *actor, int64_t now, int *ended)
{
	enum db_result r = db_find(db, ST_ACCOUNT_ADDRESS_BY_ID, acc->id);

	if (r != DB_ROW)
		return r;
	wakeup_for(db, WAKE_ENDED, acc->id);
	r = db_exec(db, ST_SESSION_DELETE_ALL, acc->id);
	if (r == DB_DONE)
		*ended = (int)db_changes(db);
	return db_failed(r) ? r : audit_note(db, now, actor, "logout", acc->chat_address);
}

enum db_result
db_session_end_all(
    struct db *db, const struct account *acc, const char *actor, int64_t now, int *ended)
{
	enum db_result r = db_begin(db);

	*ended = 0;
	return r == DB_DONE ? db_end(db, end_all(db, acc, actor, now, ended)) : r;
}

void
db_client_mac(const char *client, uint8_t mac[static SECRET_HASH_BYTES])
{
	secret_mac("client", client, strlen(client), mac);
}
