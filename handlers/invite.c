/* Invitations to groups, as those see them who are invited. */
#include "invite.h"

#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

#include <stdlib.h>

/* GET invites: those that wait for the caller's answer, oldest first, a page at a time. */
void
on_invite_list(struct request *r)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	struct invite *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct json_object *o, *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_invite_list(r->worker->db, &r->arena, r->me.id, after, limit + 1, list, &count)))
		return;
	o = resp_ok(r, 200);
	array = json_new_array();
	json_add(o, "invites", array);
	for (int i = 0; i < count && i < limit; i++)
		json_append(array, show_invite(&list[i]));
	resp_page(r, count > limit, list[limit - 1].id);
}

static void
decide(struct request *r, bool accept)
{
	enum group_result result = GROUP_NO_INVITE;
	uint8_t id[ID_BYTES];
	struct group g;
	struct json_object *o;

	if (id_parse("inv_", r->args[0], id) &&
	    resp_db_failed(r,
		db_invite_decide(
		    r->worker->db, &r->arena, &r->me, id, accept, r->now, &g, &result)))
		return;
	if (show_group_refused(r, result))
		return;
	o = resp_ok(r, 200);
	json_add_text(o, "status", accept ? "member" : "declined");
	if (accept)
		json_add(o, "group", show_group(&g));
}

/* POST invites/<id>/accept: the caller is a member from now on. */
void
on_invite_accept(struct request *r)
{
	decide(r, true);
}

/* POST invites/<id>/decline: nobody is notified. */
void
on_invite_decline(struct request *r)
{
	decide(r, false);
}
