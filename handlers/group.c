/* Groups: making, seeing, changing, deleting. */
#include "group.h"

#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

#include <string.h>

static void
unknown_group(struct request *r)
{
	show_group_refused(r, GROUP_UNKNOWN);
}

/* POST groups: the caller becomes its owner. */
void
on_group_post(struct request *r)
{
	const struct in_group *in = r->in;
	struct group g = { .name = arena_strdup(&r->arena, in->name),
		.description = arena_strdup(&r->arena, in->description ? in->description : ""),
		.is_public = in->visibility && strcmp(in->visibility, "public") == 0,
		.is_stream = in->mode && strcmp(in->mode, "stream") == 0,
		.is_open = in->join_policy && strcmp(in->join_policy, "open") == 0 };
	char id[ID_TEXT_BYTES];
	struct json_object *o;

	if (!g.name || !g.description ||
	    resp_db_failed(r, db_group_create(r->worker->db, &g, &r->me, r->now)))
		return;
	o = resp_ok(r, 200);
	id_format("grp_", g.public_id, id);
	json_add_text(o, "group_id", id);
	json_add(o, "group", show_group(&g));
}

/* GET groups: the caller's own, in order of id, a page at a time. */
void
on_group_list(struct request *r)
{
	const struct in_page *in = r->in;
	int limit = (int)in->limit, count = 0;
	struct group *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	uint8_t after[ID_BYTES];
	struct json_object *o, *array;
	char cursor[ID_TEXT_BYTES];
	bool from = in->after && in->after[0];

	if (from && !id_parse("grp_", in->after, after)) {
		resp_field_error(
		    r, 400, "invalid_field", "after", "after must be what an earlier answer gave.");
		return;
	}
	if (!list ||
	    resp_db_failed(r,
		db_group_list(r->worker->db, &r->arena, r->me.id, from ? after : NULL, limit + 1,
		    list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "groups", array);
	for (int i = 0; i < count && i < limit; i++)
		json_append(array, show_group(&list[i]));
	json_add_bool(o, "has_more", count > limit);
	if (count > limit) {
		id_format("grp_", list[limit - 1].public_id, cursor);
		json_add_text(o, "after", cursor);
	}
}

/* GET groups/<id>: for its members, and for everyone when it is public. */
void
on_group_get(struct request *r)
{
	uint8_t id[ID_BYTES];
	struct group g;
	enum db_result res = id_parse("grp_", r->args[0], id) ?
	    db_group_get(r->worker->db, &r->arena, id, r->me.id, &g) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE || (g.role == GROUP_NOBODY && !g.is_public))
		unknown_group(r);
	else
		json_add(resp_ok(r, 200), "group", show_group(&g));
}

static int
flag(const char *value, const char *yes)
{
	return !value ? -1 : strcmp(value, yes) == 0;
}

/* PATCH groups/<id>: by owners and admins. */
void
on_group_patch(struct request *r)
{
	const struct in_group *in = r->in;
	const struct group_change change = { .name = in->name,
		.description = in->description,
		.is_public = flag(in->visibility, "public"),
		.is_stream = flag(in->mode, "stream"),
		.is_open = flag(in->join_policy, "open") };
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };
	struct group g;

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(
		r, db_group_update(r->worker->db, &r->arena, &act, &change, &g, &result)))
		return;
	if (!show_group_refused(r, result))
		json_add(resp_ok(r, 200), "group", show_group(&g));
}

/* DELETE groups/<id>: by an owner; its messages go with it. */
void
on_group_delete(struct request *r)
{
	enum group_result result = GROUP_UNKNOWN;
	uint8_t id[ID_BYTES];
	const struct group_act act = { &r->me, id, r->now };

	if (id_parse("grp_", r->args[0], id) &&
	    resp_db_failed(r, db_group_delete(r->worker->db, &r->arena, &act, &result)))
		return;
	if (!show_group_refused(r, result))
		json_add_text(resp_ok(r, 200), "status", "deleted");
}
