/* Whom a write has news for: told after it was committed and the lock is free, forgotten after a
 * rollback. */
#include "store_fixture.h"

#include "news.h"

#define MANY 1000

static struct member ann, bob;
static int64_t told[WAKE__KINDS][MANY];
static size_t count[WAKE__KINDS];
static bool lock_was_free, was_committed;

static void
note(void *arg, enum wake_kind kind, const int64_t *accounts, size_t n)
{
	int fd = lock_open(store.path);

	assert_ptr_equal(arg, told);
	assert_true(n > 0 && count[kind] + n <= MANY);
	memcpy(&told[kind][count[kind]], accounts, n * sizeof(*accounts));
	count[kind] += n;
	lock_was_free = lock_take(fd, 0);
	was_committed = store_number("SELECT count(*) FROM message") > 0;
	close(fd);
}

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	memset(count, 0, sizeof(count));
	return db_on_news(store.db, note, told) ? 0 : -1;
}

static bool
only(enum wake_kind kind, int64_t account)
{
	size_t all = count[WAKE_NEWS] + count[WAKE_RECEIPTS] + count[WAKE_ENDED];
	bool ok = all == 1 && count[kind] == 1 && told[kind][0] == account;

	memset(count, 0, sizeof(count));
	return ok;
}

TEST(recipient_is_told_once_the_message_can_be_seen_and_the_lock_is_free)
{
	send_text(&ann, &bob, "x");
	assert_true(only(WAKE_NEWS, bob.acc.id));
	assert_true(lock_was_free);
	assert_true(was_committed);
}

TEST(after_a_rollback_nobody_is_told_then_or_later)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	news_for(store.db, WAKE_NEWS, ann.acc.id);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
	send_text(&ann, &bob, "x");
	assert_true(only(WAKE_NEWS, bob.acc.id));
}

TEST(write_that_fails_at_its_commit_tells_nobody)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	news_for(store.db, WAKE_NEWS, ann.acc.id);
	store.db->buried = store.db->full_durability = true;
	close(store.db->tombstone_fd);
	store.db->tombstone_fd = -1;
	assert_int_equal(db_end(store.db, DB_DONE), DB_FAIL);
	assert_int_equal(count[WAKE_NEWS], 0);
}

TEST(numbers_of_nobody_and_repetitions_are_passed_over)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int64_t id = -1; id <= 1; id++)
		news_for(store.db, WAKE_ENDED, id);
	news_for(store.db, WAKE_ENDED, 1);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_true(only(WAKE_ENDED, 1));
}

TEST(many_are_all_told)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int64_t id = 1; id <= MANY; id++)
		news_for(store.db, WAKE_NEWS, id);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_int_equal(count[WAKE_NEWS], MANY);
	for (int64_t id = 1; id <= MANY; id++)
		assert_int_equal(told[WAKE_NEWS][id - 1], id);
}

TEST(without_a_listener_a_statement_runs_all_the_same)
{
	db_close(store.db);
	store.db = store_open();
	send_text(&ann, &bob, "x");
	assert_int_equal(store_number("SELECT count(*) FROM stream"), 1);
	assert_int_equal(count[WAKE_NEWS], 0);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(recipient_is_told_once_the_message_can_be_seen_and_the_lock_is_free),
	EACH(after_a_rollback_nobody_is_told_then_or_later),
	EACH(write_that_fails_at_its_commit_tells_nobody),
	EACH(numbers_of_nobody_and_repetitions_are_passed_over),
	EACH(many_are_all_told),
	EACH(without_a_listener_a_statement_runs_all_the_same),
};

int
main(void)
{
	return cmocka_run_group_tests_name("news", tests, NULL, NULL);
}
