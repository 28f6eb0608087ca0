/* Invite links: admins make, list and revoke them; request-code takes their tokens. */
#include "admission.h"

#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

static struct json_object *
show(const struct admission *m)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("lnk_", m->public_id, id);
	json_add_text(o, "invite_id", id);
	json_add_int(o, "uses_left", m->uses_left);
	json_add_int(o, "created_at", m->created_at);
	json_add_int(o, "expires_at", m->expires_at);
	json_add_bool(o, "admits", m->admits);
	if (m->has_group) {
		id_format("grp_", m->group, id);
		json_add_text(o, "group_id", id);
	}
	return o;
}

static void
show_page(struct request *r, const struct admission *list, int count, int limit)
{
	struct json_object *array = json_new_array();

	json_add(resp_ok(r, 200), "invites", array);
	for (int i = 0; i < count && i < limit; i++)
		json_append(array, show(&list[i]));
	resp_page(r, count > limit, list[limit - 1].id);
}

/* The token is shown this once. */
static void
show_made(struct request *r, const struct admission *m, const char *token)
{
	struct json_object *o = resp_ok(r, 200);

	json_add(o, "invite", show(m));
	json_add_text(o, "token", token);
}

/* GET admin/invites: those that are still good, oldest first, a page at a time. */
void
on_admission_list(struct request *r)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct admission *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	int count = 0;

	if (!list ||
	    resp_db_failed(
		r, db_admission_list(r->worker->db, after, r->now, limit + 1, list, &count)))
		return;
	show_page(r, list, count, limit);
}

/* GET groups/<id>/invites: those of a group, for its owners and admins. */
void
on_admission_list_group(struct request *r)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct admission *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };
	int count = 0;

	if (!list ||
	    (id_parse("grp_", r->args[0], id) &&
		resp_db_failed(r,
		    db_admission_list_group(
			r->worker->db, &r->arena, &act, after, limit + 1, list, &count, &result))))
		return;
	if (!show_group_refused(r, result))
		show_page(r, list, count, limit);
}

static struct admission
asked_for(const struct request *r)
{
	const struct in_admission *in = r->in;

	return (struct admission){ .uses_left = in->uses,
		.created_at = r->now,
		.expires_at = r->now + in->days * DAY_MS };
}

/* POST admin/invites: a new link; its token is shown once. 409 when there are a thousand. */
void
on_admission_post(struct request *r)
{
	struct admission m = asked_for(r);
	char token[SECRET_TOKEN_BYTES];
	uint8_t hash[SECRET_HASH_BYTES];
	bool made = false;
	enum db_result res;

	secret_token_make("pci_", token);
	secret_hash(token, hash);
	res = db_admission_add(r->worker->db, hash, r->me.chat_address, &m, &made);
	if (res == DB_DONE && !made)
		resp_error(r, 409, "too_many_invites",
		    "The relay has as many invite links as it may have; revoke some.");
	else if (!resp_db_failed(r, res))
		show_made(r, &m, token);
	secret_wipe(token, sizeof(token));
}

/* POST groups/<id>/invites: a new link into the group, by an owner or admin of it. Those of an
 * admin of the relay, and of everybody where RELAY_MEMBERS_INVITE says so, also lead past the
 * allow-list. 409 when there are twenty. */
void
on_admission_post_group(struct request *r)
{
	struct admission m = asked_for(r);
	char token[SECRET_TOKEN_BYTES];
	uint8_t id[ID_BYTES], hash[SECRET_HASH_BYTES];
	const struct group_act act = { &r->me, id, r->now };
	enum group_result result = GROUP_UNKNOWN;

	m.admits = r->me.role == ROLE_ADMIN || r->worker->conf->members_invite;
	secret_token_make("pci_", token);
	secret_hash(token, hash);
	if (!id_parse("grp_", r->args[0], id) ||
	    !resp_db_failed(
		r, db_admission_add_group(r->worker->db, &r->arena, &act, hash, &m, &result))) {
		if (!show_group_refused(r, result))
			show_made(r, &m, token);
	}
	secret_wipe(token, sizeof(token));
}

/* DELETE admin/invites/<id>: it lets nobody in any more; who is in stays. */
void
on_admission_delete(struct request *r)
{
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("lnk_", r->args[0], id) ?
	    db_admission_delete(r->worker->db, id, r->me.chat_address, r->now) :
	    DB_NONE;

	if (res == DB_NONE)
		resp_error(r, 404, "unknown_invite", "There is no such invite.");
	else if (!resp_db_failed(r, res))
		json_add_text(resp_ok(r, 200), "status", "revoked");
}

/* DELETE groups/<id>/invites/<id>: it lets nobody in any more; who is in stays. */
void
on_admission_delete_group(struct request *r)
{
	uint8_t group[ID_BYTES], id[ID_BYTES];
	const struct group_act act = { &r->me, group, r->now };
	enum group_result result = GROUP_UNKNOWN;

	if (id_parse("grp_", r->args[0], group)) {
		result = GROUP_NO_INVITE;
		if (id_parse("lnk_", r->args[1], id) &&
		    resp_db_failed(
			r, db_admission_delete_group(r->worker->db, &r->arena, &act, id, &result)))
			return;
	}
	if (!show_group_refused(r, result))
		json_add_text(resp_ok(r, 200), "status", "revoked");
}
