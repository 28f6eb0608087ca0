/* relayctl invite: links that let people sign in past the allow-list. */
#include "relayctl.h"

#include "admission.h"
#include "clock.h"
#include "runfile.h"
#include "table.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 100
#define DAY_MS INT64_C(86400000)
#define URL_BYTES 512
#define USAGE "invite [--uses N] [--days N] [--url URL] | invite list [--json] | invite delete ID"

struct order {
	long uses, days;
	char url[URL_BYTES];
};

static int
list_invites(struct db *db, bool as_json)
{
	static const char *const columns[] = { "invite_id", "uses_left", "created_at", "expires_at",
		NULL };
	struct table *t = table_new(columns);
	struct admission list[PAGE];
	int64_t after = 0;
	int count = 0;
	enum db_result r = t ? DB_DONE : DB_FAIL;

	do {
		if (r == DB_DONE)
			r = db_admission_list(db, after, clock_ms(), PAGE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			char id[ID_TEXT_BYTES];

			id_format("lnk_", list[i].public_id, id);
			table_row(t);
			table_text(t, id);
			table_int(t, list[i].uses_left);
			table_time(t, list[i].created_at);
			table_time(t, list[i].expires_at);
			after = list[i].id;
		}
	} while (r == DB_DONE && count == PAGE);
	if (t)
		table_print(t, as_json, "No invite is open.");
	return r == DB_DONE ? 0 : ctl_db_failed(r);
}

static int
delete_invite(struct db *db, const char *text)
{
	uint8_t id[ID_BYTES];
	enum db_result r = id_parse("lnk_", text, id) ?
	    db_admission_delete(db, id, "relayctl", clock_ms()) :
	    DB_NONE;

	if (r == DB_NONE)
		return ctl_fail("there is no invite %s; invite list shows them", text);
	if (r != DB_DONE)
		return ctl_db_failed(r);
	printf("The invite %s is revoked; who is in stays.\n", text);
	return 0;
}

/* The link of private_relay_link.py: what stands behind the # is in no server's log. */
static int
print_link(const char *relay, const char *token)
{
	CURL *curl = curl_easy_init();
	char *escaped = curl ? curl_easy_escape(curl, relay, 0) : NULL;

	if (escaped)
		printf("%s/app/webchat/chat.html#relay=%s&mode=private&invite=%s\n", relay, escaped,
		    token);
	curl_free(escaped);
	curl_easy_cleanup(curl);
	return escaped ? 0 : ctl_fail("out of memory");
}

static int
make_invite(struct db *db, const struct order *o)
{
	int64_t now = clock_ms();
	struct admission m = {
		.uses_left = o->uses, .created_at = now, .expires_at = now + o->days * DAY_MS
	};
	char token[SECRET_TOKEN_BYTES];
	uint8_t hash[SECRET_HASH_BYTES];
	bool made = false;
	enum db_result r;
	int status;

	secret_token_make("pci_", token);
	secret_hash(token, hash);
	r = db_admission_add(db, hash, "relayctl", &m, &made);
	if (r == DB_DONE && !made)
		status = ctl_fail("there are as many invites as there may be; delete some");
	else if (r != DB_DONE)
		status = ctl_db_failed(r);
	else if (o->url[0])
		status = print_link(o->url, token);
	else
		status = puts(token) < 0;
	secret_wipe(token, sizeof(token));
	return status;
}

static bool
read_number(const char *text, long most, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *out >= 1 && *out <= most;
}

static bool
read_order(const struct ctl *c, struct order *o)
{
	struct runfile running;

	runfile_read(c->conf.dir, &running);
	*o = (struct order){ .uses = 1, .days = 7 };
	snprintf(o->url, URL_BYTES, "%s", running.has_http ? running.url : "");
	for (int i = 1; i < c->argc; i += 2) {
		const char *value = i + 1 < c->argc ? c->argv[i + 1] : "";
		bool ok = strcmp(c->argv[i], "--uses") == 0 ? read_number(value, 10000, &o->uses) :
		    strcmp(c->argv[i], "--days") == 0       ? read_number(value, 365, &o->days) :
							      strcmp(c->argv[i], "--url") == 0 &&
			strncmp(value, "http", 4) == 0 &&
			snprintf(o->url, URL_BYTES, "%s", value) < URL_BYTES;

		if (!ok)
			return false;
	}
	o->url[strlen(o->url) - (o->url[0] && o->url[strlen(o->url) - 1] == '/')] = '\0';
	return true;
}

int
ctl_invite(struct ctl *c)
{
	const char *verb = c->argc > 1 ? c->argv[1] : "";
	bool as_json = ctl_json(c), list = strcmp(verb, "list") == 0 && c->argc == 2;
	bool delete = strcmp(verb, "delete") == 0 && c->argc == 3;
	struct order o;
	struct db *db;
	int status;

	if ((as_json && !list) || (!list && !delete &&!read_order(c, &o)))
		return ctl_usage(USAGE);
	db = ctl_open(c);
	if (!db)
		return 1;
	status = list ? list_invites(db, as_json) :
	    delete    ? delete_invite(db, c->argv[2]) :
			make_invite(db, &o);
	db_close(db);
	return status;
}
