/* DeepL: POST /v2/translate; the key goes in a header, never in the body. */
#include "adapter.h"

#include "json_write.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define TEXTS_MOST 50

static void
authorize(const struct conf *c, struct wire_request *q)
{
	snprintf(q->authorization, sizeof(q->authorization), "DeepL-Auth-Key %s", c->translate_key);
}

/* Upper case; of the source the language alone, without region or script. */
static struct json_object *
code_of(const char *code, bool is_source)
{
	char upper[TEXT_LANGUAGE_BYTES];

	snprintf(upper, sizeof(upper), "%s", code);
	if (is_source)
		upper[strcspn(upper, "-")] = '\0';
	for (char *p = upper; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return json_new_text(upper);
}

static bool
ask(const struct conf *c, const struct engine_job *job, struct wire_request *q)
{
	struct json_object *o = json_new_object();

	json_add(o, "text", engine_texts(job));
	if (job->source)
		json_add(o, "source_lang", code_of(job->source, true));
	json_add(o, "target_lang", code_of(job->target, false));
	authorize(c, q);
	return engine_post(q, "/v2/translate", o);
}

/* As clients write it: the language in lower case. */
static bool
put_code(const char *code, char out[static TEXT_LANGUAGE_BYTES])
{
	if (!code || !languages_is_code(code))
		return false;
	snprintf(out, TEXT_LANGUAGE_BYTES, "%s", code);
	for (char *p = out; *p && *p != '-'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return true;
}

static enum engine_result
read_texts(struct json_object *root, struct engine_job *job, struct arena *a)
{
	struct json_object *list = engine_member(root, "translations");

	if (!engine_take_all(list, "text", job, a))
		return ENGINE_BAD_RESPONSE;
	return job->source ||
		put_code(
		    engine_word(json_object_array_get_idx(list, 0), "detected_source_language"),
		    job->detected) ?
	    ENGINE_DONE :
	    ENGINE_UNKNOWN_LANGUAGE;
}

static void
ask_languages(const struct conf *c, struct wire_request *q)
{
	authorize(c, q);
	q->path = "/v2/languages?type=target";
}

static void
read_languages(struct json_object *root, struct languages *out)
{
	size_t n = json_object_is_type(root, json_type_array) ? json_object_array_length(root) : 0;
	char code[TEXT_LANGUAGE_BYTES];

	for (size_t i = 0; i < n; i++)
		if (put_code(engine_word(json_object_array_get_idx(root, i), "language"), code))
			languages_add(out, code);
	out->all_pairs = true;
}

const struct engine_kind engine_deepl = { .title = "DeepL",
	.most = TEXTS_MOST,
	.guesses = true,
	.ask = ask,
	.read = read_texts,
	.ask_languages = ask_languages,
	.read_languages = read_languages };
