/* Members of groups: joining, leaving, roles, and the requests to join. */
#include "admission.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

#include <stdlib.h>

static enum db_result
join_by_link(
    struct request *r, const struct group_act *act, const char *token, enum group_result *result)
{
	uint8_t hash[SECRET_HASH_BYTES];

	secret_hash(token, hash);
	return db_admission_join(r->worker->db, &r->arena, act, hash, result);
}

/* POST groups/<id>/join: at once where joining is open, else a request that an owner or admin
 * decides. */
void
on_group_join(struct request *r)
{
	const struct in_join *in = r->in;
	const bool by_link = in->invite && in->invite[0];
	enum group_result result = by_link ? GROUP_NO_INVITE : GROUP_UNKNOWN;
	uint8_t id[ID_BYTES], request_id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };
	char request[ID_TEXT_BYTES];
	struct json_object *o;

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(r,
		by_link ? join_by_link(r, &act, in->invite, &result) :
			  db_group_join(r->worker->db, &r->arena, &act, request_id, &result)))
		return;
	if (show_group_refused(r, result))
		return;
	o = resp_ok(r, result == GROUP_REQUESTED ? 202 : 200);
	json_add_text(o, "status", result == GROUP_REQUESTED ? "requested" : "member");
	if (result == GROUP_REQUESTED) {
		id_format("req_", request_id, request);
		json_add_text(o, "request_id", request);
	}
}

/* DELETE groups/<id>/join: the caller no longer asks. */
void
on_join_delete(struct request *r)
{
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(r, db_join_take_back(r->worker->db, &r->arena, &act, &result)))
		return;
	if (!show_group_refused(r, result))
		json_add_text(resp_ok(r, 200), "status", "taken_back");
}

/* POST groups/<id>/leave: nothing more of the group comes, and what was not fetched is gone. */
void
on_group_leave(struct request *r)
{
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(r, db_group_leave(r->worker->db, &r->arena, &act, &result)))
		return;
	if (!show_group_refused(r, result))
		json_add_text(
		    resp_ok(r, 200), "status", result == GROUP_DELETED ? "deleted" : "left");
}

/* The group of the path when the caller has at least the role in it; false: it responded. */
static bool
find_group(struct request *r, enum group_role need, struct group *g)
{
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("grp_", r->args[0], id) ?
	    db_group_get(r->worker->db, &r->arena, id, r->me.id, g) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE || (g->role == GROUP_NOBODY && !g->is_public))
		return !show_group_refused(r, GROUP_UNKNOWN);
	if (g->role < need)
		return !show_group_refused(
		    r, need == GROUP_MEMBER ? GROUP_NO_MEMBER : GROUP_NEEDS_ADMIN);
	return true;
}

/* GET groups/<id>/requests: pending ones, oldest first, a page at a time, for owners and admins. */
void
on_join_list(struct request *r)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct join_request *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *array;
	struct group g = { .id = 0 };
	int count = 0;

	if (!list || !find_group(r, GROUP_ADMIN, &g) ||
	    resp_db_failed(
		r, db_join_list(r->worker->db, &r->arena, g.id, after, limit + 1, list, &count)))
		return;
	array = json_new_array();
	json_add(resp_ok(r, 200), "requests", array);
	for (int i = 0; i < count && i < limit; i++) {
		struct json_object *o = json_new_object();
		char id[ID_TEXT_BYTES];

		id_format("req_", list[i].public_id, id);
		json_add_text(o, "request_id", id);
		json_add_text(o, "chat_address", list[i].chat_address);
		json_add_text(o, "display_name",
		    list[i].display_name[0] ? list[i].display_name : list[i].chat_address);
		json_add_int(o, "created_at", list[i].created_at);
		json_append(array, o);
	}
	resp_page(r, count > limit, list[limit - 1].id);
}

static void
decide(struct request *r, bool approve)
{
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES], request_id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };

	if (!id_parse("req_", r->args[1], request_id)) {
		show_group_refused(r, GROUP_NO_REQUEST);
		return;
	}
	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(
		r, db_join_decide(r->worker->db, &r->arena, &act, request_id, approve, &result)))
		return;
	if (!show_group_refused(r, result))
		json_add_text(resp_ok(r, 200), "status", approve ? "approved" : "rejected");
}

/* POST groups/<id>/requests/<rid>/approve: the one who asked is a member from now on. */
void
on_join_approve(struct request *r)
{
	decide(r, true);
}

/* POST groups/<id>/requests/<rid>/reject: they are not let in, and are notified. */
void
on_join_reject(struct request *r)
{
	decide(r, false);
}

/* GET groups/<id>/members: for members, in order of address. */
void
on_member_list(struct request *r)
{
	const struct in_page *in = r->in;
	int limit = (int)in->limit, count = 0;
	struct group_member *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *o, *array;
	struct group g = { .id = 0 };

	if (!list || !find_group(r, GROUP_MEMBER, &g) ||
	    resp_db_failed(r,
		db_member_list(r->worker->db, &r->arena, g.id, in->after ? in->after : "",
		    limit + 1, list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "members", array);
	json_add_bool(o, "has_more", count > limit);
	if (count > limit)
		json_add_text(o, "after", list[limit - 1].chat_address);
	for (int i = 0; i < count && i < limit; i++) {
		const struct group_member *m = &list[i];
		struct json_object *item = json_new_object();

		json_add_text(item, "chat_address", m->chat_address);
		json_add_text(
		    item, "display_name", m->display_name[0] ? m->display_name : m->chat_address);
		json_add_text(item, "role", group_role_name(m->role));
		json_add_int(item, "joined_at", m->joined_at);
		json_append(array, item);
	}
}

/* POST groups/<id>/members: invites somebody; who asked to join is let in. */
void
on_member_post(struct request *r)
{
	const struct in_member *in = r->in;
	enum group_role role = in->role ? group_role_parse(in->role) : GROUP_MEMBER;
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(
		r, db_member_add(r->worker->db, &r->arena, &act, in->chat_address, role, &result)))
		return;
	if (!show_group_refused(r, result))
		json_add_text(resp_ok(r, result == GROUP_INVITED ? 202 : 200), "status",
		    result == GROUP_INVITED ? "invited" : "member");
}

/* Gives the member of the path a role, or removes them. True when that was done. */
static bool
set_member(struct request *r, enum group_role role)
{
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(
		r, db_member_set(r->worker->db, &r->arena, &act, r->args[1], role, &result)))
		return false;
	return !show_group_refused(r, result);
}

/* PATCH groups/<id>/members/<chat_address>: another role. */
void
on_member_patch(struct request *r)
{
	const struct in_member *in = r->in;
	struct json_object *o;

	if (!set_member(r, group_role_parse(in->role)))
		return;
	o = resp_ok(r, 200);
	json_add_text(o, "chat_address", r->args[1]);
	json_add_text(o, "role", in->role);
}

/* DELETE groups/<id>/members/<chat_address>: removes them. */
void
on_member_delete(struct request *r)
{
	if (set_member(r, GROUP_NOBODY))
		json_add_text(resp_ok(r, 200), "status", "removed");
}
