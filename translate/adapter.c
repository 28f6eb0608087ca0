/* What all kinds of engines share: the call, and what its status means. */
#include "adapter.h"

#include "json_read.h"
#include "json_write.h"
#include "log.h"
#include "oom.h"

#include <json-c/json.h>
#include <string.h>

#define LONGEST_WAIT_SEC 60
#define USUAL_WAIT_SEC 5
#define STATUS_BUDGET_SPENT 456 /* of DeepL */

static const char translation[] = "translation";

static const struct engine_kind *const kinds[] = { [TRANSLATE_LIBRETRANSLATE] =
						       &engine_libretranslate,
	[TRANSLATE_APERTIUM] = &engine_apertium,
	[TRANSLATE_DEEPL] = &engine_deepl,
	[TRANSLATE_OPENAI] = &engine_openai };

const struct engine_kind *
engine_of(const struct conf *c)
{
	return kinds[c->translate_kind];
}

struct json_object *
engine_member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, name, &value);
	return value;
}

const char *
engine_word(struct json_object *o, const char *name)
{
	struct json_object *value = engine_member(o, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

bool
engine_take(struct json_object *value, struct arena *a, char **out)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return false;
	text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value)) /* a NUL is in it */
		return false;
	*out = arena_strdup(a, text);
	return *out != NULL;
}

struct json_object *
engine_texts(const struct engine_job *job)
{
	struct json_object *list = json_new_array();

	for (int i = 0; i < job->count; i++)
		json_append(list, json_new_text(job->texts[i]));
	return list;
}

bool
engine_take_all(
    struct json_object *list, const char *member, struct engine_job *job, struct arena *a)
{
	bool ok = json_object_is_type(list, json_type_array) &&
	    json_object_array_length(list) == (size_t)job->count;

	for (int i = 0; i < job->count && ok; i++) {
		struct json_object *item = json_object_array_get_idx(list, (size_t)i);

		ok = engine_take(member ? engine_member(item, member) : item, a, &job->out[i]);
	}
	return ok;
}

bool
engine_post(struct wire_request *q, const char *path, struct json_object *body)
{
	const char *text = json_text(body, NULL);

	q->path = path;
	q->type = "application/json";
	q->body = text ? strdup(text) : NULL;
	json_object_put(body);
	return q->body && !oom_noted();
}

static int64_t
wait_ms(const struct wire_response *a)
{
	const int64_t sec = a->retry_after_sec > 0 ? a->retry_after_sec : USUAL_WAIT_SEC;

	return (sec < LONGEST_WAIT_SEC ? sec : LONGEST_WAIT_SEC) * 1000;
}

/* The log has the status alone: what an engine says may repeat what it was asked. */
enum engine_result
engine_classify(const struct wire_response *a, const char *what, int64_t *wait)
{
	if (a->status == 0)
		return ENGINE_NO_RESPONSE;
	if (a->status == 200)
		return ENGINE_DONE;
	log_warn("the %s engine answered %ld", what, a->status);
	if (a->status != 429 && a->status != STATUS_BUDGET_SPENT)
		return a->status / 100 == 4 ? ENGINE_REFUSED : ENGINE_BAD_RESPONSE;
	*wait = a->status == 429 ? wait_ms(a) : (int64_t)LONGEST_WAIT_SEC * 1000;
	return ENGINE_LATER;
}

enum engine_result
engine_translate(const struct conf *c, struct engine_job *job, struct arena *a)
{
	const struct engine_kind *kind = engine_of(c);
	struct wire_request q = { .url = c->translate_url };
	struct wire_response response;
	enum engine_result result;
	struct json_object *root;

	job->detected[0] = '\0';
	job->out = arena_alloc(a, (size_t)job->count * sizeof(*job->out));
	if (!job->out || !kind->ask(c, job, &q))
		return ENGINE_BAD_RESPONSE;
	wire_call(c, &q, job->timeout_ms, &response);
	result = engine_classify(&response, translation, &job->wait_ms);
	if (result == ENGINE_DONE) {
		json_read(response.body, strlen(response.body), &root);
		result = kind->read(root, job, a);
		json_object_put(root);
	}
	wire_forget();
	return result;
}

enum engine_result
engine_languages(const struct conf *c, int64_t timeout_ms, struct languages *out)
{
	const struct engine_kind *kind = engine_of(c);
	struct wire_request q = { .url = c->translate_url };
	struct wire_response response;
	enum engine_result result;
	struct json_object *root;
	int64_t wait;

	*out = (struct languages){ .count = 0 };
	if (c->translate_languages[0] || !kind->ask_languages) {
		languages_add_list(out, c->translate_languages);
		return ENGINE_DONE;
	}
	kind->ask_languages(c, &q);
	wire_call(c, &q, timeout_ms, &response);
	result = engine_classify(&response, translation, &wait);
	if (result == ENGINE_DONE) {
		json_read(response.body, strlen(response.body), &root);
		kind->read_languages(root, out);
		json_object_put(root);
		languages_close(out);
		result = out->count > 0 ? ENGINE_DONE : ENGINE_BAD_RESPONSE;
	}
	wire_forget();
	return result;
}
