/* Ending sessions. */
#include "handlers.h"
#include "resp.h"

/* DELETE sessions/<id>: ends one of the user's own. */
void
on_session_delete(struct request *r)
{
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("ses_", r->args[0], id) ?
	    db_session_delete(r->worker->db, r->me.id, id) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		resp_error(r, 404, "unknown_session", "You have no such session.");
	else
		json_add_text(resp_ok(r, 200), "status", "revoked");
}

/* POST logout: ends the session that asks. */
void
on_session_logout(struct request *r)
{
	if (!resp_db_failed(r, db_session_delete(r->worker->db, r->me.id, r->session.public_id)))
		json_add_text(resp_ok(r, 200), "status", "logged_out");
}

/* POST logout-all: ends all others. */
void
on_session_logout_all(struct request *r)
{
	int ended = 0;

	if (!resp_db_failed(
		r, db_session_delete_others(r->worker->db, r->me.id, r->session.id, &ended)))
		json_add_int(resp_ok(r, 200), "revoked", ended);
}
