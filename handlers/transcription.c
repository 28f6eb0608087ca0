/* Writing down a voice note for a reader. Nothing of it is kept. */
#include "transcription.h"

#include "asking.h"
#include "audio.h"
#include "cleanup.h"
#include "file.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "share.h"
#include "transcribe.h"
#include "uploads.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define LEAST_MS 1000 /* models invent words for less */

static void
unknown_file(struct request *r)
{
	resp_field_error(
	    r, 404, "unknown_file", "file_id", "There is no such file, or you may not see it.");
}

static void
too_large(struct request *r)
{
	resp_field_error(r, 413, "too_large", "file_id",
	    "Recordings of up to 8 MiB and five minutes are written down.");
}

/* The file, of whoever may fetch it. False: it responded. */
static bool
find_file(struct request *r, const char *file_id, struct file *f)
{
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("fil_", file_id, id) ?
	    db_file_get(r->worker->db, &r->arena, id, r->me.id, r->now, f) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE || (!f->visible && r->worker->conf->download_requires_token)) {
		unknown_file(r);
		return false;
	}
	if (!transcribe_extension(f->mime)) {
		resp_field_error(r, 400, "invalid_field", "file_id",
		    "The file is no recording of a kind that is written down.");
		return false;
	}
	if (f->size > TRANSCRIPTION_BYTES)
		too_large(r);
	return f->size <= TRANSCRIPTION_BYTES;
}

/* Its bytes, for the caller to close. -1: it responded. */
static int
open_file(struct request *r, const struct file *f)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = -1;

	if (uploads_path(r->worker->conf->upload_dir, f->public_id, path, sizeof(path)))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size == f->size)
		return fd;
	if (fd < 0 && errno != ENOENT)
		resp_error(r, 503, "storage_unavailable",
		    "The relay's upload folder is not available; its log says why.");
	else /* expired this moment, or cut by a power failure */
		unknown_file(r);
	if (fd >= 0)
		close(fd);
	return -1;
}

struct turn {
	struct request *r;
	struct transcribe_job job;
};

static enum engine_result
call(void *arg, int64_t *wait_ms)
{
	struct turn *t = arg;
	const enum engine_result result =
	    transcribe_call(t->r->worker->conf, &t->job, &t->r->arena);

	*wait_ms = t->job.wait_ms;
	return result;
}

static void
respond(struct request *r, const char *text, const char *language)
{
	struct json_object *o = resp_ok(r, 200);

	json_add_text(o, "text", text);
	json_add_text(o, "language", language && language[0] ? language : NULL);
}

/* Asks the engine within the budget of the account. */
static void
ask_engine(struct request *r, struct turn *t, int64_t duration_ms)
{
	const struct conf *c = r->worker->conf;
	struct ask_claim claim = { .account_id = r->me.id,
		.engine = ASK_TRANSCRIPTION,
		.amount = duration_ms,
		.a_day = c->transcribe_sec * 1000,
		.longest_ms = c->transcribe_timeout_sec * 1000,
		.at_once = (int)c->ask_workers - (c->translate_url[0] != '\0') };
	enum engine_result result;
	int64_t wait_ms;

	if (!asking_claim(r, &claim))
		return;
	t->job.timeout_ms = claim.longest_ms;
	result = asking_run(r, ASK_TRANSCRIPTION, claim.longest_ms, call, t, &wait_ms);
	ask_release(&r->worker->share->ask, &claim, result == ENGINE_DONE ? 0 : duration_ms);
	if (result == ENGINE_DONE)
		respond(r, t->job.text, t->job.spoken);
	else
		asking_fail(r, ASK_TRANSCRIPTION, result, wait_ms);
}

/* POST transcribe: whoever may fetch a voice note may have it written down. */
void
on_transcribe_post(struct request *r)
{
	const struct in_transcribe *in = r->in;
	struct audio_length length;
	auto_close int fd = -1;
	struct turn t = { .r = r };
	struct file f;

	if (!r->worker->conf->transcribe_url[0]) {
		resp_error(r, 404, "transcription_off", "This relay has no transcription engine.");
		return;
	}
	if (!find_file(r, in->file_id, &f))
		return;
	if (!r->worker->calls_out) { /* a web server with the configuration of before */
		asking_fail(r, ASK_TRANSCRIPTION, ENGINE_NO_RESPONSE, 0);
		return;
	}
	fd = open_file(r, &f);
	if (fd < 0)
		return;
	length = audio_length(fd, f.size);
	if (length.ms > TRANSCRIPTION_MS) {
		too_large(r);
	} else if (length.exact && length.ms < LEAST_MS) {
		respond(r, "", in->language);
	} else {
		t.job = (struct transcribe_job){
			.fd = fd, .size = f.size, .media_type = f.mime, .language = in->language
		};
		ask_engine(r, &t, length.ms);
	}
}

bool
transcription_show(struct request *r, struct json_object *o)
{
	const struct conf *c = r->worker->conf;
	struct json_object *transcription;

	if (!c->transcribe_url[0])
		return false;
	transcription = json_new_object();
	json_add(o, "transcription", transcription);
	asking_show(transcription, c->transcribe_url, c->transcribe_model);
	return true;
}
