/* The shared bitmaps. All atomics are sequentially consistent: the proofs that no mark is missed
 * rest on one order of all of them. */
#include "wake.h"

#include "secret.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
map(struct wake *w)
{
	void *p = mmap(NULL, sizeof(*w->share), PROT_READ | PROT_WRITE, MAP_SHARED, w->map_fd, 0);

	w->share = p == MAP_FAILED ? NULL : p;
	return w->share != NULL;
}

bool
wake_make(struct wake *w)
{
	int why;

	*w = (struct wake){ .map_fd = memfd_create("wake", MFD_CLOEXEC),
		.bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	if (w->map_fd >= 0 && w->bell_fd >= 0 &&
	    ftruncate(w->map_fd, (off_t)sizeof(*w->share)) == 0 && map(w)) {
		secret_random(w->share->key, sizeof(w->share->key));
		atomic_store(&w->share->serving, true);
		return true;
	}
	why = errno;
	wake_close(w);
	errno = why;
	return false;
}

bool
wake_join(struct wake *w, int map_fd, int bell_fd)
{
	struct stat st;

	*w = (struct wake){ .map_fd = map_fd, .bell_fd = bell_fd };
	if (fstat(map_fd, &st) != 0)
		return false;
	errno = EINVAL;
	return st.st_size == (off_t)sizeof(*w->share) && map(w);
}

void
wake_close(struct wake *w)
{
	if (w->share)
		munmap(w->share, sizeof(*w->share));
	if (w->map_fd > 0)
		close(w->map_fd);
	if (w->bell_fd > 0)
		close(w->bell_fd);
	*w = (struct wake){ .map_fd = -1, .bell_fd = -1 };
}

uint32_t
wake_bucket(int64_t account)
{
	return (uint32_t)account & (WAKE_BITS - 1);
}

static uint64_t
bit(uint32_t n)
{
	return UINT64_C(1) << (n % 64);
}

/* The summary is looked at even where the word had the bit: whoever set that may have been killed
 * before the summary. When it is found set, it is cleared after this, and the word is read after
 * that. */
static void
mark(struct wake_map *m, uint32_t bucket)
{
	uint32_t word = bucket / 64;

	atomic_fetch_or(&m->words[word], bit(bucket));
	if (!(atomic_load(&m->summary[word / 64]) & bit(word)))
		atomic_fetch_or(&m->summary[word / 64], bit(word));
}

/* One system call while relay-live sleeps, none while it works or is away. */
static void
ring(struct wake *w)
{
	const uint64_t one = 1;

	if (atomic_exchange(&w->share->asleep, 0) == 1 &&
	    write(w->bell_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		atomic_store(&w->share->asleep, 1);
}

void
wake_notify(struct wake *w, enum wake_kind kind, const int64_t *accounts, size_t n)
{
	bool any = false;

	for (size_t i = 0; w->share && i < n; i++) {
		uint32_t bucket = wake_bucket(accounts[i]);

		if (accounts[i] < 1 || (kind != WAKE_ENDED && !wake_has_listener(w, bucket)))
			continue;
		mark(&w->share->maps[kind], bucket);
		any = true;
	}
	if (any)
		ring(w);
}

void
wake_listen(struct wake *w, uint32_t bucket, bool listened)
{
	_Atomic uint64_t *word = &w->share->listened[bucket / 64];

	if (listened)
		atomic_fetch_or(word, bit(bucket));
	else
		atomic_fetch_and(word, ~bit(bucket));
}

bool
wake_has_listener(const struct wake *w, uint32_t bucket)
{
	return atomic_load(&w->share->listened[bucket / 64]) & bit(bucket);
}

void
wake_sleep(struct wake *w)
{
	atomic_store(&w->share->asleep, 1);
}

static void
take_word(struct wake_map *m, uint32_t word, void (*each)(uint32_t bucket, void *arg), void *arg)
{
	uint64_t bits = atomic_load(&m->words[word]) ? atomic_exchange(&m->words[word], 0) : 0;

	for (; bits; bits &= bits - 1)
		each(word * 64 + (uint32_t)__builtin_ctzll(bits), arg);
}

void
wake_take(struct wake *w, enum wake_kind kind, bool deep, void (*each)(uint32_t bucket, void *arg),
    void *arg)
{
	struct wake_map *m = &w->share->maps[kind];

	for (uint32_t s = 0; s < WAKE_WORDS / 64; s++) {
		uint64_t left =
		    atomic_load(&m->summary[s]) ? atomic_exchange(&m->summary[s], 0) : 0;

		if (deep)
			left = UINT64_MAX;
		for (; left; left &= left - 1)
			take_word(m, s * 64 + (uint32_t)__builtin_ctzll(left), each, arg);
	}
}
