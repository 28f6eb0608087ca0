/* What admins do to one user beyond a change of their account: their sessions, and the end of the
 * account. By the same functions of the store as relayctl. */
#include "erase.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

#include <stdlib.h>

static void
unknown_user(struct request *r)
{
	resp_error(r, 404, "unknown_user", "Nobody has this chat address.");
}

/* The account of the path. False: it responded with an error. */
static bool
find_user(struct request *r, struct account *out)
{
	enum db_result res = db_account_by_address(r->worker->db, &r->arena, r->args[0], out);

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE)
		unknown_user(r);
	return res != DB_NONE;
}

/* GET admin/users/<chat_address>/sessions: where they are signed in, a page at a time. */
void
on_admin_sessions(struct request *r)
{
	struct account who;

	if (find_user(r, &who))
		show_sessions(r, who.id);
}

/* DELETE admin/users/<chat_address>/sessions/<id>: ends one. */
void
on_admin_session_delete(struct request *r)
{
	struct account who;
	uint8_t id[ID_BYTES];
	enum db_result res = DB_NONE;

	if (!find_user(r, &who))
		return;
	if (id_parse("ses_", r->args[1], id))
		res = db_session_end(r->worker->db, &who, id, r->me.chat_address, r->now);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		resp_error(r, 404, "unknown_session", "They have no such session.");
	else
		json_add_text(resp_ok(r, 200), "status", "revoked");
}

/* DELETE admin/users/<chat_address>/sessions: ends all, and all API keys. */
void
on_admin_sessions_delete(struct request *r)
{
	struct account who;
	int ended = 0;
	enum db_result res;

	if (!find_user(r, &who))
		return;
	res = db_session_end_all(r->worker->db, &who, r->me.chat_address, r->now, &ended);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		unknown_user(r);
	else
		json_add_int(resp_ok(r, 200), "revoked", ended);
}

/* DELETE admin/users/<chat_address>: the account and all that hangs on it is gone for good. Admins
 * end their own by DELETE me. */
void
on_admin_user_delete(struct request *r)
{
	struct account who;
	enum account_result result = ACCOUNT_OK;
	enum db_result res;

	if (!find_user(r, &who))
		return;
	if (who.id == r->me.id) {
		resp_error(r, 409, "own_account", "Your own account is erased by DELETE me alone.");
		return;
	}
	res = db_account_end(r->worker->db, &r->arena, &who, r->me.chat_address, r->now, &result);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		unknown_user(r);
	else if (result == ACCOUNT_LAST_ADMIN)
		resp_error(
		    r, 409, "last_admin", "The relay needs an admin: promote another one first.");
	else {
		file_clear(r);
		json_add_text(resp_ok(r, 200), "status", "erased");
	}
}
