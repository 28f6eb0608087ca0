/* Health and the facts that a client must know before it signs in. */
#include "file.h"
#include "handlers.h"
#include "inputs.h"
#include "outbox.h"
#include "resp.h"
#include "room.h"
#include "share.h"
#include "sweep.h"
#include "push.h"
#include "transcription.h"
#include "translation.h"
#include "version.h"

#include <libgen.h>
#include <string.h>
#include <sys/statvfs.h>

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
	enum db_result res = db_probe(r->worker->db);
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

static bool
disk_is_fine(const struct request *r)
{
	const struct conf *c = r->worker->conf;

	return room_left(r, c->data_dir) >= 0 && room_left(r, c->upload_dir) >= 0;
}

static bool
housekeeping_is_fine(const struct request *r)
{
	const struct worker *w = r->worker;
	struct sweep_state s;

	return db_sweep_state(w->db, &s) == DB_ROW &&
	    sweep_is_fresh(&s, r->now, w->conf->housekeeping_interval_sec, w->started_at);
}

/* Sign-in codes leave within a minute, or nobody can sign in. */
static bool
mail_is_fine(const struct request *r)
{
	int64_t oldest = 0;

	return db_outbox_oldest_code(r->worker->db, r->now, &oldest) != DB_ROW || oldest == 0 ||
	    r->now - oldest < OUTBOX_DELAY_MS;
}

/* GET /ready: 200 when the relay can do its work, else 503 naming each part that fails. */
void
on_ready_get(struct request *r)
{
	const struct {
		const char *name;
		bool ok;
	} parts[] = { { "database", db_probe(r->worker->db) == DB_DONE && !is_damaged(r) },
		{ "disk", disk_is_fine(r) }, { "housekeeping", housekeeping_is_fine(r) },
		{ "mail", mail_is_fine(r) } };
	struct json_object *o, *failing = json_new_array();
	bool ready = true;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!parts[i].ok) {
			ready = false;
			json_append(failing, json_new_text(parts[i].name));
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

/* Does relay-live run, as far as anybody knows? */
static bool
is_live(const struct request *r)
{
	struct wake_share *share = r->worker->wake->share;

	return share && atomic_load(&share->serving);
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
