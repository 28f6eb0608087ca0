/* What the workers that call out share: whether the engine is to be left alone, what each account
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

struct ask_account {
	int64_t id; /* 0: free */
	int64_t busy_until_ms[ASK_AT_ONCE]; /* monotonic; a worker that dies leaves it to time */
	int64_t minute_from_ms, day_from_ms, chars;
	int calls; /* in that minute */
};

struct ask {
	pthread_mutex_t lock; /* robust: who dies with it leaves it to the next */
	int failures; /* in a row */
	int64_t pause_ms; /* the last one */
	int64_t shut_until_ms; /* the engine is left alone so long */
	int64_t trying_until_ms; /* one call tries it out */
	int64_t languages_due_ms; /* when to ask for them again */
	struct languages languages;
	struct ask_account accounts[ASK_ACCOUNTS];
	_Atomic uint64_t calls[ASK_RESULTS], call_ms;
};

/* For memory that all processes share. */
void ask_init(struct ask *a);

/* May the engine be called now? 0: yes, and then ask_result says what came of it; else milliseconds
 * until one may ask again. `longest_ms` is what the call may take. */
int64_t ask_may_call(struct ask *a, int64_t now, int64_t longest_ms);
void ask_result(struct ask *a, enum engine_result result, int64_t wait_ms, int64_t now);

/* What one call of an account wants. */
struct ask_claim {
	int64_t account_id, chars, chars_a_day; /* chars_a_day 0: no limit */
	int64_t longest_ms;
	int slot; /* out */
};

/* Counts a call and its characters; 0: it may be made, and ask_release ends it; else milliseconds
 * until it may. */
int64_t ask_claim(struct ask *a, struct ask_claim *c, int64_t now);

/* Ends it; `unused` characters are given back. */
void ask_release(struct ask *a, const struct ask_claim *c, int64_t unused);

/* The languages that were offered last; none: nobody knows yet. */
void ask_languages(struct ask *a, struct languages *out);

/* Forgets them: the settings may name another engine. */
void ask_forget(struct ask *a);

/* Fetches the languages when it is time; one worker does. For workers that call out, between two
 * requests. */
void ask_tend(struct ask *a, const struct conf *c);

#endif
