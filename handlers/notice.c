/* Facts on the wire: their names, their words, and the calls that their buttons make. */
#include "notice.h"

#include "cleanup.h"
#include "group.h"
#include "resp.h"
#include "text.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

#define CHAT "/api/v1/webchat"

static const struct {
	const char *type; /* on the wire */
	enum word word;
} facts[FACT__MAX] = {
	[FACT_JOINED] = { "joined", WORD_JOINED },
	[FACT_LEFT] = { "left", WORD_LEFT },
	[FACT_REMOVED] = { "removed", WORD_REMOVED },
	[FACT_ROLE] = { "role", WORD_ROLE },
	[FACT_UPDATED] = { "updated", WORD_UPDATED },
	[FACT_DELETED] = { "deleted", WORD_DELETED },
	[FACT_REQUESTED] = { "requested", WORD_REQUESTED },
	[FACT_APPROVED] = { "approved", WORD_APPROVED },
	[FACT_REJECTED] = { "rejected", WORD_REJECTED },
	[FACT_INVITED] = { "invited", WORD_INVITED },
	[FACT_ACCESS] = { "access", WORD_ACCESS },
};

/* The paths of the buttons: $G is the group, $R the request or invitation. */
static const struct {
	enum fact_type type;
	enum word label;
	const char *path;
} buttons[] = {
	{ FACT_REQUESTED, WORD_APPROVE, CHAT "/groups/$G/requests/$R/approve" },
	{ FACT_REQUESTED, WORD_REJECT, CHAT "/groups/$G/requests/$R/reject" },
	{ FACT_INVITED, WORD_ACCEPT, CHAT "/invites/$R/accept" },
	{ FACT_INVITED, WORD_DECLINE, CHAT "/invites/$R/decline" },
	{ FACT_ACCESS, WORD_APPROVE, CHAT "/admin/access-requests/$R/approve" },
	{ FACT_ACCESS, WORD_DENY, CHAT "/admin/access-requests/$R/deny" },
};

static void
request_id(const struct fact *f, char out[static ID_TEXT_BYTES])
{
	id_format(f->type == FACT_INVITED ? "inv_" : "req_", f->request, out);
}

const char *
notice_text(struct request *r, const struct message *m)
{
	const struct fact *f = m->fact;
	const char *language = r->me.language, *name, *text;
	enum word word;

	if (!f)
		return m->text;
	word = f->type == FACT_ACCESS && f->name[0] ? WORD_ACCESS_NAMED : facts[f->type].word;
	name = f->name[0] || f->type == FACT_ACCESS ?
	    f->name :
	    words_say(&r->arena, WORD_OPERATOR, language, &(struct words_value){ 0 });
	text = words_format(&r->arena, word, language,
	    (const struct words_value[]){
		{ "name", name }, { "email", f->address }, { "group", f->group_name }, { 0 } });
	return text ? text : "";
}

static void
add_access(struct json_object *o, const struct fact *f)
{
	struct json_object *access = json_new_object();
	char id[ID_TEXT_BYTES];

	request_id(f, id);
	json_add_text(access, "request_id", id);
	json_add_text(access, "email", f->address);
	json_add_text(access, "display_name", f->name);
	json_add(o, "access_request", access);
}

void
notice_add_fact(struct json_object *o, const struct message *m)
{
	const struct fact *f = m->fact;
	struct json_object *event;
	char id[ID_TEXT_BYTES];

	if (f && f->type == FACT_ACCESS)
		add_access(o, f);
	if (!f || f->type == FACT_ACCESS)
		return;
	event = json_new_object();
	json_add_text(event, "type", facts[f->type].type);
	json_add_text(event, "chat_address", f->address);
	json_add_text(event, "display_name", f->name[0] ? f->name : NULL);
	json_add_text(event, "actor", f->actor);
	json_add_text(event, "role", f->role == GROUP_NOBODY ? NULL : group_role_name(f->role));
	json_add_text(event, "group_name", f->group_name[0] ? f->group_name : NULL);
	if (f->has_request) {
		request_id(f, id);
		json_add_text(event, "request", id);
	}
	json_add(o, "event", event);
}

/* The path with its ids. */
static void
put_path(char *out, size_t size, const char *path, const char *group, const char *request)
{
	struct text t;

	text_init(&t, out, size);
	for (; *path; path++)
		if (*path == '$')
			text_printf(&t, "%s", *++path == 'G' ? group : request);
		else
			text_printf(&t, "%c", *path);
}

static struct json_object *
button(struct request *r, size_t i, const struct message *m)
{
	struct json_object *o = json_new_object();
	char path[256], id[ID_TEXT_BYTES];
	const char *label =
	    words_say(&r->arena, buttons[i].label, r->me.language, &(struct words_value){ 0 });

	request_id(m->fact, id);
	put_path(path, sizeof(path), buttons[i].path, m->destination, id);
	json_add_text(o, "label", label ? label : "");
	json_add_text(o, "method", "POST");
	json_add_text(o, "path", path);
	return o;
}

void
notice_add_actions(struct request *r, struct json_object *o, const struct message *m)
{
	struct json_object *list;

	if (!m->fact || !m->fact->has_request)
		return;
	list = json_new_array();
	for (size_t i = 0; i < ARRAY_LEN(buttons); i++)
		if (buttons[i].type == m->fact->type)
			json_append(list, button(r, i, m));
	json_add(o, "actions", list);
}
