/* Shared memory of a pool. Lock-free: a worker may die anywhere in here and leave nothing locked.
 */
#include "share.h"

#include "clock.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

struct share *
share_make(void)
{
	void *p = mmap(
	    NULL, sizeof(struct share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
share_count(struct share *s, int route, int status)
{
	if (route >= 0 && route < SHARE_ROUTES && status >= 0 && status / 100 < SHARE_CLASSES)
		atomic_fetch_add_explicit(
		    &s->requests[route][status / 100], 1, memory_order_relaxed);
}

static struct share_typing *
bucket(struct share *s, int64_t to)
{
	return s->typing[(uint64_t)to & (SHARE_BUCKETS - 1)];
}

void
share_typing_set(struct share *s, int64_t to, int64_t from, bool typing)
{
	struct share_typing *b = bucket(s, to), *slot = &b[0];
	uint64_t pair = (uint64_t)to << 32 | (uint64_t)from;
	int64_t until;

	if (to > UINT32_MAX || from > UINT32_MAX)
		return;
	for (int i = 0; i < SHARE_SLOTS; i++) {
		if (atomic_load(&b[i].pair) == pair) {
			slot = &b[i];
			break;
		}
		if (atomic_load(&b[i].until_ms) < atomic_load(&slot->until_ms))
			slot = &b[i];
	}
	if (!typing && atomic_load(&slot->pair) != pair)
		return;
	until = typing ? clock_mono_ms() + SHARE_TYPING_MS : 0;
	atomic_store(&slot->pair, pair);
	atomic_store(&slot->until_ms, until);
	if (to > INT32_MAX && typing)
		atomic_store(&s->group_typing_until_ms, until);
}

bool
share_group_typing(struct share *s)
{
	int64_t until = atomic_load(&s->group_typing_until_ms);

	return until > 0 && until > clock_mono_ms();
}

int
share_typing_get(struct share *s, int64_t to, int64_t out[static SHARE_SLOTS])
{
	struct share_typing *b = bucket(s, to);
	int64_t now = 0;
	int n = 0;

	for (int i = 0; i < SHARE_SLOTS; i++) {
		int64_t until = atomic_load(&b[i].until_ms);
		uint64_t pair = atomic_load(&b[i].pair);

		if (until == 0 || pair >> 32 != (uint64_t)to)
			continue;
		if (now == 0)
			now = clock_mono_ms();
		if (until > now)
			out[n++] = (int64_t)(pair & UINT32_MAX);
	}
	return n;
}

void
share_note_error(struct share *s, const char *error)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&s->error_state, &none, 1))
		return;
	snprintf(s->error, sizeof(s->error), "%s", error);
	atomic_store(&s->error_state, 2);
}

const char *
share_error(struct share *s)
{
	return atomic_load(&s->error_state) == 2 ? s->error : "";
}
