/* The shared bitmaps of wakes: what is marked is taken once, what nobody listens for is not marked,
 * and neither a race nor a killed process loses a mark for good. */
#include "scratch.h"

#include "secret.h"
#include "wake.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ANN 7
#define NEIGHBOUR (ANN + WAKE_BITS) /* of Ann in her bucket */
#define MARKERS 4
#define ROUNDS 20000

static struct wake w;
static int taken[WAKE_BITS];

static int
set_up(void **state)
{
	(void)state;
	memset(taken, 0, sizeof(taken));
	return secret_init() && wake_make(&w) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	wake_close(&w);
	return 0;
}

static void
count(uint32_t bucket, void *arg)
{
	(void)arg;
	taken[bucket]++;
}

static void
notify(enum wake_kind kind, int64_t account)
{
	wake_notify(&w, kind, &account, 1);
}

static bool
rings(int ms)
{
	struct pollfd p = { .fd = w.bell_fd, .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, ms) == 1 && read(w.bell_fd, &n, sizeof(n)) == sizeof(n);
}

TEST(without_a_listener_nothing_is_marked)
{
	notify(WAKE_POLL, ANN);
	notify(WAKE_RECEIPTS, ANN);
	wake_take(&w, WAKE_POLL, true, count, NULL);
	wake_take(&w, WAKE_RECEIPTS, true, count, NULL);
	assert_int_equal(taken[ANN], 0);
}

TEST(what_ended_is_marked_for_everybody)
{
	notify(WAKE_ENDED, ANN);
	wake_take(&w, WAKE_ENDED, false, count, NULL);
	assert_int_equal(taken[ANN], 1);
}

TEST(a_mark_is_taken_once_however_often_it_was_made)
{
	wake_listen(&w, ANN, true);
	for (int i = 0; i < 3; i++)
		notify(WAKE_POLL, i == 1 ? NEIGHBOUR : ANN);
	for (int i = 0; i < 2; i++)
		wake_take(&w, WAKE_POLL, false, count, NULL);
	assert_int_equal(taken[ANN], 1);
}

TEST(kinds_are_apart)
{
	wake_listen(&w, ANN, true);
	notify(WAKE_RECEIPTS, ANN);
	wake_take(&w, WAKE_POLL, true, count, NULL);
	assert_int_equal(taken[ANN], 0);
	wake_take(&w, WAKE_RECEIPTS, false, count, NULL);
	assert_int_equal(taken[ANN], 1);
}

TEST(who_went_deaf_is_not_marked)
{
	wake_listen(&w, ANN, true);
	assert_true(wake_has_listener(&w, ANN));
	wake_listen(&w, ANN, false);
	notify(WAKE_POLL, ANN);
	wake_take(&w, WAKE_POLL, true, count, NULL);
	assert_int_equal(taken[ANN], 0);
}

TEST(every_bucket_has_a_bit_of_its_own)
{
	for (uint32_t b = 0; b < WAKE_BITS; b++)
		wake_listen(&w, b, true);
	for (int64_t a = 1; a <= WAKE_BITS; a++)
		notify(WAKE_POLL, a);
	wake_take(&w, WAKE_POLL, false, count, NULL);
	for (int b = 0; b < WAKE_BITS; b++)
		assert_int_equal(taken[b], 1);
}

TEST(numbers_of_nobody_are_passed_over)
{
	wake_listen(&w, 0, true);
	wake_listen(&w, WAKE_BITS - 1, true);
	wake_notify(&w, WAKE_POLL, (const int64_t[]){ 0, -1 }, 2);
	wake_take(&w, WAKE_POLL, true, count, NULL);
	assert_int_equal(taken[0] + taken[WAKE_BITS - 1], 0);
}

TEST(the_bell_rings_once_and_only_for_a_sleeper)
{
	wake_listen(&w, ANN, true);
	notify(WAKE_POLL, ANN);
	assert_false(rings(0));
	wake_sleep(&w);
	notify(WAKE_POLL, ANN);
	notify(WAKE_POLL, ANN);
	assert_true(rings(0));
	assert_false(rings(0));
}

TEST(without_memory_nothing_happens)
{
	struct wake none = { .share = NULL };
	int64_t ann = ANN;

	wake_notify(&none, WAKE_POLL, &ann, 1);
	wake_close(&none);
	assert_int_equal(none.bell_fd, -1);
}

TEST(another_program_sees_the_same_memory)
{
	struct wake other;

	assert_true(wake_join(&other, dup(w.map_fd), dup(w.bell_fd)));
	wake_listen(&other, ANN, true);
	assert_true(wake_has_listener(&w, ANN));
	assert_memory_equal(other.share->key, w.share->key, PASS_KEY_BYTES);
	wake_close(&other);
	assert_false(wake_join(&other, dup(w.bell_fd), -1));
	wake_close(&other);
}

/* Killed between word and summary. */
TEST(half_a_mark_is_found_by_a_deep_look_and_by_the_next_mark)
{
	struct wake_map *m = &w.share->maps[WAKE_POLL];

	wake_listen(&w, ANN, true);
	atomic_store(&m->words[0], UINT64_C(1) << ANN);
	wake_take(&w, WAKE_POLL, false, count, NULL);
	assert_int_equal(taken[ANN], 0);
	notify(WAKE_POLL, ANN);
	wake_take(&w, WAKE_POLL, false, count, NULL);
	assert_int_equal(taken[ANN], 1);
	atomic_store(&m->words[0], UINT64_C(1) << ANN);
	wake_take(&w, WAKE_POLL, true, count, NULL);
	assert_int_equal(taken[ANN], 2);
}

/* What each marker did last, and what of it the taker saw. */
static _Atomic int *done;
static int seen[MARKERS];

static void
note(uint32_t bucket, void *arg)
{
	(void)arg;
	if (bucket < MARKERS)
		seen[bucket] = atomic_load(&done[bucket]);
}

static bool
saw_all(void)
{
	for (int i = 1; i < MARKERS; i++)
		if (seen[i] != ROUNDS)
			return false;
	return true;
}

/* The taker waits without a time-out of its own: a mark that is missed, or a bell that is not rung,
 * leaves it asleep. */
TEST(no_mark_is_missed_by_a_taker_that_sleeps)
{
	pid_t pids[MARKERS] = { 0 };
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	done = p;
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 1; i < MARKERS; i++)
		wake_listen(&w, i, true);
	for (int i = 1; i < MARKERS; i++) {
		pids[i] = fork();
		for (int round = 1; pids[i] == 0 && round <= ROUNDS; round++) {
			atomic_store(&done[i], round);
			notify(WAKE_POLL, i);
		}
		if (pids[i] == 0)
			_exit(0);
	}
	for (;;) {
		wake_sleep(&w);
		wake_take(&w, WAKE_POLL, false, note, NULL);
		if (saw_all())
			break;
		assert_true(rings(20000));
	}
	for (int i = 1; i < MARKERS; i++)
		waitpid(pids[i], NULL, 0);
	munmap(p, 4096);
}

TEST(a_pass_is_read_as_it_was_written)
{
	const struct pass p = { .account = 1234567, .checked_ms = INT64_MAX, .after = -1 };
	struct pass got;
	char text[PASS_TEXT_BYTES];

	pass_write(w.share->key, &p, text);
	assert_true(pass_read(w.share->key, text, &got));
	assert_int_equal(got.account, p.account);
	assert_int_equal(got.checked_ms, p.checked_ms);
	assert_int_equal(got.after, p.after);
}

TEST(a_pass_that_was_changed_or_made_up_is_none)
{
	static const char *const bad[] = { "", "1", "1 2 3", "1 2 3 ", "x y z", "7 1 -1 00",
		"99999999999999999999 1 1 00" };
	const struct pass p = { .account = 7, .checked_ms = 1, .after = 5 };
	char text[PASS_TEXT_BYTES], changed[PASS_TEXT_BYTES + 2];
	uint8_t other[PASS_KEY_BYTES] = { 1 };
	struct pass got;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pass_read(w.share->key, bad[i], &got));
	pass_write(w.share->key, &p, text);
	assert_false(pass_read(other, text, &got));
	for (size_t i = 0; text[i]; i++) {
		snprintf(changed, sizeof(changed), "%s", text);
		changed[i] = changed[i] == '1' ? '2' : '1';
		assert_false(pass_read(w.share->key, changed, &got));
	}
	snprintf(changed, sizeof(changed), " %s", text);
	assert_false(pass_read(w.share->key, changed, &got));
	snprintf(changed, sizeof(changed), "%s ", text);
	assert_false(pass_read(w.share->key, changed, &got));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(without_a_listener_nothing_is_marked),
	EACH(what_ended_is_marked_for_everybody),
	EACH(a_mark_is_taken_once_however_often_it_was_made),
	EACH(kinds_are_apart),
	EACH(who_went_deaf_is_not_marked),
	EACH(every_bucket_has_a_bit_of_its_own),
	EACH(numbers_of_nobody_are_passed_over),
	EACH(the_bell_rings_once_and_only_for_a_sleeper),
	EACH(without_memory_nothing_happens),
	EACH(another_program_sees_the_same_memory),
	EACH(half_a_mark_is_found_by_a_deep_look_and_by_the_next_mark),
	EACH(no_mark_is_missed_by_a_taker_that_sleeps),
	EACH(a_pass_is_read_as_it_was_written),
	EACH(a_pass_that_was_changed_or_made_up_is_none),
};

int
main(void)
{
	return cmocka_run_group_tests_name("wake", tests, NULL, NULL);
}
