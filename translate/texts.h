/* Translating texts by an engine that may do anything: what must not change arrives unchanged. */
#ifndef TRANSLATE_TEXTS_H
#define TRANSLATE_TEXTS_H

#include "adapter.h"

/* One text, and what became of it. */
struct translation {
	const char *text;
	enum engine_result result; /* out */
	char *out; /* out, with ENGINE_DONE: in the arena */
	char source[TEXT_LANGUAGE_BYTES]; /* out; "": nobody said */
	bool detected, unchanged; /* out */
};

/* Makes one call of the engine. */
typedef enum engine_result texts_call(struct engine_job *job, struct arena *a, void *arg);

struct texts_options {
	const char *source, *target; /* source NULL: the engine finds out */
	int most; /* texts in a call */
	struct arena *arena;
	texts_call *call;
	void *arg;
};

/* Translates all: those of one known language together, else text after text. */
void texts_translate(const struct texts_options *o, struct translation *list, int count);

#endif
