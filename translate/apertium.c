/* apertium-apy: POST /translate as a form, GET /listPairs. It has codes of three letters and says
 * no language apart. */
#include "adapter.h"

#include "cleanup.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ISO 639-3 and 639-1, for the languages that apertium has. */
static const struct {
	const char three[4], two[3];
} codes[] = { { "afr", "af" }, { "arg", "an" }, { "ast", "" }, { "bel", "be" }, { "bre", "br" },
	{ "bul", "bg" }, { "cat", "ca" }, { "cym", "cy" }, { "dan", "da" }, { "deu", "de" },
	{ "eng", "en" }, { "epo", "eo" }, { "eus", "eu" }, { "fra", "fr" }, { "gle", "ga" },
	{ "glg", "gl" }, { "hbs", "sh" }, { "hin", "hi" }, { "hrv", "hr" }, { "ind", "id" },
	{ "isl", "is" }, { "ita", "it" }, { "kaz", "kk" }, { "mkd", "mk" }, { "mlt", "mt" },
	{ "msa", "ms" }, { "nld", "nl" }, { "nno", "nn" }, { "nob", "nb" }, { "oci", "oc" },
	{ "pol", "pl" }, { "por", "pt" }, { "ron", "ro" }, { "rus", "ru" }, { "slv", "sl" },
	{ "sme", "se" }, { "spa", "es" }, { "srd", "sc" }, { "srp", "sr" }, { "swe", "sv" },
	{ "tat", "tt" }, { "tur", "tr" }, { "ukr", "uk" }, { "urd", "ur" } };

/* Clients write two letters where there are two; a variant, as in por_BR, stays behind a hyphen. */
static void
to_client(const char *code, char out[static TEXT_LANGUAGE_BYTES])
{
	const size_t len = strcspn(code, "_");
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_LEN(codes) && len == 3; i++)
		if (strncmp(codes[i].three, code, 3) == 0 && codes[i].two[0])
			first = codes[i].two;
	if (first)
		snprintf(out, TEXT_LANGUAGE_BYTES, "%s%s", first, code + len);
	else
		snprintf(out, TEXT_LANGUAGE_BYTES, "%s", code);
	out[strcspn(out, "_")] = out[strcspn(out, "_")] ? '-' : '\0';
}

static void
to_engine(const char *code, char out[static TEXT_LANGUAGE_BYTES + 1])
{
	const size_t len = strcspn(code, "-");
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_LEN(codes) && len == 2; i++)
		if (strncmp(codes[i].two, code, 2) == 0)
			first = codes[i].three;
	if (first)
		snprintf(out, TEXT_LANGUAGE_BYTES + 1, "%s%s", first, code + len);
	else
		snprintf(out, TEXT_LANGUAGE_BYTES + 1, "%s", code);
	out[strcspn(out, "-")] = out[strcspn(out, "-")] ? '_' : '\0';
}

/* Percent-encodes all that is not a letter or a digit. */
static char *
form_of(const char *from, const char *to, const char *text)
{
	const size_t size = 3 * strlen(text) + 128;
	char *body = malloc(size);
	struct text t;

	if (!body)
		return NULL;
	text_init(&t, body, size);
	text_printf(&t, "markUnknown=no&langpair=%s%%7C%s&q=", from, to);
	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;
		const bool plain =
		    (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		text_printf(&t, plain ? "%c" : "%%%02X", c);
	}
	return body;
}

static bool
ask(const struct conf *c, const struct engine_job *job, struct wire_request *q)
{
	char from[TEXT_LANGUAGE_BYTES + 1], to[TEXT_LANGUAGE_BYTES + 1];

	(void)c;
	to_engine(job->source, from);
	to_engine(job->target, to);
	q->path = "/translate";
	q->type = "application/x-www-form-urlencoded";
	q->body = form_of(from, to, job->texts[0]);
	return q->body != NULL;
}

static enum engine_result
read_text(struct json_object *root, struct engine_job *job, struct arena *a)
{
	struct json_object *data = engine_member(root, "responseData");

	return engine_take(engine_member(data, "translatedText"), a, &job->out[0]) ?
	    ENGINE_DONE :
	    ENGINE_BAD_RESPONSE;
}

static void
ask_languages(const struct conf *c, struct wire_request *q)
{
	(void)c;
	q->path = "/listPairs";
}

static void
read_languages(struct json_object *root, struct languages *out)
{
	struct json_object *list = engine_member(root, "responseData");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *source = engine_word(o, "sourceLanguage"),
			   *target = engine_word(o, "targetLanguage");
		char from[TEXT_LANGUAGE_BYTES], to[TEXT_LANGUAGE_BYTES];
		int row;

		if (!source || !target)
			continue;
		to_client(source, from);
		to_client(target, to);
		row = languages_add(out, from);
		languages_pair(out, row, languages_add(out, to));
	}
}

const struct engine_kind engine_apertium = { .title = "Apertium",
	.most = 1,
	.ask = ask,
	.read = read_text,
	.ask_languages = ask_languages,
	.read_languages = read_languages };
