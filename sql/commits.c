/* Numbers of commits, and who syncs for whom. */
#include "commits.h"

#include "mutex.h"

void
commits_init(struct commits *c)
{
	mutex_init_shared(&c->lead);
}

uint64_t
commits_begin(struct commits *c)
{
	return atomic_fetch_add(&c->begun, 1) + 1;
}

void
commits_written(struct commits *c, uint64_t number)
{
	atomic_store(&c->written, number);
}

uint64_t
commits_seen(const struct commits *c)
{
	return atomic_load(&c->begun);
}

bool
commits_are_synced(const struct commits *c)
{
	return atomic_load(&c->synced) >= atomic_load(&c->begun);
}

bool
commits_are_broken(const struct commits *c)
{
	return atomic_load(&c->broken);
}

uint32_t
commits_failures(const struct commits *c)
{
	return atomic_load(&c->failures);
}

/* Whoever died with the lock had synced, or not: the next one does. */
static void
lead(struct commits *c)
{
	mutex_lock_shared(&c->lead);
}

/* A reader may have seen a commit whose writer has not yet noted it as written, or was killed
 * before: then this sync covers it all the same, though its number is not given out. */
bool
commits_wait(struct commits *c, uint64_t number, bool (*sync)(void *arg), void *arg)
{
	bool ok;

	if (atomic_load(&c->synced) >= number)
		return true;
	lead(c);
	ok = atomic_load(&c->synced) >= number;
	if (!ok && !atomic_load(&c->broken)) {
		const uint64_t written = atomic_load(&c->written);

		ok = sync(arg);
		if (ok) {
			atomic_store(&c->synced, written);
		} else {
			atomic_store(&c->broken, true);
			atomic_fetch_add(&c->failures, 1);
		}
	}
	pthread_mutex_unlock(&c->lead);
	return ok;
}

void
commits_mend(struct commits *c)
{
	lead(c);
	atomic_store(&c->written, atomic_load(&c->begun));
	atomic_store(&c->synced, atomic_load(&c->begun));
	atomic_store(&c->broken, false);
	pthread_mutex_unlock(&c->lead);
}
