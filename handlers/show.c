/* How things look on the wire. */
#include "show.h"

struct json_object *
show_user(const struct account *a)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "email", a->email);
	json_add_text(o, "chat_address", a->chat_address);
	json_add_text(o, "display_name", account_name(a));
	json_add_bool(o, "public_visible", a->public_visible);
	json_add_text(o, "language", a->language);
	json_add_text(o, "role", a->role == ROLE_ADMIN ? "admin" : "user");
	json_add_int(o, "created_at", a->created_at);
	return o;
}

struct json_object *
show_session(const struct session *s, int64_t current_id)
{
	struct json_object *o = json_object_new_object();
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

struct json_object *
show_message(const struct message *m, const char *relay_name)
{
	struct json_object *o = json_object_new_object();
	char id[ID_TEXT_BYTES];

	id_format("msg_", m->public_id, id);
	json_add_text(o, "message_id", id);
	json_add_text(o, "channel", m->channel);
	json_add_text(o, "kind", m->kind);
	json_add_text(o, "from", m->from ? m->from : "relay");
	json_add_text(o, "from_name",
	    !m->from            ? relay_name :
		m->from_name[0] ? m->from_name :
				  m->from);
	json_add_text(o, "to", m->destination);
	json_add_text(o, "text", m->text);
	if (m->is_reply) {
		id_format("msg_", m->reply_to, id);
		json_add_text(o, "reply_to", id);
	}
	json_add_text(o, "source", m->source);
	json_add_text(o, "subject", m->subject);
	json_add_text(o, "title", m->title);
	if (m->actions)
		json_object_object_add(o, "actions", json_tokener_parse(m->actions));
	json_add_int(o, "created_at", m->created_at);
	if (m->edited_at)
		json_add_int(o, "edited_at", m->edited_at);
	if (m->deleted_at)
		json_add_int(o, "deleted_at", m->deleted_at);
	return o;
}
