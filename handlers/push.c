/* Where a session's device wants to be told that there is something to fetch; relay-mail does it.
 */
#include "push.h"

#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "subscription.h"
#include "vapid.h"

bool
push_show(struct request *r, struct json_object *o)
{
	struct json_object *push;

	if (!r->worker->conf->push)
		return false;
	push = json_new_object();
	json_add(o, "push", push);
	json_add_text(push, "key", vapid_public());
	return true;
}

/* PUT push: in place of what the session named before. */
void
on_push_put(struct request *r)
{
	const struct in_push *in = r->in;

	if (!r->worker->conf->push) {
		resp_error(r, 404, "push_off", "This relay sends no pushes.");
		return;
	}
	if (!resp_db_failed(r, db_push_put(r->worker->db, r->session.id, r->me.id, in->endpoint)))
		resp_ok(r, 200);
}

/* DELETE push: nothing goes to the session's device any more, if anything did. */
void
on_push_delete(struct request *r)
{
	if (!resp_db_failed(r, db_push_delete(r->worker->db, r->session.id)))
		resp_ok(r, 200);
}
