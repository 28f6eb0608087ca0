/* Group commit: the writers of a pool commit to the log of writes without a sync of their own, and
 * share the next one. The log only grows: a sync that begins after a commit covers it and all
 * before, whoever wrote them. */
#ifndef SQL_COMMITS_H
#define SQL_COMMITS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In memory that the processes of the pool share. Each may be killed between any two steps. Commits
 * are numbered under the writers' lock; begun >= written >= synced. */
struct commits {
	pthread_mutex_t lead; /* robust; held by whoever syncs for all */
	_Atomic uint64_t begun; /* before its COMMIT: whatever anybody sees has no later number */
	_Atomic uint64_t written; /* after it: a sync that begins now covers these */
	_Atomic uint64_t synced; /* these are on the disk */
	_Atomic bool broken; /* a sync failed: what was not on the disk by then may be lost */
	_Atomic uint32_t failures; /* so many did */
};

/* Call before fork, in memory that is all zeros. */
void commits_init(struct commits *c);

/* Around COMMIT, under the writers' lock. One that fails in between does no harm. */
uint64_t commits_begin(struct commits *c);
void commits_written(struct commits *c, uint64_t number);

/* The number of the last commit that may have been seen by now. */
uint64_t commits_seen(const struct commits *c);

/* Are all those on the disk? */
bool commits_are_synced(const struct commits *c);

/* Waits until that commit is on the disk, or until everything is that could be seen before this
 * call. Whoever finds nobody syncing calls `sync` for all. False: it is not known whether it is
 * there. */
bool commits_wait(struct commits *c, uint64_t number, bool (*sync)(void *arg), void *arg);

bool commits_are_broken(const struct commits *c);
uint32_t commits_failures(const struct commits *c);

/* All is on the disk by other means. Under the writers' lock. */
void commits_mend(struct commits *c);

#endif
