/* What the workers that call out share: whether an engine is to be left alone, what each account
 * has used, and the languages on offer. In memory only. */
#ifndef FCGI_ASK_H
#define FCGI_ASK_H

#include "adapter.h"
#include "languages.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ASK_ACCOUNTS 2048
#define ASK_AT_ONCE 2 /* calls of one account */
#define ASK_PER_MINUTE 60
#define ASK_RESULTS (ENGINE_UNKNOWN_LANGUAGE + 1)

#define ASK_WORKERS_MOST 64

enum ask_engine { ASK_TRANSLATION, ASK_TRANSCRIPTION, ASK__MAX };

struct ask_account {
	int64_t id; /* 0: free */
	int64_t busy_until_ms[ASK_AT_ONCE]; /* monotonic; a worker that dies leaves it to time */
	int64_t minute_from_ms, day_from_ms;
	int64_t used[ASK__MAX]; /* in that day: characters, milliseconds */
	int calls; /* in that minute */
};

struct ask_breaker {
	int failures; /* in a row */
	int64_t pause_ms; /* the last one */
	int64_t shut_until_ms; /* the engine is left alone so long */
	int64_t trying_until_ms; /* one call tries it out */
	_Atomic uint64_t calls[ASK_RESULTS], call_ms;
};

struct ask {
	pthread_mutex_t lock; /* robust: who dies with it leaves it to the next */
	struct ask_breaker engines[ASK__MAX];
	uint32_t generation; /* of the workers that may ask for languages, see ask_renew */
	int64_t languages_due_ms; /* when to ask for them again */
	uint32_t languages_of; /* the generation that asked last */
	struct languages languages;
	int64_t transcribing_until_ms[ASK_WORKERS_MOST]; /* one for each that is under way */
	struct ask_account accounts[ASK_ACCOUNTS];
};

/* For memory that all processes share. */
void ask_init(struct ask *a);

/* May the engine be called now? 0: yes, and then ask_result says what came of it and how long that
 * took; else milliseconds until one may ask again. `longest_ms` is what the call may take. */
int64_t ask_may_call(struct ask *a, enum ask_engine which, int64_t now, int64_t longest_ms);

/* So many milliseconds an engine is still left alone, after calls that failed; 0: it is not. */
int64_t ask_shut_ms(struct ask *a, enum ask_engine which, int64_t now);

struct ask_outcome {
	enum engine_result result;
	int64_t wait_ms; /* with ENGINE_LATER */
	int64_t took_ms;
};
void ask_result(struct ask *a, enum ask_engine which, const struct ask_outcome *o, int64_t now);

/* What one call of an account wants. */
struct ask_claim {
	int64_t account_id;
	enum ask_engine engine;
	int64_t amount, a_day; /* characters or milliseconds; a_day 0: no limit */
	int64_t longest_ms;
	int at_once; /* transcriptions of all accounts that may be under way */
	int slot, turn; /* out; turn: among the transcriptions */
	bool busy; /* out, when it has to wait: others are in its way, not the budget */
};

/* Counts a call and its amount; 0: it may be made, and ask_release ends it; else milliseconds
 * until it may. */
int64_t ask_claim(struct ask *a, struct ask_claim *c, int64_t now);

/* Ends it; `unused` of the amount is given back. */
void ask_release(struct ask *a, const struct ask_claim *c, int64_t unused);

/* The languages that were offered last; none: nobody knows yet. */
void ask_languages(struct ask *a, struct languages *out);

/* From here on workers of that generation ask: the settings may name another engine. It is asked
 * for its languages at once, and until then they are as they were. */
void ask_renew(struct ask *a, uint32_t generation);

/* The last worker of an older generation is gone: the engines may be called, whatever it met. */
void ask_reopen(struct ask *a);

/* Fetches the languages when it is time; one worker does. For workers that call out, between two
 * requests; those of an older generation fetch nothing any more. */
void ask_tend(struct ask *a, const struct conf *c, uint32_t generation);

#endif
