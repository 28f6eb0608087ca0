/* Shared syncs: who waits for whom, and what a process leaves that dies. */
#include "scratch.h"

#include "commits.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITERS 8

static struct commits *c;
static _Atomic int syncs;

static int
set_up(void **state)
{
	(void)state;
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return -1;
	commits_init(c);
	atomic_store(&syncs, 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return munmap(c, sizeof(*c));
}

static bool
sync_well(void *arg)
{
	(void)arg;
	atomic_fetch_add(&syncs, 1);
	return true;
}

static bool
sync_badly(void *arg)
{
	(void)arg;
	atomic_fetch_add(&syncs, 1);
	return false;
}

static uint64_t
commit(void)
{
	uint64_t n = commits_begin(c);

	commits_written(c, n);
	return n;
}

TEST(one_sync_covers_all_that_was_written_before)
{
	uint64_t first = commit(), second = commit();

	assert_false(commits_are_synced(c));
	assert_true(commits_wait(c, first, sync_well, NULL));
	assert_true(commits_wait(c, second, sync_badly, NULL));
	assert_int_equal(syncs, 1);
	assert_true(commits_are_synced(c));
}

TEST(what_is_written_during_a_sync_waits_for_the_next)
{
	uint64_t n = commit();

	assert_true(commits_wait(c, n, sync_well, NULL));
	n = commit();
	assert_false(commits_are_synced(c));
	assert_true(commits_wait(c, n, sync_well, NULL));
	assert_int_equal(syncs, 2);
}

TEST(nothing_is_waited_for_where_nothing_was_written)
{
	assert_true(commits_are_synced(c));
	assert_true(commits_wait(c, commits_seen(c), sync_badly, NULL));
	assert_int_equal(syncs, 0);
}

/* A commit can be seen before its writer says so, or was killed. */
TEST(reader_of_a_commit_that_was_begun_syncs_for_itself_alone)
{
	commits_begin(c);
	assert_true(commits_wait(c, commits_seen(c), sync_well, NULL));
	assert_false(commits_are_synced(c));
	assert_true(commits_wait(c, commits_seen(c), sync_well, NULL));
	assert_int_equal(syncs, 2);
	assert_true(commits_wait(c, commit(), sync_well, NULL));
	assert_true(commits_are_synced(c));
}

TEST(failed_sync_is_known_to_all_who_wait_and_to_none_whose_commit_is_there)
{
	uint64_t safe = commit(), lost;

	assert_true(commits_wait(c, safe, sync_well, NULL));
	lost = commit();
	assert_false(commits_wait(c, lost, sync_badly, NULL));
	assert_true(commits_are_broken(c));
	assert_false(commits_wait(c, lost, sync_well, NULL));
	assert_true(commits_wait(c, safe, sync_badly, NULL));
	assert_int_equal(syncs, 2);
	commits_mend(c);
	assert_false(commits_are_broken(c));
	assert_true(commits_wait(c, lost, sync_badly, NULL));
}

static bool
die(void *arg)
{
	(void)arg;
	_exit(7);
}

TEST(whoever_dies_while_syncing_is_followed_by_the_next)
{
	uint64_t n = commit();
	int status;

	if (fork() == 0)
		commits_wait(c, n, die, NULL);
	wait(&status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_false(commits_are_synced(c));
	assert_true(commits_wait(c, n, sync_well, NULL));
	assert_int_equal(syncs, 1);
}

static _Atomic int begun;

/* Lasts until all others have committed: whoever comes later finds them covered by the next one. */
static bool
sync_slowly(void *arg)
{
	(void)arg;
	atomic_fetch_add(&syncs, 1);
	while (atomic_load(&begun) < WAITERS)
		usleep(100);
	return true;
}

static void *
wait_for_one(void *arg)
{
	uint64_t n = commits_begin(c);

	(void)arg;
	atomic_store(&c->written, atomic_load(&c->begun));
	atomic_fetch_add(&begun, 1);
	return commits_wait(c, n, sync_slowly, NULL) ? c : NULL;
}

TEST(many_share_two_syncs)
{
	pthread_t threads[WAITERS];
	void *ok;

	atomic_store(&begun, 0);
	for (int i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_for_one, NULL), 0);
	for (int i = 0; i < WAITERS; i++) {
		assert_int_equal(pthread_join(threads[i], &ok), 0);
		assert_non_null(ok);
	}
	assert_in_range(atomic_load(&syncs), 1, 2);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(one_sync_covers_all_that_was_written_before),
	EACH(what_is_written_during_a_sync_waits_for_the_next),
	EACH(nothing_is_waited_for_where_nothing_was_written),
	EACH(reader_of_a_commit_that_was_begun_syncs_for_itself_alone),
	EACH(failed_sync_is_known_to_all_who_wait_and_to_none_whose_commit_is_there),
	EACH(whoever_dies_while_syncing_is_followed_by_the_next),
	EACH(many_share_two_syncs),
};

int
main(void)
{
	return cmocka_run_group_tests_name("commits", tests, NULL, NULL);
}
