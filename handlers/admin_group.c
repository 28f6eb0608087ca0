/* Groups as admins of the relay see them: what they are and who owns them, nothing of what is said
 * there. By the same functions of the store as relayctl. */
#include "group.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"
#include "text.h"

#include <stdlib.h>

static struct json_object *
show_overview(const struct group_overview *g)
{
	struct json_object *o = show_group(&g->group);

	json_add_text(o, "owner", g->owner);
	json_add_int(o, "owner_count", g->owners);
	if (g->active_at)
		json_add_int(o, "active_at", g->active_at);
	return o;
}

/* GET admin/groups: in the order in which they were made, a page at a time; q matches names. */
void
on_admin_groups(struct request *r)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct group_overview *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *array;
	char match[512];
	int count = 0;

	text_fold(in->q ? in->q : "", match, sizeof(match));
	if (!list ||
	    resp_db_failed(r,
		db_group_list_all(r->worker->db, &r->arena, match, after, limit + 1, list, &count)))
		return;
	array = json_new_array();
	json_add(resp_ok(r, 200), "groups", array);
	for (int i = 0; i < count && i < limit; i++)
		json_append(array, show_overview(&list[i]));
	resp_page(r, count > limit, list[limit - 1].group.id);
}

/* DELETE admin/groups/<id>: it ends, and its members are notified. */
void
on_admin_group_delete(struct request *r)
{
	uint8_t id[ID_BYTES];
	enum db_result res = DB_NONE;

	if (id_parse("grp_", r->args[0], id))
		res = db_group_end(r->worker->db, &r->arena, id, r->me.chat_address, r->now);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE)
		resp_error(r, 404, "unknown_group", "There is no such group.");
	else
		json_add_text(resp_ok(r, 200), "status", "deleted");
}
