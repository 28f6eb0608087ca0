/* Whom a write is to wake: notified after it was committed and the lock is free, forgotten after a
 * rollback. */
#include "store_fixture.h"

#include "wakeup.h"

#define MANY 1000

static struct member ann, bob;
static int64_t notified[WAKE__KINDS][MANY];
static size_t count[WAKE__KINDS];
static bool lock_was_free, was_committed;

static void
note(void *arg, enum wake_kind kind, const int64_t *accounts, size_t n)
{
	int fd = lock_open(store.path);

	assert_ptr_equal(arg, notified);
	assert_true(n > 0 && count[kind] + n <= MANY);
	memcpy(&notified[kind][count[kind]], accounts, n * sizeof(*accounts));
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
	return db_on_wakeup(store.db, note, notified) ? 0 : -1;
}

static bool
only(enum wake_kind kind, int64_t account)
{
	size_t all = count[WAKE_POLL] + count[WAKE_RECEIPTS] + count[WAKE_ENDED];
	bool ok = all == 1 && count[kind] == 1 && notified[kind][0] == account;

	memset(count, 0, sizeof(count));
	return ok;
}

TEST(recipient_is_notified_once_the_message_can_be_seen_and_the_lock_is_free)
{
	send_text(&ann, &bob, "x");
	assert_true(only(WAKE_POLL, bob.acc.id));
	assert_true(lock_was_free);
	assert_true(was_committed);
}

TEST(after_a_rollback_nobody_is_notified_then_or_later)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	wakeup_for(store.db, WAKE_POLL, ann.acc.id);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
	send_text(&ann, &bob, "x");
	assert_true(only(WAKE_POLL, bob.acc.id));
}

TEST(write_that_fails_at_its_commit_notifies_nobody)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	wakeup_for(store.db, WAKE_POLL, ann.acc.id);
	store.db->tombstone_due = store.db->full_durability = true;
	close(store.db->tombstone_fd);
	store.db->tombstone_fd = -1;
	assert_int_equal(db_end(store.db, DB_DONE), DB_FAIL);
	assert_int_equal(count[WAKE_POLL], 0);
}

TEST(numbers_of_nobody_and_repetitions_are_passed_over)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int64_t id = -1; id <= 1; id++)
		wakeup_for(store.db, WAKE_ENDED, id);
	wakeup_for(store.db, WAKE_ENDED, 1);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_true(only(WAKE_ENDED, 1));
}

TEST(many_are_all_notified)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int64_t id = 1; id <= MANY; id++)
		wakeup_for(store.db, WAKE_POLL, id);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_int_equal(count[WAKE_POLL], MANY);
	for (int64_t id = 1; id <= MANY; id++)
		assert_int_equal(notified[WAKE_POLL][id - 1], id);
}

TEST(without_a_listener_a_statement_runs_all_the_same)
{
	db_close(store.db);
	store.db = store_open();
	send_text(&ann, &bob, "x");
	assert_int_equal(store_number("SELECT count(*) FROM stream"), 1);
	assert_int_equal(count[WAKE_POLL], 0);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(recipient_is_notified_once_the_message_can_be_seen_and_the_lock_is_free),
	EACH(after_a_rollback_nobody_is_notified_then_or_later),
	EACH(write_that_fails_at_its_commit_notifies_nobody),
	EACH(numbers_of_nobody_and_repetitions_are_passed_over),
	EACH(many_are_all_notified),
	EACH(without_a_listener_a_statement_runs_all_the_same),
};

int
main(void)
{
	return cmocka_run_group_tests_name("news", tests, NULL, NULL);
}
