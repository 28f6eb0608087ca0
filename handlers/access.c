/* Requests for access: what admins decide. */
#include "expiry.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "access_request.h"

#include <stdlib.h>

#define MAIL_TTL_MS ((int64_t)3 * 86400000)

/* GET admin/access-requests: newest first, a page at a time. */
void
on_access_list(struct request *r)
{
	static const char *const words[] = { "pending", "approved", "denied" };
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct access_request *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *array;
	int count = 0;
	enum db_result res;

	if (!list)
		return;
	res = db_access_list(r->worker->db, &r->arena, after, limit + 1, list, &count);
	if (resp_db_failed(r, res))
		return;
	array = json_new_array();
	json_add(resp_ok(r, 200), "requests", array);
	for (int i = 0; i < count && i < limit; i++) {
		struct json_object *o = json_new_object();
		char id[ID_TEXT_BYTES];

		id_format("req_", list[i].public_id, id);
		json_add_text(o, "request_id", id);
		json_add_text(o, "email", list[i].email);
		json_add_text(o, "display_name", list[i].display_name);
		json_add_text(o, "status", words[list[i].status]);
		json_add_int(o, "created_at", list[i].created_at);
		json_append(array, o);
	}
	resp_page(r, count > limit, list[limit - 1].id);
}

static void
decide(struct request *r, bool approve)
{
	const struct conf *c = r->worker->conf;
	struct mail mail = { .expires_at = expiry_at(r->now, MAIL_TTL_MS),
		.subject = arena_printf(&r->arena, "%s: you can sign in now", c->name),
		.body = arena_printf(&r->arena,
		    "Your request for access to %s was approved.\nSign in with this e-mail "
		    "address.\n",
		    c->name) };
	uint8_t id[ID_BYTES];
	enum access_result result = ACCESS_DECIDED;
	enum db_result res = DB_NONE;

	if (id_parse("req_", r->args[0], id))
		res = db_access_decide(r->worker->db, &r->arena, id, approve,
		    approve && c->smtp_host[0] ? &mail : NULL, r->me.chat_address, r->now, &result);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		resp_error(r, 404, "unknown_request", "There is no such request.");
	else if (result == ACCESS_DECIDED_OTHERWISE)
		resp_error(r, 409, "already_decided",
		    "This request has already been decided the other way.");
	else {
		req_wake_mailer(r);
		json_add_text(resp_ok(r, 200), "status", approve ? "approved" : "denied");
	}
}

/* POST admin/access-requests/<id>/approve: the address may sign in from now on, and is notified by
 * mail. */
void
on_access_approve(struct request *r)
{
	decide(r, true);
}

/* POST admin/access-requests/<id>/deny: it may not; asking again changes nothing. */
void
on_access_deny(struct request *r)
{
	decide(r, false);
}
