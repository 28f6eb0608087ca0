/* LibreTranslate: POST /translate and GET /languages. */
#include "adapter.h"

#include "json_write.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define TEXTS_MOST 256

static bool
ask(const struct conf *c, const struct engine_job *job, struct wire_request *q)
{
	struct json_object *o = json_new_object();

	json_add(o, "q", engine_texts(job));
	json_add(o, "source", json_new_text(job->source ? job->source : "auto"));
	json_add(o, "target", json_new_text(job->target));
	json_add(o, "format", json_new_text("text"));
	if (c->translate_key[0])
		json_add(o, "api_key", json_new_text(c->translate_key));
	return engine_post(q, "/translate", o);
}

/* It is said once for all texts, or for each of them. */
static bool
read_detected(struct json_object *root, struct engine_job *job)
{
	struct json_object *found = engine_member(root, "detectedLanguage");
	const char *code;

	if (json_object_is_type(found, json_type_array))
		found = json_object_array_get_idx(found, 0);
	code = engine_word(found, "language");
	if (!code || !languages_is_code(code))
		return false;
	snprintf(job->detected, sizeof(job->detected), "%s", code);
	return true;
}

static enum engine_result
read_texts(struct json_object *root, struct engine_job *job, struct arena *a)
{
	if (!engine_take_all(engine_member(root, "translatedText"), NULL, job, a))
		return ENGINE_BAD_RESPONSE;
	return job->source || read_detected(root, job) ? ENGINE_DONE : ENGINE_UNKNOWN_LANGUAGE;
}

static void
ask_languages(const struct conf *c, struct wire_request *q)
{
	(void)c;
	q->path = "/languages";
}

/* An older one says no targets: then every pair is offered. */
static void
read_languages(struct json_object *root, struct languages *out)
{
	size_t n = json_object_is_type(root, json_type_array) ? json_object_array_length(root) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *code = engine_word(json_object_array_get_idx(root, i), "code");

		if (code)
			languages_add(out, code);
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(root, i),
				   *targets = engine_member(o, "targets");
		const char *code = engine_word(o, "code");
		const int from = code ? languages_add(out, code) : -1;

		if (!json_object_is_type(targets, json_type_array)) {
			for (int to = 0; to < out->count; to++)
				languages_pair(out, from, to);
			continue;
		}
		for (size_t k = 0; k < json_object_array_length(targets); k++) {
			struct json_object *to = json_object_array_get_idx(targets, k);

			if (json_object_is_type(to, json_type_string))
				languages_pair(
				    out, from, languages_add(out, json_object_get_string(to)));
		}
	}
}

const struct engine_kind engine_libretranslate = { .title = "LibreTranslate",
	.most = TEXTS_MOST,
	.guesses = true,
	.ask = ask,
	.read = read_texts,
	.ask_languages = ask_languages,
	.read_languages = read_languages };
