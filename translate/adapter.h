/* Engines that translate: what is asked of one, and what it may respond. Each kind has a file of
 * its own with the same functions. */
#ifndef TRANSLATE_ADAPTER_H
#define TRANSLATE_ADAPTER_H

#include "arena.h"
#include "conf.h"
#include "languages.h"
#include "wire.h"

struct json_object;

enum engine_result {
	ENGINE_DONE,
	ENGINE_NO_RESPONSE, /* no connection, not in time, or cut off */
	ENGINE_BAD_RESPONSE, /* it responded, but not with a translation */
	ENGINE_REFUSED, /* it does not want what it was asked; nothing is wrong with it */
	ENGINE_LATER, /* it wants to be left alone for a while */
	ENGINE_UNKNOWN_LANGUAGE /* it did not find out which language the texts are in */
};

/* Texts of one language, to be translated with one call. */
struct engine_job {
	const char *const *texts;
	int count;
	const char *source; /* NULL: the engine finds out */
	const char *target;
	int64_t timeout_ms;
	char **out; /* out: `count` texts, in the arena */
	char detected[TEXT_LANGUAGE_BYTES]; /* out, when it found out */
	int64_t wait_ms; /* out, with ENGINE_LATER */
};

/* A kind of engine. Responses are JSON; `root` may be NULL or anything. */
struct engine_kind {
	const char *title; /* for people */
	int most; /* texts in a call */
	bool guesses; /* finds out the language of a text */
	bool (*ask)(const struct conf *c, const struct engine_job *job, struct wire_request *q);
	enum engine_result (*read)(
	    struct json_object *root, struct engine_job *job, struct arena *a);
	/* NULL: its languages are a setting */
	void (*ask_languages)(const struct conf *c, struct wire_request *q);
	void (*read_languages)(struct json_object *root, struct languages *out);
};

extern const struct engine_kind engine_libretranslate, engine_apertium, engine_deepl, engine_openai;

/* The kind that the settings name. */
const struct engine_kind *engine_of(const struct conf *c);

/* One call of at most `most` texts. */
enum engine_result engine_translate(const struct conf *c, struct engine_job *job, struct arena *a);

/* The languages by the settings, or by a call to the engine. */
enum engine_result
engine_languages(const struct conf *c, int64_t timeout_ms, struct languages *out);

/* What the status of a response means, of an engine for what `what` says; wait_ms with
 * ENGINE_LATER. */
enum engine_result
engine_classify(const struct wire_response *a, const char *what, int64_t *wait_ms);

/* A text of a response, in the arena; false: it is no text. */
bool engine_take(struct json_object *value, struct arena *a, char **out);

/* The texts of a job as a list. */
struct json_object *engine_texts(const struct engine_job *job);

/* Takes as many texts as the job has: the items of a list, or a member of each (NULL: themselves).
 * False: it is no such list. */
bool engine_take_all(
    struct json_object *list, const char *member, struct engine_job *job, struct arena *a);

/* A member of an object; NULL: `o` is none, or has it not. */
struct json_object *engine_member(struct json_object *o, const char *name);

/* A string member; NULL: there is none. */
const char *engine_word(struct json_object *o, const char *name);

/* A request with a JSON body, which is taken over. */
bool engine_post(struct wire_request *q, const char *path, struct json_object *body);

#endif
