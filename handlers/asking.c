/* What handlers share that ask engines. */
#include "asking.h"

#include "clock.h"
#include "resp.h"
#include "share.h"
#include "url.h"

#include <stdio.h>

#define RETRY_SEC 5
#define BUSY_SEC 1
#define NAME_BYTES 320

static const struct {
	int status;
	const char *code, *messages[ASK__MAX];
} failures[] = {
	[ENGINE_NO_RESPONSE] = { 503, "engine_unavailable",
	    { "The translation engine does not answer.",
		"The transcription engine does not answer." } },
	[ENGINE_LATER] = { 503, "engine_unavailable",
	    { "The translation engine needs a pause.",
		"The transcription engine needs a pause." } },
	[ENGINE_BAD_RESPONSE] = { 502, "engine_failed",
	    { "The translation engine answered with something that is no translation.",
		"The transcription engine answered with something that is no transcript." } },
	[ENGINE_REFUSED] = { 502, "engine_failed",
	    { "The translation engine refused the text.",
		"The transcription engine refused the recording." } },
	[ENGINE_UNKNOWN_LANGUAGE] = { 422, "unknown_language",
	    { "Nobody could tell the language of the text; name it as source.",
		"Nobody could tell the language; name it." } },
};

const char *
asking_code(enum engine_result result)
{
	return failures[result].code;
}

void
asking_fail(struct request *r, enum ask_engine which, enum engine_result result, int64_t wait_ms)
{
	const int64_t sec = (wait_ms + 999) / 1000;

	resp_error(
	    r, failures[result].status, failures[result].code, failures[result].messages[which]);
	if (failures[result].status == 503)
		r->resp.retry_after_sec = sec > 0 ? (int)sec : RETRY_SEC;
}

bool
asking_claim(struct request *r, struct ask_claim *claim)
{
	static const char *const spent[ASK__MAX] = {
		"You have had enough translated for now; ask again later.",
		"You have had enough written down for now; ask again later."
	};
	const int64_t wait_ms = ask_claim(&r->worker->share->ask, claim, clock_mono_ms());

	if (wait_ms == 0)
		return true;
	if (claim->busy) {
		resp_error(
		    r, 503, "engine_busy", "Too many are waiting for the engine; ask again later.");
		r->resp.retry_after_sec = BUSY_SEC;
	} else {
		resp_limited(r, spent[claim->engine], r->now + wait_ms);
	}
	return false;
}

enum engine_result
asking_run(struct request *r, enum ask_engine which, int64_t longest_ms, asking_call *call,
    void *arg, int64_t *wait_ms)
{
	struct ask *shared = &r->worker->share->ask;
	const int64_t begun = clock_mono_ms();
	struct ask_outcome o = { .result = ENGINE_LATER };

	*wait_ms = ask_may_call(shared, which, begun, longest_ms);
	if (*wait_ms > 0)
		return ENGINE_LATER;
	o.result = call(arg, &o.wait_ms);
	o.took_ms = clock_mono_ms() - begun;
	ask_result(shared, which, &o, begun + o.took_ms);
	*wait_ms = o.wait_ms;
	return o.result;
}

void
asking_show(struct json_object *o, const char *url, const char *title)
{
	const bool near = url_is_near(url);
	char host[256], name[NAME_BYTES];

	url_host(url, host, sizeof(host));
	snprintf(name, sizeof(name), near ? "%s" : "%s, %s", title, host);
	json_add_text(o, "engine", near ? "local" : "remote");
	json_add_text(o, "name", name);
}
