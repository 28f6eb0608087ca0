/* Segments to the engine, translations held against what must not change, and the pieces again. */
#include "texts.h"

#include "shield.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Texts under way together: all of them, or where the engine finds out the language, one. */
struct work {
	const struct texts_options *o;
	struct translation *list;
	int count;
	const char *source; /* as asked, or found out */
	bool done; /* it was found out that there is nothing to translate */
};

/* Notes the language that the engine found. A text that is in the wished one already needs nothing
 * more. */
static void
note_language(struct work *w, const struct engine_job *job)
{
	struct translation *t = &w->list[0];

	if (w->source || !job->detected[0])
		return;
	snprintf(t->source, sizeof(t->source), "%s", job->detected);
	t->detected = true;
	w->done = t->unchanged = strcasecmp(t->source, w->o->target) == 0;
	w->source = t->source;
}

/* One call for segments that are next to each other; their translations are put into `out`. */
static enum engine_result
call(struct work *w, const struct segment *list, int count, char **out)
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
		return ENGINE_BAD_RESPONSE;
	result = w->o->call(&job, a, w->o->arg);
	if (result != ENGINE_DONE)
		return result;
	memcpy(out, job.out, (size_t)count * sizeof(*out));
	note_language(w, &job);
	return ENGINE_DONE;
}

/* Asks for all segments, as many at a time as the engine takes; translations stay NULL where a call
 * failed, and the texts of that call are noted. NULL: no memory. */
static char **
ask(struct work *w, const struct segments *s)
{
	char **responses = arena_alloc(w->o->arena, ((size_t)s->count + 1) * sizeof(*responses));

	if (!responses || s->failed)
		return NULL;
	for (int i = 0; i < s->count && !w->done; i += w->o->most) {
		const int n = s->count - i < w->o->most ? s->count - i : w->o->most;
		const enum engine_result result = call(w, s->list + i, n, responses + i);

		for (int k = i; k < i + n && result != ENGINE_DONE; k++)
			w->list[s->list[k].owner].result = result;
	}
	return responses;
}

/* Puts translations in; segments whose kept parts did not survive go to `again` as pieces. */
static void
take(struct work *w, struct segments *s, char **responses, struct segments *again)
{
	for (int i = 0; i < s->count; i++) {
		struct segment *one = &s->list[i];
		struct translation *t = &w->list[one->owner];

		if (t->result != ENGINE_DONE || t->unchanged)
			continue;
		if (again && !shield_holds(one, responses[i])) {
			again->owner = one->owner;
			shield_pieces(one, w->o->arena, again);
		} else if (shield_trim(one, responses[i])) {
			one->out = responses[i];
		} else {
			t->result = ENGINE_BAD_RESPONSE;
		}
	}
}

/* The segments of one text with the pieces of those that have no translation, in the order of the
 * text.
 */
static struct segments
merge(const struct segments *lines, const struct segments *pieces, int owner, struct arena *a)
{
	struct segments all = { .room = lines->count + pieces->count };
	int k = 0;

	all.list = arena_alloc(a, ((size_t)all.room + 1) * sizeof(*all.list));
	for (int i = 0; all.list && i < lines->count; i++) {
		const struct segment *one = &lines->list[i];

		if (one->owner != owner)
			continue;
		if (one->out)
			all.list[all.count++] = *one;
		for (; k < pieces->count && pieces->list[k].owner <= owner &&
		     (pieces->list[k].owner < owner || pieces->list[k].at < one->at + one->len);
		     k++)
			if (pieces->list[k].owner == owner)
				all.list[all.count++] = pieces->list[k];
	}
	return all;
}

static void
finish(struct work *w, const struct segments *lines, const struct segments *pieces)
{
	struct arena *a = w->o->arena;

	for (int i = 0; i < w->count; i++) {
		struct translation *t = &w->list[i];
		struct segments all;

		if (t->result != ENGINE_DONE)
			continue;
		if (t->unchanged) {
			t->out = arena_strdup(a, t->text);
			continue;
		}
		all = merge(lines, pieces, i, a);
		t->out = all.list ? shield_join(t->text, &all, a) : NULL;
		if (!t->out)
			t->result = ENGINE_BAD_RESPONSE;
	}
}

static void
fail_all(struct work *w)
{
	for (int i = 0; i < w->count; i++)
		w->list[i].result = ENGINE_BAD_RESPONSE;
}

static void
translate(struct work *w)
{
	struct segments lines = { .count = 0 }, pieces = { .count = 0 };
	struct arena *a = w->o->arena;
	char **responses;

	for (int i = 0; i < w->count; i++) {
		const int before = lines.count;

		lines.owner = i;
		shield_lines(w->list[i].text, a, &lines);
		w->list[i].unchanged = lines.count == before;
		w->list[i].result = ENGINE_DONE;
	}
	responses = ask(w, &lines);
	if (responses)
		take(w, &lines, responses, &pieces);
	responses = responses ? ask(w, &pieces) : NULL;
	if (!responses) {
		fail_all(w);
		return;
	}
	take(w, &pieces, responses, NULL);
	finish(w, &lines, &pieces);
}

void
texts_translate(const struct texts_options *o, struct translation *list, int count)
{
	const int together = o->source ? count : 1;

	for (int i = 0; i < count; i += together) {
		struct work w = {
			.o = o, .list = list + i, .count = together, .source = o->source
		};

		for (int k = i; k < i + together && o->source; k++)
			snprintf(list[k].source, sizeof(list[k].source), "%s", o->source);
		translate(&w);
	}
}
