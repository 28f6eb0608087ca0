/* The breaker, the budgets and the languages. A worker may die anywhere in here. */
#include "ask.h"

#include "clock.h"
#include "log.h"
#include "mutex.h"

#include <string.h>

#define FAILURES 3
#define FIRST_PAUSE_MS 5000
#define LONGEST_PAUSE_MS 60000
#define MINUTE_MS 60000
#define DAY_MS 86400000
#define SLOT_WAIT_MS 1000
#define LANGUAGES_MS 3600000
#define LANGUAGES_SOON_MS 10000 /* after they could not be had */

void
ask_init(struct ask *a)
{
	mutex_init_shared(&a->lock);
}

/* Whoever died with it left numbers, each of them whole. */
static void
lock(struct ask *a)
{
	mutex_lock_shared(&a->lock);
}

int64_t
ask_may_call(struct ask *a, enum ask_engine which, int64_t now, int64_t longest_ms)
{
	struct ask_breaker *b = &a->engines[which];
	int64_t wait = 0;

	lock(a);
	if (b->shut_until_ms > now)
		wait = b->shut_until_ms - now;
	else if (b->failures >= FAILURES && b->trying_until_ms > now)
		wait = SLOT_WAIT_MS;
	else if (b->failures >= FAILURES)
		b->trying_until_ms = now + longest_ms;
	pthread_mutex_unlock(&a->lock);
	return wait;
}

int64_t
ask_shut_ms(struct ask *a, enum ask_engine which, int64_t now)
{
	int64_t wait;

	lock(a);
	wait = a->engines[which].shut_until_ms - now;
	pthread_mutex_unlock(&a->lock);
	return wait > 0 ? wait : 0;
}

/* The third failure in a row shuts it, and each that tries it out makes it longer; what fails late
 * says nothing new. */
static void
note_failure(struct ask_breaker *b, const char *name, int64_t now)
{
	b->failures++;
	if (b->failures < FAILURES || b->shut_until_ms > now)
		return;
	b->pause_ms = b->pause_ms ? 2 * b->pause_ms : FIRST_PAUSE_MS;
	if (b->pause_ms > LONGEST_PAUSE_MS)
		b->pause_ms = LONGEST_PAUSE_MS;
	b->shut_until_ms = now + b->pause_ms;
	log_warn("the %s engine is left alone for %lld s", name, (long long)b->pause_ms / 1000);
}

void
ask_result(struct ask *a, enum ask_engine which, const struct ask_outcome *o, int64_t now)
{
	static const char *const names[ASK__MAX] = {
		[ASK_TRANSLATION] = "translation", [ASK_TRANSCRIPTION] = "transcription"
	};
	struct ask_breaker *b = &a->engines[which];

	lock(a);
	b->trying_until_ms = 0;
	if (o->result == ENGINE_NO_RESPONSE || o->result == ENGINE_BAD_RESPONSE) {
		note_failure(b, names[which], now);
	} else if (o->result == ENGINE_LATER) {
		b->shut_until_ms = now + o->wait_ms;
	} else {
		b->failures = 0;
		b->pause_ms = 0;
	}
	pthread_mutex_unlock(&a->lock);
	atomic_fetch_add(&b->calls[o->result], 1);
	atomic_fetch_add(&b->call_ms, (uint64_t)o->took_ms);
}

static bool
is_idle(const struct ask_account *one, int64_t now)
{
	for (int i = 0; i < ASK_AT_ONCE; i++)
		if (one->busy_until_ms[i] > now)
			return false;
	return true;
}

/* The account's slot, or a free one, or the one whose day began first. NULL: all are busy. */
static struct ask_account *
slot_of(struct ask *a, int64_t id, int64_t now)
{
	struct ask_account *best = NULL;

	for (int i = 0; i < ASK_ACCOUNTS; i++) {
		struct ask_account *one = &a->accounts[i];

		if (one->id == id)
			return one;
		if (is_idle(one, now) && (!best || one->day_from_ms < best->day_from_ms))
			best = one;
	}
	if (best)
		*best = (struct ask_account){ .id = id, .minute_from_ms = now, .day_from_ms = now };
	return best;
}

/* The first of `n` that is over; -1: none is. */
static int
find_free(const int64_t *until_ms, int n, int64_t now)
{
	for (int i = 0; i < n; i++)
		if (until_ms[i] <= now)
			return i;
	return -1;
}

/* Is there a worker for one more? */
static bool
find_turn(const struct ask *a, struct ask_claim *c, int64_t now)
{
	const int most = c->at_once < ASK_WORKERS_MOST ? c->at_once : ASK_WORKERS_MOST;

	c->turn = -1;
	if (c->engine == ASK_TRANSCRIPTION)
		c->turn = find_free(a->transcribing_until_ms, most, now);
	c->busy = c->engine == ASK_TRANSCRIPTION && c->turn < 0;
	return !c->busy;
}

static int64_t
claim(struct ask *a, struct ask_account *one, struct ask_claim *c, int64_t now)
{
	int64_t *used = &one->used[c->engine];

	if (now - one->minute_from_ms >= MINUTE_MS) {
		one->minute_from_ms = now;
		one->calls = 0;
	}
	if (now - one->day_from_ms >= DAY_MS) {
		one->day_from_ms = now;
		memset(one->used, 0, sizeof(one->used));
	}
	c->slot = find_free(one->busy_until_ms, ASK_AT_ONCE, now);
	if (c->slot < 0)
		return SLOT_WAIT_MS;
	if (one->calls >= ASK_PER_MINUTE)
		return one->minute_from_ms + MINUTE_MS - now;
	if (c->a_day && *used + c->amount > c->a_day)
		return one->day_from_ms + DAY_MS - now;
	if (!find_turn(a, c, now))
		return SLOT_WAIT_MS;
	one->calls++;
	*used += c->amount;
	one->busy_until_ms[c->slot] = now + c->longest_ms;
	if (c->turn >= 0)
		a->transcribing_until_ms[c->turn] = now + c->longest_ms;
	return 0;
}

int64_t
ask_claim(struct ask *a, struct ask_claim *c, int64_t now)
{
	struct ask_account *one;
	int64_t wait;

	c->busy = false;
	lock(a);
	one = slot_of(a, c->account_id, now);
	wait = one ? claim(a, one, c, now) : SLOT_WAIT_MS;
	pthread_mutex_unlock(&a->lock);
	return wait;
}

void
ask_release(struct ask *a, const struct ask_claim *c, int64_t unused)
{
	lock(a);
	if (c->turn >= 0)
		a->transcribing_until_ms[c->turn] = 0;
	for (int i = 0; i < ASK_ACCOUNTS; i++) {
		struct ask_account *one = &a->accounts[i];
		int64_t *used = &one->used[c->engine];

		if (one->id != c->account_id)
			continue;
		one->busy_until_ms[c->slot] = 0;
		*used = *used > unused ? *used - unused : 0;
		break;
	}
	pthread_mutex_unlock(&a->lock);
}

void
ask_languages(struct ask *a, struct languages *out)
{
	lock(a);
	*out = a->languages;
	pthread_mutex_unlock(&a->lock);
}

void
ask_renew(struct ask *a, uint32_t generation)
{
	lock(a);
	a->generation = generation;
	a->languages_due_ms = 0;
	pthread_mutex_unlock(&a->lock);
}

void
ask_reopen(struct ask *a)
{
	lock(a);
	for (int i = 0; i < ASK__MAX; i++) {
		struct ask_breaker *b = &a->engines[i];

		b->failures = 0;
		b->pause_ms = b->shut_until_ms = b->trying_until_ms = 0;
	}
	pthread_mutex_unlock(&a->lock);
}

/* Is it this worker's turn? Then nobody else's while it asks. */
static bool
is_due(struct ask *a, uint32_t generation, int64_t now, int64_t longest_ms)
{
	bool due;

	lock(a);
	due = generation == a->generation && a->languages_due_ms <= now;
	if (due)
		a->languages_due_ms = now + longest_ms;
	pthread_mutex_unlock(&a->lock);
	return due;
}

/* What a worker with older settings found out says nothing about the engine that it is now. */
static void
take_languages(
    struct ask *a, uint32_t generation, enum engine_result result, const struct languages *found)
{
	const bool done = result == ENGINE_DONE;

	lock(a);
	if (generation == a->generation) {
		if (done)
			a->languages = *found;
		else if (a->languages_of != generation)
			a->languages.count = 0;
		a->languages_of = generation;
		a->languages_due_ms = clock_mono_ms() + (done ? LANGUAGES_MS : LANGUAGES_SOON_MS);
	}
	pthread_mutex_unlock(&a->lock);
}

void
ask_tend(struct ask *a, const struct conf *c, uint32_t generation)
{
	const int64_t longest = c->translate_timeout_ms;
	static struct languages found;
	enum engine_result result;

	if (!c->translate_url[0] || !is_due(a, generation, clock_mono_ms(), longest + MINUTE_MS))
		return;
	result = engine_languages(c, longest, &found);
	take_languages(a, generation, result, &found);
	if (result != ENGINE_DONE)
		log_warn("the translation engine does not say its languages");
}
