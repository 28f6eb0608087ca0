/* Health, for everybody and for admins, and the facts that a client must know before it signs in.
 */
#include "checkup.h"
#include "cleanup.h"
#include "clock.h"
#include "disk.h"
#include "file.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "share.h"
#include "sweep.h"
#include "push.h"
#include "transcription.h"
#include "translation.h"
#include "version.h"

#define CHANNELS 16
#define LOCK_WAIT_MS 250 /* whoever asks wants to know it soon */

/* A worker met a damaged page, or the daily check found one. */
static bool
is_damaged(const struct request *r)
{
	struct sweep_state s;

	return atomic_load(&r->worker->share->damaged) || db_is_damaged(r->worker->db) ||
	    (db_sweep_state(r->worker->db, &s) == DB_ROW && s.damaged);
}

/* GET /health: 200 when the database can be read and written, else 503 naming the part that fails.
 */
void
on_health_get(struct request *r)
{
	enum db_result res = db_probe(r->worker->db, LOCK_WAIT_MS);
	bool damaged = is_damaged(r);
	struct json_object *o;

	if (res == DB_DONE && !damaged) {
		o = resp_ok(r, 200);
		json_add_text(o, "status", "ok");
	} else {
		resp_error(r, 503, "degraded",
		    res == DB_FULL ? "The disk is full." :
			damaged    ? "The database is damaged." :
				     "The database cannot be read and written.");
		r->resp.retry_after_sec = 1;
		o = r->resp.body;
		json_add_text(o, "status", "degraded");
		json_add_text(o, "part", res == DB_FULL ? "disk" : "database");
	}
	json_add_text(o, "version", RELAY_VERSION);
	json_add_int(o, "time", r->now);
}

/* Does relay-live run, as far as anybody knows? */
static bool
is_live(const struct request *r)
{
	struct wake_share *share = r->worker->wake->share;

	return share && atomic_load(&share->serving);
}

static struct checkup
begin_checkup(const struct request *r)
{
	const struct worker *w = r->worker;

	return (struct checkup){ .conf = w->conf,
		.db = w->db,
		.now = r->now,
		.started_at = w->started_at,
		.lock_wait_ms = LOCK_WAIT_MS,
		.damaged = is_damaged(r),
		.live_responds = is_live(r) };
}

/* What a worker looks at; `needed`: without it the relay cannot do its work. The clock comes before
 * the database, which is written to. */
static const struct {
	const char *name;
	checkup_run *run;
	bool needed;
} checks[] = {
	{ "clock", checkup_clock, false },
	{ "database", checkup_database, true },
	{ "disk", checkup_disk, true },
	{ "housekeeping", checkup_housekeeping, true },
	{ "mail", checkup_mail, true },
	{ "outbox", checkup_outbox, false },
	{ "wal", checkup_wal, false },
	{ "files", checkup_files, false },
	{ "live", checkup_live, false },
	{ "codes", checkup_codes, false },
	{ "downloads", checkup_downloads, false },
	{ "proxies", checkup_proxies, false },
};

/* GET /ready: 200 when the relay can do its work, else 503 naming each part that fails. */
void
on_ready_get(struct request *r)
{
	struct checkup c = begin_checkup(r);
	struct json_object *o, *failing = json_new_array();
	bool ready = true;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (checks[i].needed && !checks[i].run(&c)) {
			ready = false;
			json_append(failing, json_new_text(checks[i].name));
		}
	if (ready) {
		o = resp_ok(r, 200);
		json_add_text(o, "status", "ready");
		json_object_put(failing);
	} else {
		resp_error(r, 503, "not_ready", "The relay cannot do all of its work.");
		r->resp.retry_after_sec = 1;
		o = r->resp.body;
		json_add_text(o, "status", "not_ready");
		json_add(o, "failing", failing);
	}
	json_add_int(o, "time", r->now);
}

static void
add_check(struct json_object *array, const char *name, bool ok, const char *message)
{
	struct json_object *o = json_new_object();

	json_add_text(o, "name", name);
	json_add_bool(o, "ok", ok);
	json_add_text(o, "message", message);
	json_append(array, o);
}

/* An engine that the settings name: nobody calls it here, its last calls speak. */
static bool
add_engine(struct request *r, struct json_object *array, enum ask_engine which, const char *name)
{
	int64_t shut = ask_shut_ms(&r->worker->share->ask, which, clock_mono_ms());

	add_check(array, name, shut == 0,
	    shut == 0 ?
		"nothing stands against it; relayctl doctor asks it" :
		arena_printf(&r->arena, "its last calls failed: it is left alone for %lld s more",
		    (long long)(shut + 999) / 1000));
	return shut == 0;
}

/* Returns whether all is well. */
static bool
add_checks(struct request *r, struct json_object *o)
{
	const struct conf *conf = r->worker->conf;
	struct checkup c = begin_checkup(r);
	struct json_object *array = json_new_array();
	bool all = true;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		bool ok = checks[i].run(&c);

		add_check(array, checks[i].name, ok, c.message);
		all = all && ok;
	}
	if (conf->translate_url[0])
		all = add_engine(r, array, ASK_TRANSLATION, "translation") && all;
	if (conf->transcribe_url[0])
		all = add_engine(r, array, ASK_TRANSCRIPTION, "transcription") && all;
	json_add(o, "checks", array);
	return all;
}

/* What the settings switch on; of what is off, the lines of .env.local that switch it on. */
static void
add_features(const struct conf *c, struct json_object *o)
{
	const struct {
		const char *name, *lines;
		bool on;
	} features[] = {
		{ "mail", "SMTP_HOST=mail.example.com\nSMTP_FROM=relay@example.com",
		    c->smtp_host[0] },
		{ "allow_list", "PCHAT_AUTH_ALLOWED_DOMAINS=example.com",
		    !conf_registration_open(c) },
		{ "scrubbing", "MESSAGE_RETENTION_MODE=scrub_content_on_final",
		    retention_modes[c->retention_mode].scrubs },
		{ "durability", "RELAY_DURABILITY=full", c->durability == DURABILITY_FULL },
		{ "live", "RELAY_LIVE=auto", c->live != LIVE_FALSE },
		{ "page", "WEBCHAT_GUI=true", c->gui },
		{ "push", "RELAY_PUSH=true\nRELAY_PUSH_CONTACT=mailto:you@example.com", c->push },
		{ "calls", "RELAY_STUN_URLS=stun:turn.example.com:3478",
		    c->stun_urls[0] || c->turn_urls[0] },
		{ "turn",
		    "RELAY_TURN_URLS=turn:turn.example.com:3478?transport=udp\n"
		    "RELAY_TURN_SECRET=what coturn has as static-auth-secret",
		    c->turn_urls[0] },
		{ "translation", "RELAY_TRANSLATE_URL=http://127.0.0.1:5000", c->translate_url[0] },
		{ "transcription", "RELAY_TRANSCRIBE_URL=http://127.0.0.1:8000",
		    c->transcribe_url[0] },
		{ "telegram", "RELAY_TELEGRAM_API=https://api.telegram.org", c->telegram_api[0] },
		{ "metrics", "RELAY_METRICS_PORT=9110", c->metrics_port > 0 },
	};
	struct json_object *array = json_new_array();

	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		struct json_object *f = json_new_object();

		json_add_text(f, "name", features[i].name);
		json_add_bool(f, "on", features[i].on);
		if (!features[i].on)
			json_add_text(f, "lines", features[i].lines);
		json_append(array, f);
	}
	json_add(o, "features", array);
}

/* False: it responded with an error. */
static bool
add_queues(struct request *r, struct json_object *o)
{
	struct queue_figures list[CHANNELS];
	struct json_object *array;
	int count = 0;

	if (resp_db_failed(r, db_queue_figures(r->worker->db, CHANNELS, list, &count)))
		return false;
	array = json_new_array();
	for (int i = 0; i < count; i++) {
		struct json_object *q = json_new_object();

		json_add_text(q, "channel", list[i].channel);
		json_add_int(q, "waiting", list[i].waiting);
		json_add_int(q, "oldest_at", list[i].oldest_at);
		json_append(array, q);
	}
	json_add(o, "queues", array);
	return true;
}

/* GET admin/health: what a worker knows of how the relay fares, in the words of relayctl doctor; no
 * secret and nobody's address. */
void
on_admin_health(struct request *r)
{
	const struct worker *w = r->worker;
	struct json_object *o = resp_ok(r, 200);
	int64_t free_bytes = disk_free(w->conf->data_dir);
	struct sweep_state s;

	json_add_bool(o, "ok", add_checks(r, o));
	add_features(w->conf, o);
	json_add_text(o, "version", RELAY_VERSION);
	json_add_int(o, "schema", db_schema_version());
	json_add_int(o, "time", r->now);
	json_add_int(o, "workers", atomic_load(&w->share->workers));
	json_add_int(o, "free_bytes", free_bytes < 0 ? 0 : free_bytes);
	json_add_int(o, "database_bytes", db_file_bytes(w->db));
	json_add_int(o, "wal_bytes", db_wal_bytes(w->db));
	if (db_sweep_state(w->db, &s) == DB_ROW && s.finished_at)
		json_add_int(o, "swept_at", s.finished_at);
	add_queues(r, o);
}

/* How long messages and files stay, for clients that tell their users. */
static void
add_retention(struct request *r, struct json_object *o)
{
	const struct conf *c = r->worker->conf;
	struct json_object *retention = json_new_object();
	int len = 0;
	const char *mode = conf_word(CONF_MESSAGE_RETENTION_MODE, c->retention_mode, &len);

	json_add(retention, "mode", json_new_text_len(mode, len));
	json_add_int(retention, "device_grace_sec", c->device_grace_sec);
	json_add_int(retention, "file_hold_sec", db_file_hold_ms(r->worker->db) / 1000);
	json_add(o, "retention", retention);
}

/* GET /api/v1/webchat/config: name, version, features, limits; nothing about users or machines. */
void
on_config_get(struct request *r)
{
	const struct conf *c = r->worker->conf;
	struct json_object *o = resp_ok(r, 200), *features = json_new_object(),
			   *limits = json_new_object();

	json_add_text(o, "name", c->name);
	json_add_text(o, "version", RELAY_VERSION);
	json_add_bool(features, "calls", c->stun_urls[0] || c->turn_urls[0]);
	json_add_bool(features, "push", is_live(r));
	json_add_bool(features, "phone_bridge", true);
	json_add_bool(features, "reactions", true);
	json_add_bool(features, "file_details", true);
	json_add_bool(features, "open_registration", conf_registration_open(c));
	json_add(o, "features", features);
	json_add_int(limits, "max_upload_bytes", c->max_upload_bytes);
	json_add_int(limits, "upload_quota_bytes", c->upload_quota_bytes);
	json_add_int(limits, "max_text_bytes", INPUT_TEXT_BYTES);
	json_add_int(limits, "max_translate_bytes", INPUT_TRANSLATE_BYTES);
	json_add_int(limits, "max_transcribe_bytes", TRANSCRIPTION_BYTES);
	json_add_int(limits, "max_transcribe_ms", TRANSCRIPTION_MS);
	json_add_int(limits, "poll_interval_ms", c->poll_interval_ms);
	json_add(o, "limits", limits);
	add_retention(r, o);
	json_add_bool(features, "translation", translation_show(r, o));
	json_add_bool(features, "transcription", transcription_show(r, o));
	json_add_bool(features, "web_push", push_show(r, o));
}
