/* Shared memory of a pool. A worker may die anywhere in here and leave nothing locked. */
#include "share.h"

#include "clock.h"
#include "mutex.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

/* Whoever died with the lock had at most one slot half written, and its id is written last. */
static void
lock(struct share *s)
{
	mutex_lock_shared(&s->upload_lock);
}

struct share *
share_make(void)
{
	void *p = mmap(
	    NULL, sizeof(struct share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	mutex_init_shared(&((struct share *)p)->upload_lock);
	ask_init(&((struct share *)p)->ask);
	commits_init(&((struct share *)p)->commits);
	return p;
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

/* Somebody types to a recipient who was not woken for it a moment ago. */
static bool
is_due(struct share_typing *slot, bool same, int64_t now)
{
	int64_t notified = same ? atomic_load(&slot->notified_ms) : 0;

	if (notified && now - notified < SHARE_TYPING_NOTIFY_MS)
		return false;
	atomic_store(&slot->notified_ms, now);
	return true;
}

bool
share_typing_set(struct share *s, int64_t to, int64_t from, bool typing)
{
	struct share_typing *b = bucket(s, to), *slot = &b[0];
	uint64_t pair = (uint64_t)to << 32 | (uint64_t)from;
	int64_t until, now = clock_mono_ms();
	bool due;

	if (to > UINT32_MAX || from > UINT32_MAX)
		return false;
	for (int i = 0; i < SHARE_SLOTS; i++) {
		if (atomic_load(&b[i].pair) == pair) {
			slot = &b[i];
			break;
		}
		if (atomic_load(&b[i].until_ms) < atomic_load(&slot->until_ms))
			slot = &b[i];
	}
	if (!typing && atomic_load(&slot->pair) != pair)
		return false;
	due = typing && is_due(slot, atomic_load(&slot->pair) == pair, now);
	until = typing ? now + SHARE_TYPING_MS : 0;
	atomic_store(&slot->pair, pair);
	atomic_store(&slot->until_ms, until);
	if (to > INT32_MAX && typing)
		atomic_store(&s->group_typing_until_ms, until);
	return due;
}

bool
share_group_typing(struct share *s)
{
	int64_t until = atomic_load(&s->group_typing_until_ms);

	return until > 0 && until > clock_mono_ms();
}

/* All of one recipient are in one bucket: what was found in it before is all there is to look at.
 */
int
share_typed_groups(struct share *s, int64_t out[static SHARE_TYPED_GROUPS])
{
	int64_t now = clock_mono_ms();
	int n = 0;

	for (int b = 0; b < SHARE_BUCKETS; b++) {
		int first = n;

		for (int i = 0; i < SHARE_SLOTS; i++) {
			int64_t until = atomic_load(&s->typing[b][i].until_ms);
			int64_t to = (int64_t)(atomic_load(&s->typing[b][i].pair) >> 32);
			bool known = false;

			if (until <= now || to <= INT32_MAX)
				continue;
			for (int k = first; k < n; k++)
				known = known || out[k] == (to & INT32_MAX);
			if (!known)
				out[n++] = to & INT32_MAX;
		}
	}
	return n;
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

/* What the others have claimed, and a free slot; the claim's own slot is found and freed. */
struct tally {
	int64_t own, all;
	int of_account;
	struct share_upload *free_slot;
};

static struct tally
count_uploads(struct share *s, const struct share_claim *c)
{
	struct tally t = { 0 };
	int64_t now = clock_mono_ms();

	for (int i = 0; i < SHARE_UPLOADS; i++) {
		struct share_upload *u = &s->uploads[i];

		if (u->id == c->id || (u->id && now - u->since_ms > SHARE_UPLOAD_MS))
			u->id = 0;
		if (!u->id) {
			t.free_slot = t.free_slot ? t.free_slot : u;
			continue;
		}
		t.all += u->bytes;
		if (u->account_id == c->account_id) {
			t.own += u->bytes;
			t.of_account++;
		}
	}
	return t;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static enum share_result
claim(struct share *s, struct share_claim *c)
{
	enum share_result result = SHARE_CLAIMED;
	int64_t own_left, disk_left, bytes;
	struct tally t;

	t = count_uploads(s, c);
	own_left = c->own_left - t.own;
	disk_left = c->disk_left - t.all;
	c->own_taken = t.own;
	bytes = c->at_most ? least(c->bytes, least(own_left, disk_left)) : c->bytes;
	if (!t.free_slot || t.of_account >= SHARE_UPLOADS_EACH)
		result = SHARE_TOO_MANY;
	else if (bytes > own_left || (c->at_most && own_left <= 0))
		result = SHARE_NO_QUOTA;
	else if (bytes > disk_left || disk_left < 0)
		result = SHARE_NO_ROOM;
	else {
		t.free_slot->account_id = c->account_id;
		t.free_slot->bytes = bytes;
		t.free_slot->since_ms = clock_mono_ms();
		t.free_slot->reader = c->reader;
		t.free_slot->id = c->id;
	}
	return result;
}

/* Frees what a process of the web server that was killed was reading: nobody will say that it
 * ended. False: there was none. */
static bool
end_unread(struct share *s)
{
	bool found = false;

	for (int i = 0; i < SHARE_UPLOADS; i++) {
		struct share_upload *u = &s->uploads[i];

		if (u->id && u->reader > 0 && kill(u->reader, 0) != 0 && errno == ESRCH) {
			u->id = 0;
			found = true;
		}
	}
	return found;
}

enum share_result
share_upload_claim(struct share *s, struct share_claim *c)
{
	enum share_result result;

	lock(s);
	result = claim(s, c);
	if (result != SHARE_CLAIMED && end_unread(s))
		result = claim(s, c);
	pthread_mutex_unlock(&s->upload_lock);
	return result;
}

void
share_upload_end(struct share *s, uint64_t id)
{
	lock(s);
	for (int i = 0; i < SHARE_UPLOADS && id; i++)
		if (s->uploads[i].id == id)
			s->uploads[i].id = 0;
	pthread_mutex_unlock(&s->upload_lock);
}

void
share_upload_end_all(struct share *s)
{
	lock(s);
	for (int i = 0; i < SHARE_UPLOADS; i++)
		s->uploads[i].id = 0;
	pthread_mutex_unlock(&s->upload_lock);
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
