/* Erasing an account with all that hangs on it. */
#include "erase.h"

#include "access_request.h"
#include "account_internal.h"
#include "audit.h"
#include "cleanup.h"
#include "group.h"
#include "wakeup.h"

/* Sessions, idempotency records and messages that were sent or are about the account (with their
 * deliveries and positions) go by the schema's cascades and triggers. */
enum db_result
erase_account(struct db *db, struct arena *a, const struct account *acc, int64_t now)
{
	static const enum stmt by_id[] = { ST_ERASE_RECEIVED, ST_ERASE_DELIVERIES,
		ST_ERASE_STREAM };
	static const enum stmt by_email[] = { ST_ERASE_OUTBOX, ST_CODE_DELETE };
	uint8_t mac[TOMBSTONE_MAC_BYTES];
	enum db_result r;

	account_address_mac(acc->chat_address, mac);
	if (!tombstone_account(db, acc->created_at, acc->id, mac))
		return DB_FULL;
	r = db_exec(db, ST_SWEEP_ERASED, now);
	if (db_failed(r))
		return r;
	r = account_retire_address(db, mac);
	if (!db_failed(r))
		r = group_transfer_owned(db, a, acc, now);
	for (size_t i = 0; i < ARRAY_LEN(by_id) && !db_failed(r); i++)
		r = db_exec(db, by_id[i], acc->id);
	for (size_t i = 0; i < ARRAY_LEN(by_email) && !db_failed(r); i++)
		r = db_exec(db, by_email[i], acc->email);
	if (!db_failed(r))
		r = access_forget(db, a, acc->email);
	if (!db_failed(r))
		r = db_exec(db, ST_AUDIT_FORGET, acc->chat_address, acc->email);
	wakeup_for(db, WAKE_ENDED, acc->id);
	return db_failed(r) ? r : db_exec(db, ST_ACCOUNT_DELETE, acc->id);
}

enum db_result
db_account_erase(struct db *db, struct arena *a, const struct account *acc, int64_t now)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, erase_account(db, a, acc, now)) : r;
}

static enum db_result
end_account(struct db *db, struct arena *a, const struct account *acc, const char *actor,
    int64_t now, enum account_result *result)
{
	int64_t admins = 0;
	struct account fresh;
	enum db_result r = db_account_by_address(db, a, acc->chat_address, &fresh);

	if (r == DB_ROW)
		r = account_count_admins(db, &admins);
	if (r != DB_DONE)
		return r;
	*result = fresh.role == ROLE_ADMIN && !fresh.blocked && admins == 1 ? ACCOUNT_LAST_ADMIN :
									      ACCOUNT_OK;
	if (*result != ACCOUNT_OK)
		return DB_DONE;
	r = erase_account(db, a, &fresh, now);
	return r == DB_DONE ? audit_note(db, now, actor, "delete", "erased") : r;
}

enum db_result
db_account_end(struct db *db, struct arena *a, const struct account *acc, const char *actor,
    int64_t now, enum account_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ? db_end(db, end_account(db, a, acc, actor, now, result)) : r;
}
