/* How things look on the wire. */
#include "show.h"

#include "apikey.h"
#include "cleanup.h"
#include "inputs.h"
#include "notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *
show_user(const struct account *a)
{
	struct json_object *o = json_new_object();

	json_add_text(o, "email", a->email);
	json_add_text(o, "chat_address", a->chat_address);
	json_add_text(o, "display_name", account_name(a));
	json_add_bool(o, "public_visible", a->public_visible);
	json_add_bool(o, "mail_reply_to", a->mail_reply_to);
	json_add_text(o, "group_invites", invites_from_name((enum invites_from)a->invites_from));
	json_add_text(o, "language", a->language);
	json_add_text(o, "role", a->role == ROLE_ADMIN ? "admin" : "user");
	json_add_int(o, "created_at", a->created_at);
	return o;
}

struct json_object *
show_session(const struct session *s, int64_t current_id)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("ses_", s->public_id, id);
	json_add_text(o, "session_id", id);
	json_add_text(o, "device_name", s->device_name);
	json_add_text(o, "session_name", s->session_name);
	json_add_text(o, "listen_channel", s->listen_channel);
	json_add_int(o, "created_at", s->created_at);
	json_add_int(o, "expires_at", s->expires_at);
	json_add_int(o, "last_seen_at", s->last_seen_at);
	json_add_bool(o, "visible", s->visible);
	json_add_bool(o, "current", s->id == current_id);
	return o;
}

void
show_file(struct json_object *o, const char *id, const char *name, const char *mime, int64_t size)
{
	char url[sizeof("/api/v1/webchat/files/") + ID_TEXT_BYTES];

	snprintf(url, sizeof(url), "/api/v1/webchat/files/%s", id);
	json_add_text(o, "file_id", id);
	json_add_text(o, "url", url);
	json_add_text(o, "name", name);
	json_add_text(o, "mime", mime);
	json_add_int(o, "size", size);
}

struct json_object *
show_key(const struct session *key)
{
	struct json_object *o = json_new_object(), *scopes = json_new_array();
	char id[ID_TEXT_BYTES];

	id_format("key_", key->public_id, id);
	json_add_text(o, "key_id", id);
	json_add_text(o, "name", key->session_name);
	for (unsigned bit = 1; bit < SCOPE__ALL; bit <<= 1)
		if (key->scopes & bit)
			json_append(scopes, json_new_text(scope_name((enum scope)bit)));
	json_add(o, "scopes", scopes);
	json_add_text(o, "phone_id", key->phone_id);
	json_add_int(o, "created_at", key->created_at);
	if (key->last_seen_at)
		json_add_int(o, "last_used_at", key->last_seen_at);
	return o;
}

struct json_object *
show_phone(const struct phone *p)
{
	struct json_object *o = json_new_object();

	json_add_text(o, "phone_id", p->phone_id);
	if (p->last_seen_at)
		json_add_int(o, "last_seen_at", p->last_seen_at);
	json_add_int(o, "queued", p->queued);
	if (p->oldest_queued_at)
		json_add_int(o, "oldest_queued_at", p->oldest_queued_at);
	json_add_int(o, "leased", p->leased);
	json_add_int(o, "failed", p->failed);
	return o;
}

#define SHOW_TEXT(o, name, value) json_add_text(o, name, value)
#define SHOW_JSON(o, name, value) json_add_raw(o, name, value)
#define SHOW_APART(o, name, value)

struct json_object *
show_message(struct request *r, const struct message *m)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("msg_", m->public_id, id);
	json_add_text(o, "message_id", id);
	json_add_text(o, "channel", m->channel);
	json_add_text(o, "kind", m->kind);
	json_add_text(o, "from", m->from ? m->from : "relay");
	json_add_text(o, "from_name",
	    !m->from            ? r->worker->conf->name :
		m->from_name[0] ? m->from_name :
				  m->from);
	json_add_text(o, "to", m->destination);
	json_add_text(o, "text", notice_text(r, m));
	if (strncmp(m->destination, "grp_", 4) == 0)
		json_add_text(o, "group_id", m->destination);
	notice_add_fact(o, m);
#define SEALED(NAME, field, shown) SHOW_##shown(o, #field, m->field);
#include "sealed.def"
#undef SEALED
	if (m->duration_ms)
		json_add_int(o, "duration_ms", m->duration_ms);
	if (m->is_reply) {
		id_format("msg_", m->reply_to, id);
		json_add_text(o, "reply_to", id);
	}
	json_add_text(o, "phone_id", m->phone_id);
	notice_add_actions(r, o, m);
	json_add_int(o, "created_at", m->created_at);
	if (m->received_at)
		json_add_int(o, "received_at", m->received_at);
	if (m->edited_at)
		json_add_int(o, "edited_at", m->edited_at);
	if (m->deleted_at)
		json_add_int(o, "deleted_at", m->deleted_at);
	else if (m->scrubbed_at)
		json_add_int(o, "scrubbed_at", m->scrubbed_at);
	if (m->is_own)
		json_add_bool(o, "own", true);
	json_add_text(o, "idempotency_key", m->request_key);
	return o;
}

struct json_object *
show_change(const struct change *c)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("msg_", c->public_id, id);
	json_add_text(o, "message_id", id);
	json_add_text(o, "status", delivery_state_name(c->state));
	if (c->at)
		json_add_int(o, "at", c->at);
	return o;
}

struct json_object *
show_group(const struct group *g)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("grp_", g->public_id, id);
	json_add_text(o, "group_id", id);
	json_add_text(o, "name", g->name);
	json_add_text(o, "description", g->description);
	json_add_text(o, "visibility", g->is_public ? "public" : "private");
	json_add_text(o, "mode", g->is_stream ? "stream" : "chat");
	json_add_text(o, "join_policy", g->is_open ? "open" : "request");
	json_add_int(o, "member_count", g->member_count);
	json_add_int(o, "created_at", g->created_at);
	if (g->role != GROUP_NOBODY)
		json_add_text(o, "role", group_role_name(g->role));
	if (g->is_asked) {
		id_format("req_", g->my_request, id);
		json_add_text(o, "my_request", id);
	}
	return o;
}

struct json_object *
show_invite(const struct invite *i)
{
	struct json_object *o = json_new_object();
	char id[ID_TEXT_BYTES];

	id_format("inv_", i->public_id, id);
	json_add_text(o, "invite_id", id);
	json_add_text(o, "chat_address", i->inviter_address);
	json_add_text(o, "display_name", i->inviter_name[0] ? i->inviter_name : i->inviter_address);
	json_add_text(o, "role", group_role_name(i->role));
	json_add_int(o, "created_at", i->created_at);
	json_add(o, "group", show_group(&i->group));
	return o;
}

bool
show_group_refused(struct request *r, enum group_result result)
{
	static const struct {
		enum group_result result;
		int status;
		const char *code, *message;
	} refusals[] = {
		{ GROUP_UNKNOWN, 404, "unknown_group",
		    "There is no such group, or you may not see it." },
		{ GROUP_NEEDS_ADMIN, 403, "not_group_admin",
		    "Only an owner or admin of the group may do this." },
		{ GROUP_NEEDS_OWNER, 403, "not_group_owner",
		    "Only an owner of the group may do this." },
		{ GROUP_LAST_OWNER, 409, "last_owner",
		    "The group needs an owner: make somebody else the owner first, or delete it." },
		{ GROUP_FULL, 409, "group_full",
		    "The group has as many members as a group may have." },
		{ GROUP_NO_MEMBER, 404, "unknown_member", "They are not a member of the group." },
		{ GROUP_NO_REQUEST, 404, "unknown_request", "There is no such request." },
		{ GROUP_NO_INVITE, 404, "unknown_invite",
		    "There is no such invitation, or it has been answered." },
		{ GROUP_TOO_MANY_LINKS, 409, "too_many_invites",
		    "The group has as many invite links as it may have; revoke some." },
	};

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].result != result)
			continue;
		resp_error(r, refusals[i].status, refusals[i].code, refusals[i].message);
		return true;
	}
	if (result == GROUP_NO_ACCOUNT)
		resp_field_error(
		    r, 404, "unknown_recipient", "chat_address", "Nobody has this chat address.");
	return result == GROUP_NO_ACCOUNT;
}

void
show_sessions(struct request *r, int64_t account_id)
{
	const struct in_page *in = r->in;
	const int limit = (int)in->limit;
	const int64_t after = in->after ? strtoll(in->after, NULL, 10) : 0;
	struct session *list = arena_alloc(&r->arena, (size_t)(limit + 1) * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r,
		db_session_list(
		    r->worker->db, &r->arena, account_id, r->now, after, limit + 1, list, &count)))
		return;
	array = json_new_array();
	json_add(resp_ok(r, 200), "sessions", array);
	for (int i = 0; i < count && i < limit; i++)
		json_append(array, show_session(&list[i], r->session.id));
	resp_page(r, count > limit, list[limit - 1].id);
}
