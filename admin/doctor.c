/* relayctl doctor and check: the table of checks, and their report. */
#include "doctor.h"

#include "cleanup.h"
#include "json_write.h"
#include "clock.h"
#include "oom.h"
#include "runfile.h"

#include <curl/curl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define USAGE "doctor [--url URL] [--mail] [--text]"

/* When a check is made. */
enum when { ALWAYS, ASKED, RESPONDS, OVER_TLS, TRANSLATES, TRANSCRIBES, WITH_MAIL };

/* In this order: the clock is looked at before the database is written to. */
static const struct {
	const char *name;
	enum when when;
	bool (*run)(struct doctor *d); /* NULL: it is shared */
	checkup_run *shared;
} checks[] = {
	{ "settings", ALWAYS, doctor_local_settings, NULL },
	{ "data", ALWAYS, doctor_local_data, NULL },
	{ "uploads", ALWAYS, doctor_local_uploads, NULL },
	{ "disk", ALWAYS, NULL, checkup_disk },
	{ "clock", ALWAYS, NULL, checkup_clock },
	{ "database", ALWAYS, doctor_local_database, NULL },
	{ "housekeeping", ALWAYS, NULL, checkup_housekeeping },
	{ "wal", ALWAYS, NULL, checkup_wal },
	{ "files", ALWAYS, NULL, checkup_files },
	{ "sandbox", ALWAYS, doctor_local_sandbox, NULL },
	{ "socket", ALWAYS, doctor_local_socket, NULL },
	{ "live", ALWAYS, doctor_local_live, NULL },
	{ "codes", ALWAYS, NULL, checkup_codes },
	{ "signin", ALWAYS, NULL, checkup_mail },
	{ "outbox", ALWAYS, NULL, checkup_outbox },
	{ "health", ASKED, doctor_net_health, NULL },
	{ "downloads", RESPONDS, doctor_net_downloads, NULL },
	{ "private", RESPONDS, doctor_net_private, NULL },
	{ "forwarding", RESPONDS, doctor_net_forwarding, NULL },
	{ "tls", OVER_TLS, doctor_net_tls, NULL },
	{ "translation", TRANSLATES, doctor_net_translation, NULL },
	{ "transcription", TRANSCRIBES, doctor_net_transcription, NULL },
	{ "mail", WITH_MAIL, doctor_net_mail, NULL },
};

struct options {
	bool network, mail, text;
	const char *url;
};

bool
doctor_say(struct doctor *d, bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->message, sizeof(d->message), fmt, ap);
	va_end(ap);
	return ok;
}

bool
doctor_shared(struct doctor *d, checkup_run *run)
{
	struct checkup c = { .conf = d->conf,
		.db = d->db,
		.now = clock_ms(),
		.started_at = d->started_at,
		.lock_wait_ms = (int)d->conf->busy_timeout_ms,
		.is_public = d->address_given,
		.live_responds = d->live_responds };

	return doctor_say(d, run(&c), "%s", c.message);
}

static bool
is_due(const struct doctor *d, const struct options *o, enum when when)
{
	switch (when) {
	case ASKED:
		return o->network;
	case RESPONDS:
		return o->network && d->responds;
	case OVER_TLS:
		return o->network && strncmp(d->url, "https:", 6) == 0;
	case TRANSLATES:
		return o->network && d->conf->translate_url[0];
	case TRANSCRIBES:
		return o->network && d->conf->transcribe_url[0];
	case WITH_MAIL:
		return o->mail;
	default:
		return true;
	}
}

static void
note(struct json_object *list, const char *name, bool ok, const char *message)
{
	struct json_object *o = json_new_object();

	json_add(o, "name", json_new_text(name));
	json_add(o, "ok", json_new_bool(ok));
	json_add(o, "message", json_new_text(message));
	json_append(list, o);
}

static const char *
text_of(struct json_object *o, const char *name)
{
	return json_object_get_string(json_object_object_get(o, name));
}

static void
print_table(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		bool ok = json_object_get_boolean(json_object_object_get(o, "ok"));

		printf("%-12s %-6s %s\n", text_of(o, "name"), ok ? "ok" : "FAILED",
		    text_of(o, "message"));
	}
}

/* Takes the list over. Returns the exit status. */
static int
report(struct json_object *list, bool ok, bool text)
{
	struct json_object *all = json_new_object();

	json_add(all, "ok", json_new_bool(ok));
	json_add(all, "checks", list);
	if (oom_take()) {
		fputs("relayctl: out of memory\n", stderr);
		ok = false;
	} else if (text)
		print_table(list);
	else
		puts(json_object_to_json_string_ext(
		    all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
	return ok ? 0 : 1;
}

/* What the running relay wrote into its lock file is asked, unless the caller gives an address. */
static void
find_url(struct doctor *d, const char *given)
{
	struct runfile running;

	runfile_read(d->conf->dir, &running);
	snprintf(d->running, sizeof(d->running), "%s", running.has_http ? running.url : "");
	d->by_environment = running.by_environment;
	d->started_at = running.written_at;
	d->address_given = given != NULL;
	snprintf(d->url, sizeof(d->url), "%s", given ? given : d->running);
	if (given)
		d->url[strlen(d->url) - (d->url[strlen(d->url) - 1] == '/')] = '\0';
}

static int
examine(struct doctor *d, const struct options *o)
{
	const struct db_options store = db_options_of(d->conf);
	struct json_object *list = json_new_array();
	bool all = true;

	find_url(d, o->url);
	d->db = db_open(&store, d->open_error);
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		bool ok;

		if (!is_due(d, o, checks[i].when))
			continue;
		d->message[0] = '\0';
		ok = checks[i].run ? checks[i].run(d) : doctor_shared(d, checks[i].shared);
		note(list, checks[i].name, ok, d->message);
		all = all && ok;
	}
	db_close(d->db);
	return report(list, all, o->text);
}

/* Settings that cannot be read end the examination with one failed check. */
static int
run(struct ctl *c, const struct options *o)
{
	char error[CONF_ERROR_BYTES];
	struct doctor d = { .conf = &c->conf };
	struct json_object *list;
	int status;

	if (conf_load(&c->conf, c->dir, error)) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		status = examine(&d, o);
		curl_global_cleanup();
	} else {
		list = json_new_array();
		note(list, checks[0].name, false, error);
		status = report(list, false, o->text);
	}
	conf_free(&c->conf);
	return status;
}

static bool
is_url(const char *s)
{
	const char *host = strncmp(s, "http://", 7) == 0 ? s + 7 :
	    strncmp(s, "https://", 8) == 0               ? s + 8 :
							   "";

	return host[0] && host[0] != '/' && strlen(s) < DOCTOR_URL_BYTES && !strpbrk(s, " ?#\r\n");
}

int
ctl_doctor(struct ctl *c)
{
	struct options o = { .network = true };

	for (int i = 1; i < c->argc; i++) {
		if (strcmp(c->argv[i], "--mail") == 0)
			o.mail = true;
		else if (strcmp(c->argv[i], "--text") == 0)
			o.text = true;
		else if (strcmp(c->argv[i], "--url") == 0 && i + 1 < c->argc &&
		    is_url(c->argv[i + 1]))
			o.url = c->argv[++i];
		else
			return ctl_usage(USAGE);
	}
	return run(c, &o);
}

int
ctl_check(struct ctl *c)
{
	const struct options o = { .text = true };

	return c->argc == 1 ? run(c, &o) : ctl_usage("check");
}
