/* Translating for a reader, and what clients may know of it before. Nothing of it is kept. */
#include "asking.h"
#include "clock.h"
#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "share.h"
#include "texts.h"
#include "translation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistr.h>

#define TEXTS_MOST 20
#define TEXT_MOST 8192
#define RETRY_LANGUAGES_SEC 10

/* One request under way. */
struct job {
	struct request *r;
	struct translation list[TEXTS_MOST];
	int count;
	const char *source, *target; /* as the engine calls them; source NULL: it finds out */
	int64_t chars, deadline_ms;
	enum engine_result stopped; /* not ENGINE_DONE: the engine is not asked any more */
	int64_t wait_ms;
};

static void
too_large(struct request *r)
{
	resp_error(r, 413, "too_large",
	    "Up to 20 texts of 8 KiB each, and 16 KiB in all, are translated at once.");
}

/* The texts of the request. False: it responded. */
static bool
read_texts(struct job *j)
{
	const struct in_translate *in = j->r->in;
	size_t bytes = 0;

	if (!in->text == !in->texts.items) {
		resp_field_error(j->r, 400, in->text ? "invalid_field" : "missing_field", "text",
		    "Either text or texts is needed.");
		return false;
	}
	j->count = in->text ? 1 : in->texts.count;
	for (int i = 0; i < j->count && i < TEXTS_MOST; i++) {
		const char *text = in->text ? in->text : in->texts.items[i];
		const size_t len = strlen(text);

		j->list[i].text = text;
		j->chars += (int64_t)u8_mbsnlen((const uint8_t *)text, len);
		bytes += len > TEXT_MOST ? INPUT_TRANSLATE_BYTES + 1 : len;
	}
	if (j->count <= TEXTS_MOST && bytes <= INPUT_TRANSLATE_BYTES)
		return true;
	too_large(j->r);
	return false;
}

static bool
unsupported(struct request *r, const char *field, const char *message)
{
	resp_field_error(r, 400, "unsupported_language", field, message);
	return false;
}

/* The languages on offer. False: it responded that nobody knows them. */
static bool
load_languages(struct request *r, struct languages *out)
{
	struct ask *a = &r->worker->share->ask;

	ask_languages(a, out);
	if (out->count == 0 && r->worker->calls_out) {
		ask_tend(a, r->worker->conf, r->worker->generation);
		ask_languages(a, out);
	}
	if (out->count == 0)
		asking_fail(
		    r, ASK_TRANSLATION, ENGINE_NO_RESPONSE, RETRY_LANGUAGES_SEC * (int64_t)1000);
	return out->count > 0;
}

/* From which language into which. False: it responded. */
static bool
read_languages(struct job *j)
{
	const struct in_translate *in = j->r->in;
	struct languages *l = arena_alloc(&j->r->arena, sizeof(*l));
	const char *wanted = in->target ? in->target : j->r->me.language;
	int from = -1, to;

	if (!l || !load_languages(j->r, l))
		return false;
	if (!wanted || !wanted[0]) {
		resp_field_error(j->r, 400, "missing_field", "target",
		    "target is missing, and the account has no language.");
		return false;
	}
	to = languages_find(l, wanted);
	if (to < 0)
		return unsupported(j->r, "target", "The engine does not have this language.");
	j->target = l->codes[to];
	if (!in->source)
		return true;
	from = languages_find(l, in->source);
	if (from < 0)
		return unsupported(j->r, "source", "The engine does not have this language.");
	j->source = l->codes[from];
	return from == to || languages_has_pair(l, from, to) ||
	    unsupported(
		j->r, "source", "The engine does not translate from this language into that one.");
}

struct engine_turn {
	struct job *j;
	struct engine_job *e;
	struct arena *arena;
};

static enum engine_result
call_once(void *arg, int64_t *wait_ms)
{
	const struct engine_turn *t = arg;
	const enum engine_result result = engine_translate(t->j->r->worker->conf, t->e, t->arena);

	*wait_ms = t->e->wait_ms;
	return result;
}

/* One call of the engine, unless the time is over or the engine is to be left alone. */
static enum engine_result
call(struct engine_job *e, struct arena *a, void *arg)
{
	struct job *j = arg;
	struct engine_turn turn = { j, e, a };
	enum engine_result result;

	if (j->stopped != ENGINE_DONE)
		return j->stopped;
	e->timeout_ms = j->deadline_ms - clock_mono_ms();
	if (e->timeout_ms <= 0)
		return j->stopped = ENGINE_NO_RESPONSE;
	result = asking_run(j->r, ASK_TRANSLATION, e->timeout_ms, call_once, &turn, &j->wait_ms);
	if (result == ENGINE_NO_RESPONSE || result == ENGINE_LATER)
		j->stopped = result;
	return result;
}

/* Asks the engine within the budget of the account. False: it responded. */
static bool
ask_engine(struct job *j)
{
	struct request *r = j->r;
	const struct conf *c = r->worker->conf;
	const int64_t now = clock_mono_ms();
	struct ask_claim claim = { .account_id = r->me.id,
		.engine = ASK_TRANSLATION,
		.amount = j->chars,
		.a_day = c->translate_chars,
		.longest_ms = c->translate_timeout_ms };
	const struct texts_options o = { .source = j->source,
		.target = j->target,
		.most = engine_of(c)->most,
		.arena = &r->arena,
		.call = call,
		.arg = j };
	int64_t unused = 0;

	if (!asking_claim(r, &claim))
		return false;
	j->deadline_ms = now + c->translate_timeout_ms;
	texts_translate(&o, j->list, j->count);
	for (int i = 0; i < j->count; i++)
		if (j->list[i].result != ENGINE_DONE)
			unused += (int64_t)u8_mbsnlen(
			    (const uint8_t *)j->list[i].text, strlen(j->list[i].text));
	ask_release(&r->worker->share->ask, &claim, unused);
	return true;
}

/* Nothing to ask about: source and target are the same. */
static void
leave_all(struct job *j)
{
	for (int i = 0; i < j->count; i++) {
		struct translation *t = &j->list[i];

		t->out = arena_strdup(&j->r->arena, t->text);
		t->unchanged = true;
		snprintf(t->source, sizeof(t->source), "%s", j->source);
	}
}

static void
add_translation(struct json_object *o, const struct translation *t)
{
	json_add_text(o, "text", t->out);
	json_add_text(o, "source", t->source[0] ? t->source : NULL);
	json_add_bool(o, "detected", t->detected);
	json_add_bool(o, "unchanged", t->unchanged);
}

static void
fail(struct job *j, enum engine_result result)
{
	asking_fail(j->r, ASK_TRANSLATION, result, j->wait_ms);
}

static void
respond_one(struct job *j)
{
	const struct translation *t = &j->list[0];
	struct json_object *o;

	if (t->result != ENGINE_DONE) {
		fail(j, t->result);
		return;
	}
	o = resp_ok(j->r, 200);
	json_add_text(o, "target", j->target);
	add_translation(o, t);
}

/* An engine that failed on all of them makes the whole call fail. */
static void
respond_all(struct job *j)
{
	struct json_object *o, *list;
	bool any = j->stopped == ENGINE_DONE;

	for (int i = 0; i < j->count; i++)
		any = any || j->list[i].result != j->stopped;
	if (!any) {
		fail(j, j->stopped);
		return;
	}
	o = resp_ok(j->r, 200);
	list = json_new_array();
	json_add_text(o, "target", j->target);
	json_add(o, "translations", list);
	for (int i = 0; i < j->count; i++) {
		struct json_object *item = json_new_object();

		json_append(list, item);
		if (j->list[i].result == ENGINE_DONE)
			add_translation(item, &j->list[i]);
		else
			json_add_text(item, "error", asking_code(j->list[i].result));
	}
}

/* POST translate: the receiver asks, for what they read. */
void
on_translate_post(struct request *r)
{
	struct job *j = arena_alloc(&r->arena, sizeof(*j));
	const struct worker *w = r->worker;

	if (!j)
		return;
	j->r = r;
	if (!w->conf->translate_url[0]) {
		resp_error(r, 404, "translation_off", "This relay has no translation engine.");
		return;
	}
	if (!read_texts(j) || !read_languages(j))
		return;
	if (j->source && strcasecmp(j->source, j->target) == 0) {
		leave_all(j);
	} else if (!j->source && !engine_of(w->conf)->guesses) {
		fail(j, ENGINE_UNKNOWN_LANGUAGE);
		return;
	} else if (!w->calls_out) { /* a web server with the configuration of before */
		fail(j, ENGINE_NO_RESPONSE);
		return;
	} else if (!ask_engine(j)) {
		return;
	}
	if (((const struct in_translate *)r->in)->text)
		respond_one(j);
	else
		respond_all(j);
}

static struct json_object *
show_pairs(const struct languages *l)
{
	struct json_object *pairs = json_new_array();

	for (int from = 0; from < l->count; from++)
		for (int to = 0; to < l->count; to++) {
			struct json_object *pair;

			if (from == to || !languages_has_pair(l, from, to))
				continue;
			pair = json_new_array();
			json_append(pair, json_new_text(l->codes[from]));
			json_append(pair, json_new_text(l->codes[to]));
			json_append(pairs, pair);
		}
	return pairs;
}

bool
translation_show(struct request *r, struct json_object *o)
{
	struct json_object *translation = json_new_object(), *codes = json_new_array();
	const struct conf *c = r->worker->conf;
	struct languages *l = arena_alloc(&r->arena, sizeof(*l));

	json_add(o, "translation", translation);
	json_add(translation, "languages", codes);
	if (!l || !c->translate_url[0])
		return false;
	ask_languages(&r->worker->share->ask, l);
	for (int i = 0; i < l->count; i++)
		json_append(codes, json_new_text(l->codes[i]));
	if (l->count == 0)
		return false;
	if (!l->all_pairs)
		json_add(translation, "pairs", show_pairs(l));
	asking_show(translation, c->translate_url, engine_of(c)->title);
	return true;
}
