/* Segments to the engine, answers held against what must not change, and the pieces again. */
#include "texts.h"

#include "shield.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One text under way. */
struct work {
	const struct texts_options *o;
	struct translation *t;
	const char *source; /* as asked, or found out */
};

static bool
same_language(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

/* One call for segments that are next to each other; their answers are put into `out`. */
static enum engine_result
call(struct work *w, struct segment *list, int count, char **out)
{
	struct arena *a = w->o->arena;
	const char **texts = arena_alloc(a, (size_t)count * sizeof(*texts));
	struct engine_job job = {
		.texts = texts, .count = count, .source = w->source, .target = w->o->target
	};
	enum engine_result result;

	for (int i = 0; texts && i < count; i++)
		texts[i] = arena_strndup(a, list[i].at, list[i].len);
	if (a->full || !texts)
		return ENGINE_BAD_ANSWER;
	result = w->o->call(&job, a, w->o->arg);
	if (result != ENGINE_DONE)
		return result;
	memcpy(out, job.out, (size_t)count * sizeof(*out));
	if (!w->source && job.detected[0]) {
		snprintf(w->t->source, sizeof(w->t->source), "%s", job.detected);
		w->t->detected = true;
		w->source = w->t->source;
	}
	return ENGINE_DONE;
}

/* Asks for all segments, as many at a time as the engine takes. A text that is in the wished
 * language already needs no more calls. */
static enum engine_result
ask(struct work *w, struct segments *s, char **answers)
{
	enum engine_result result = ENGINE_DONE;

	for (int i = 0; i < s->count && result == ENGINE_DONE && !w->t->unchanged;
	     i += w->o->most) {
		const int n = s->count - i < w->o->most ? s->count - i : w->o->most;

		result = call(w, s->list + i, n, answers + i);
		w->t->unchanged = w->source && same_language(w->source, w->o->target);
	}
	return result;
}

/* Puts answers in; segments whose kept parts did not survive go to `again` as pieces. */
static bool
take(struct segments *s, char **answers, struct arena *a, struct segments *again)
{
	for (int i = 0; i < s->count; i++) {
		struct segment *one = &s->list[i];

		if (again && !shield_holds(one, answers[i]))
			shield_pieces(one, a, again);
		else if (shield_trim(one, answers[i]))
			one->out = answers[i];
		else
			return false;
	}
	return true;
}

/* Both lists in the order of the text: pieces lie inside segments that have no answer. */
static bool
merge(struct segments *s, const struct segments *pieces, struct arena *a)
{
	struct segments all = { .room = s->count + pieces->count };
	int k = 0;

	all.list = arena_alloc(a, (size_t)all.room * sizeof(*all.list));
	for (int i = 0; all.list && i < s->count; i++) {
		const char *end = s->list[i].at + s->list[i].len;

		if (s->list[i].out)
			all.list[all.count++] = s->list[i];
		while (k < pieces->count && pieces->list[k].at < end)
			all.list[all.count++] = pieces->list[k++];
	}
	*s = all;
	return all.list != NULL;
}

static enum engine_result
ask_and_take(struct work *w, struct segments *s, struct segments *again)
{
	char **answers = arena_alloc(w->o->arena, ((size_t)s->count + 1) * sizeof(*answers));
	enum engine_result result;

	if (!answers || s->failed)
		return ENGINE_BAD_ANSWER;
	result = ask(w, s, answers);
	if (result != ENGINE_DONE || w->t->unchanged)
		return result;
	return take(s, answers, w->o->arena, again) ? ENGINE_DONE : ENGINE_BAD_ANSWER;
}

static enum engine_result
translate(struct work *w)
{
	struct segments lines = { .count = 0 }, pieces = { .count = 0 };
	struct arena *a = w->o->arena;
	enum engine_result result;

	shield_lines(w->t->text, a, &lines);
	w->t->unchanged = lines.count == 0 && !lines.failed;
	if (w->t->unchanged)
		return ENGINE_DONE;
	result = ask_and_take(w, &lines, &pieces);
	if (result == ENGINE_DONE && !w->t->unchanged)
		result = ask_and_take(w, &pieces, NULL);
	if (result != ENGINE_DONE || w->t->unchanged)
		return result;
	w->t->out = merge(&lines, &pieces, a) ? shield_join(w->t->text, &lines, a) : NULL;
	return w->t->out ? ENGINE_DONE : ENGINE_BAD_ANSWER;
}

void
texts_translate(const struct texts_options *o, struct translation *list, int count)
{
	for (int i = 0; i < count; i++) {
		struct translation *t = &list[i];
		struct work w = { .o = o, .t = t, .source = o->source };

		if (o->source)
			snprintf(t->source, sizeof(t->source), "%s", o->source);
		t->result = translate(&w);
		if (t->result == ENGINE_DONE && t->unchanged)
			t->out = arena_strdup(o->arena, t->text);
	}
}
