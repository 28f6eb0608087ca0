/* What is there before each case: people, groups, messages, files, keys, made by the same calls
 * that anybody would make. */
#include "db_internal.h"
#include "world.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 96

static struct {
	char name[24], value[200];
} names[NAMES];
static int names_len;

static void
keep(const char *name, const char *value)
{
	if (names_len == NAMES)
		give_up("too many names");
	snprintf(names[names_len].name, sizeof(names[0].name), "%s", name);
	snprintf(names[names_len++].value, sizeof(names[0].value), "%s", value);
}

/* The latest value counts. */
static const char *
value_of(const char *name, size_t len)
{
	for (int i = names_len - 1; i >= 0; i--)
		if (strlen(names[i].name) == len && strncmp(names[i].name, name, len) == 0)
			return names[i].value;
	return NULL;
}

const char *
world_text(const char *text)
{
	static char out[4][16384];
	static int next;
	char *to = out[next++ % 4];
	size_t len = 0;

	while (*text && len < sizeof(out[0]) - 200) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;
		const char *value = end ? value_of(text + 1, (size_t)(end - text - 1)) : NULL;

		if (value) {
			len += (size_t)snprintf(to + len, sizeof(out[0]) - len, "%s", value);
			text = end + 1;
		} else {
			to[len++] = *text++;
		}
	}
	to[len] = '\0';
	return to;
}

struct step {
	const char *who, *method, *path, *body, *extra;
	int status;
	const char *name, *from; /* what is kept of the response, by its members: "a/0/b" */
	const char *name2, *from2;
};

#define AUTH "/api/v1/pchat/auth"
#define CHAT "/api/v1/webchat"
#define PHONE "/api/v1/phone"
#define SEND "/api/v1/messages"
#define NO_MORE NULL, NULL
#define KEEPS_NOTHING NULL, NULL, NULL, NULL

static const struct step steps[] = {
	/* libcrypto does not come round from a first use that failed; a new worker would */
	{ "ann", "GET", CHAT "/calls/ice", "", "", 200, KEEPS_NOTHING },
	{ "ann", "POST", CHAT "/groups", "{\"name\":\"Private\"}", "", 200, "group", "group_id",
	    NO_MORE },
	{ "ann", "POST", CHAT "/groups",
	    "{\"name\":\"Open\",\"visibility\":\"public\",\"join_policy\":\"request\"}", "", 200,
	    "open", "group_id", NO_MORE },
	{ "ann", "POST", CHAT "/groups/{group}/members", "{\"chat_address\":\"bob\"}", "", 202,
	    KEEPS_NOTHING },
	{ "bob", "GET", CHAT "/invites", "", "", 200, "one", "invites/0/invite_id", NO_MORE },
	{ "bob", "POST", CHAT "/invites/{one}/accept", "", "", 200, KEEPS_NOTHING },
	{ "ann", "POST", CHAT "/groups/{group}/members", "{\"chat_address\":\"dora\"}", "", 202,
	    KEEPS_NOTHING },
	{ "dora", "GET", CHAT "/invites", "", "", 200, "one", "invites/0/invite_id", NO_MORE },
	{ "dora", "POST", CHAT "/invites/{one}/accept", "", "", 200, KEEPS_NOTHING },
	{ "ann", "POST", CHAT "/groups/{group}/members", "{\"chat_address\":\"carol\"}", "", 202,
	    KEEPS_NOTHING },
	{ "carol", "GET", CHAT "/invites", "", "", 200, "invite", "invites/0/invite_id", NO_MORE },
	{ "carol", "POST", CHAT "/groups/{open}/join", "{}", "", 202, KEEPS_NOTHING },
	{ "ann", "GET", CHAT "/groups/{open}/requests", "", "", 200, "request",
	    "requests/0/request_id", NO_MORE },
	{ "ann", "PUT", CHAT "/upload?name=a.txt", "the bytes of a file", "BODY_FILE=1", 200,
	    "file", "file_id", "file_token", "token" },
	{ "ann", "PUT", CHAT "/upload?name=b.txt", "of another file", "BODY_FILE=1", 200, "loose",
	    "file_id", NO_MORE },
	{ "ann", "POST", SEND,
	    "{\"to\":\"{group}\",\"text\":\"to all\",\"attachments\":[\"{file}\"]}", "", 202,
	    "message", "message_id", NO_MORE },
	{ "ann", "POST", SEND, "{\"to\":\"bob\",\"text\":\"hello\",\"idempotency_key\":\"k1\"}", "",
	    202, "direct", "message_id", NO_MORE },
	{ "bob", "POST", CHAT "/poll", "{\"chat_address\":\"bob\",\"cursor\":\"\"}", "", 200,
	    "cursor", "cursor", NO_MORE },
	{ "ann", "POST", SEND, "{\"to\":\"bob\",\"text\":\"once more\"}", "", 202, "fresh",
	    "message_id", NO_MORE },
	{ "ann", "POST", CHAT "/groups/{group}/invites", "{\"uses\":2}", "", 200, "group_link",
	    "invite/invite_id", NO_MORE },
	{ "root", "POST", CHAT "/admin/invites", "{\"uses\":2}", "", 200, "link",
	    "invite/invite_id", NO_MORE },
	{ "ann", "POST", CHAT "/keys",
	    "{\"name\":\"phone\",\"scopes\":[\"phone\",\"send\",\"receive\"]}", "", 200, "key",
	    "key/key_id", "phone", "token" },
	{ "ann", "POST", SEND, "{\"channel\":\"sms\",\"to\":\"+4930123\",\"text\":\"by phone\"}",
	    "", 202, "sms", "message_id", NO_MORE },
	{ "phone", "POST", PHONE "/claim", "{\"phone_id\":\"\",\"channels\":[\"sms\"]}", "", 200,
	    "lease", "messages/0/lease_id", NO_MORE },
	{ "ann", "POST", SEND, "{\"channel\":\"sms\",\"to\":\"+4930124\",\"text\":\"by phone\"}",
	    "", 202, "sms2", "message_id", NO_MORE },
	{ "ann", "POST", CHAT "/blocks", "{\"chat_address\":\"dora\"}", "", 200, KEEPS_NOTHING },
	{ "ann", "POST", CHAT "/blocks", "{\"channel\":\"sms\",\"address\":\"+4930999\"}", "", 200,
	    KEEPS_NOTHING },
	{ "ann", "PUT", CHAT "/contacts",
	    "{\"contacts\":[{\"name\":\"Bob\",\"channel\":\"pchat\",\"address\":\"bob\"},"
	    "{\"name\":\"Bo\",\"channel\":\"sms\",\"address\":\"+4930123\"}]}",
	    "", 200, KEEPS_NOTHING },
	{ "ann", "PUT", CHAT "/prefs", "{\"prefs\":\"dark\"}", "", 200, KEEPS_NOTHING },
	{ "bob", "POST", CHAT "/presence", "{\"chat_address\":\"bob\",\"visible\":true}", "", 200,
	    KEEPS_NOTHING },
	{ "bob", "PUT", CHAT "/push", "{\"endpoint\":\"https://push.example.com/1\"}", "", 200,
	    KEEPS_NOTHING },
	{ "", "POST", AUTH "/request-code", "{\"email\":\"eve@elsewhere.test\"}", "", 202,
	    KEEPS_NOTHING },
	{ "root", "GET", CHAT "/admin/access-requests", "", "", 200, "access",
	    "requests/0/request_id", NO_MORE },
	{ "", "POST", AUTH "/request-code", "{\"email\":\"new@example.org\"}", "", 202, "code",
	    "dev_code", NO_MORE },
};

/* A member of a member of ..., by their names or numbers between slashes. */
static const char *
find(struct json_object *o, const char *at)
{
	char copy[64], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", at);
	while (o && (part = strsep(&rest, "/")) != NULL) {
		if (json_object_is_type(o, json_type_array))
			o = json_object_array_get_idx(o, (size_t)atoi(part));
		else if (!json_object_object_get_ex(o, part, &o))
			o = NULL;
	}
	return o ? json_object_get_string(o) : NULL;
}

static void
take_step(const struct step *s)
{
	static struct reply reply;
	char path[512], body[1024];
	const char *token = value_of(s->who, strlen(s->who));
	struct json_object *root;
	const char *begin;

	snprintf(path, sizeof(path), "%s", world_text(s->path));
	snprintf(body, sizeof(body), "%s", world_text(s->body));
	world_call(
	    &(struct asked){ s->method, path, token ? token : "", body, s->extra }, NULL, &reply);
	begin = strstr(reply.text, "\r\n\r\n");
	if (reply.status != s->status || !begin)
		give_up("%s %s of %s: %s", s->method, path, s->who, reply.text);
	root = json_tokener_parse(begin + 4);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? s->name2 : s->name, *at = i ? s->from2 : s->from;

		if (!name)
			continue;
		if (!find(root, at))
			give_up("%s %s: no %s in %s", s->method, path, at, begin + 4);
		keep(name, find(root, at));
	}
	json_object_put(root);
}

static void
sign_in(const char *name, const char *domain)
{
	char asks[128], says[256];
	const struct step one = { "", "POST", AUTH "/request-code", asks, "", 202, "code",
		"dev_code", NO_MORE };
	const struct step two = { "", "POST", AUTH "/verify-code", says, "", 200, name,
		"session_token", "session", "session/session_id" };

	snprintf(asks, sizeof(asks), "{\"email\":\"%s@%s\"}", name, domain);
	snprintf(says, sizeof(says),
	    "{\"email\":\"%s@%s\",\"code\":\"{code}\",\"chat_address\":\"%s\","
	    "\"public_visible\":true,\"display_name\":\"%s\"}",
	    name, domain, name, name);
	take_step(&one);
	take_step(&two);
}

void
world_fill(void)
{
	static const char *const people[] = { "ann", "bob", "carol", "dora" };

	sign_in("root", "admins.example");
	for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++)
		sign_in(people[i], "example.org");
	sign_in("ann", "example.org"); /* from another device; the first one's session is kept */
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		take_step(&steps[i]);
	if (engine_checkpoint(world.worker.db->engine, 0) != DB_DONE)
		give_up("the log of writes stays");
}
