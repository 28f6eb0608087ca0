/* Turns: several writes in one commit, each whole or not at all, and what comes of them. */
#include "store_fixture.h"

#include "commits.h"

#include <sys/mman.h>

static struct member ann, bob;
static struct commits *shared;

struct seen {
	int calls;
	bool stored, lock_was_free;
};

static void
look(void *arg, bool stored)
{
	struct seen *s = arg;
	int fd = lock_open(store.path);

	s->calls++;
	s->stored = stored;
	s->lock_was_free = lock_take(fd, 0);
	close(fd);
}

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

static int
set_up_shared(void **state)
{
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || store_folder(state) != 0 ||
	    !db_migrate(&store.options, store.error))
		return -1;
	commits_init(shared);
	store.options.full_durability = true;
	store.options.commits = shared;
	store.db = store_open();
	db_seal(store.db);
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

static int
tear_down_shared(void **state)
{
	munmap(shared, sizeof(*shared));
	return store_teardown(state);
}

static int64_t
stored(void)
{
	return store_number("SELECT count(*) FROM message");
}

static void
write_and_undo(void)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_exec(store.db, ST_PROBE_WRITE, (int64_t)7), DB_DONE);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
}

/* Makes the commit fail, as long as nobody opens the store anew. */
static void
break_commits(void)
{
	store.db->tombstone_due = store.db->full_durability = true;
	close(store.db->tombstone_fd);
	store.db->tombstone_fd = -1;
}

TEST(writes_of_a_turn_are_seen_by_others_when_it_ends)
{
	db_turn_begin(store.db);
	assert_false(db_turn_is_open(store.db));
	send_text(&ann, &bob, "a");
	send_text(&ann, &bob, "b");
	assert_true(db_turn_is_open(store.db));
	assert_int_equal(stored(), 0);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(stored(), 2);
	assert_false(db_turn_is_open(store.db));
}

TEST(turn_holds_the_lock_from_its_first_write_to_its_end)
{
	int fd = lock_open(store.path);

	db_turn_begin(store.db);
	assert_true(lock_take(fd, 0));
	lock_release(fd);
	send_text(&ann, &bob, "a");
	assert_false(lock_take(fd, 0));
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_true(lock_take(fd, 0));
	close(fd);
}

TEST(one_write_that_is_undone_leaves_the_others)
{
	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	write_and_undo();
	send_text(&ann, &bob, "b");
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(stored(), 2);
	assert_int_equal(store_number("SELECT probed_at FROM meta"), 0);
}

TEST(one_write_that_meets_a_conflict_leaves_the_others)
{
	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_exec(store.db, ST_PROBE_WRITE, (int64_t)7), DB_DONE);
	assert_int_equal(db_end(store.db, DB_TAKEN), DB_TAKEN);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(stored(), 1);
	assert_int_equal(store_number("SELECT probed_at FROM meta"), 0);
}

TEST(turn_that_only_reads_takes_no_lock)
{
	struct sent sent = send_text(&ann, &bob, "x");
	int fd = lock_open(store.path);

	assert_true(lock_take(fd, 0));
	db_turn_begin(store.db);
	assert_int_equal(state_of(&ann, sent), DELIVERY_QUEUED);
	assert_false(db_turn_is_open(store.db));
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	close(fd);
}

TEST(commit_that_fails_stores_nothing_and_may_be_tried_again)
{
	struct seen s = { 0 };

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	send_text(&ann, &bob, "b");
	db_after(store.db, look, &s);
	break_commits();
	assert_int_equal(db_turn_end(store.db), DB_BUSY);
	assert_int_equal(stored(), 0);
	assert_int_equal(s.calls, 1);
	assert_false(s.stored);
	assert_true(s.lock_was_free);
}

TEST(after_a_commit_that_failed_each_write_is_by_itself_until_one_succeeds)
{
	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	break_commits();
	assert_int_equal(db_turn_end(store.db), DB_BUSY);
	db_turn_begin(store.db);
	send_text(&ann, &bob, "b");
	assert_int_equal(stored(), 1);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	db_turn_begin(store.db);
	send_text(&ann, &bob, "c");
	assert_int_equal(stored(), 1);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
}

/* As SQLite does of itself where the disk is full. */
TEST(transaction_that_is_lost_on_the_way_takes_all_with_it)
{
	struct seen s = { 0 };

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	db_after(store.db, look, &s);
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(
	    sqlite3_exec(sqlite_of(store.db->engine)->handle, "ROLLBACK", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(db_end(store.db, DB_FULL), DB_FULL);
	assert_int_equal(db_begin(store.db), DB_FULL);
	assert_false(db_turn_may_grow(store.db));
	assert_int_equal(db_turn_end(store.db), DB_FULL);
	assert_int_equal(stored(), 0);
	assert_int_equal(s.calls, 1);
	assert_false(s.stored);
	send_text(&ann, &bob, "b");
	assert_int_equal(stored(), 1);
}

TEST(turn_grows_while_it_is_open_and_young)
{
	db_turn_begin(store.db);
	assert_false(db_turn_may_grow(store.db));
	send_text(&ann, &bob, "a");
	store.db->turn.since_us += 1000000;
	assert_true(db_turn_may_grow(store.db));
	store.db->turn.since_us -= 1000000 + engine_turn_us(store.db->engine);
	assert_false(db_turn_may_grow(store.db));
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_false(db_turn_may_grow(store.db));
}

TEST(effects_happen_once_after_the_commit_and_after_the_lock_is_free)
{
	struct seen s = { 0 }, other = { 0 };

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	db_after(store.db, look, &s);
	db_after(store.db, look, &other);
	db_after(store.db, look, &s);
	assert_int_equal(s.calls, 0);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(s.calls, 1);
	assert_true(s.stored && s.lock_was_free);
	assert_int_equal(other.calls, 1);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(s.calls, 1);
}

TEST(effect_of_a_write_that_is_undone_does_not_happen)
{
	struct seen kept = { 0 }, undone = { 0 };

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	db_after(store.db, look, &kept);
	assert_int_equal(db_begin(store.db), DB_DONE);
	db_after(store.db, look, &undone);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(kept.calls, 1);
	assert_int_equal(undone.calls, 0);
}

TEST(effect_where_nothing_is_open_happens_at_once)
{
	struct seen s = { 0 };

	db_after(store.db, look, &s);
	assert_int_equal(s.calls, 1);
	assert_true(s.stored);
}

static void
write_more(void *arg, bool done)
{
	*(bool *)arg = done;
	send_text(&ann, &bob, "more");
}

TEST(effect_may_write_too)
{
	bool done = false;

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	db_after(store.db, write_more, &done);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_true(done);
	assert_int_equal(stored(), 2);
}

TEST(turn_is_full_before_its_effects_are)
{
	static struct seen many[DB_EFFECTS];

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	store.db->turn.since_us += 1000000;
	for (int i = 0; i < DB_EFFECTS - DB_EFFECTS_EACH; i++) {
		assert_true(db_turn_may_grow(store.db));
		db_after(store.db, look, &many[i]);
	}
	db_after(store.db, look, &many[DB_EFFECTS - 1]);
	assert_false(db_turn_may_grow(store.db));
	assert_int_equal(db_turn_end(store.db), DB_DONE);
}

/* -- the shared sync --------------------------------------------------------------------------- */

TEST(writes_are_synced_when_they_return_though_no_commit_syncs)
{
	assert_true(commits_are_synced(shared));
	send_text(&ann, &bob, "a");
	assert_true(commits_seen(shared) > 0);
	assert_true(commits_are_synced(shared));
}

TEST(turn_is_synced_at_its_end_and_is_one_commit)
{
	uint64_t before = commits_seen(shared);

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	send_text(&ann, &bob, "b");
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(commits_seen(shared), before + 1);
	assert_true(commits_are_synced(shared));
}

TEST(reader_waits_for_what_others_wrote_and_may_take_more_meanwhile)
{
	db_turn_begin(store.db);
	assert_false(db_turn_may_grow(store.db));
	commits_written(shared, commits_begin(shared));
	assert_true(db_turn_may_grow(store.db));
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_true(commits_are_synced(shared));
}

/* What follows a sync that failed: nobody is told that it is stored, nobody writes on, and the next
 * process that opens the store puts all of it into the database file first. */
TEST(sync_that_fails_stops_all_writes_until_the_log_is_put_away)
{
	struct seen s = { 0 };

	db_turn_begin(store.db);
	send_text(&ann, &bob, "a");
	db_after(store.db, look, &s);
	sqlite_of(store.db->engine)->unsynced = true;
	assert_int_equal(db_turn_end(store.db), DB_FAIL);
	assert_int_equal(s.calls, 0);
	assert_true(db_is_broken(store.db));
	assert_int_equal(db_begin(store.db), DB_FAIL);
	db_close(store.db);
	assert_true(commits_are_broken(shared));
	store.db = store_open();
	assert_false(commits_are_broken(shared));
	assert_int_equal(engine_log_bytes(store.db->engine), 0);
	assert_false(db_is_broken(store.db));
	send_text(&ann, &bob, "b");
	assert_int_equal(stored(), 2);
}

TEST(what_earlier_processes_wrote_is_synced_before_anybody_learns_of_it)
{
	send_text(&ann, &bob, "a");
	db_close(store.db);
	memset(shared, 0, sizeof(*shared));
	commits_init(shared);
	store.db = store_open();
	assert_false(commits_are_synced(shared));
	db_turn_begin(store.db);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_true(commits_are_synced(shared));
}

TEST(long_log_is_written_back_by_whoever_commits)
{
	for (int i = 0; i < 600 && engine_log_bytes(store.db->engine) < 4200000; i++)
		send_text(&ann, &bob, "a text that takes a page or two of the log");
	assert_true(engine_log_bytes(store.db->engine) < 6000000);
	assert_true(sqlite_of(store.db->engine)->log_frames < 1100);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)
#define SHARED(name) cmocka_unit_test_setup_teardown(name, set_up_shared, tear_down_shared)

static const struct CMUnitTest tests[] = {
	EACH(writes_of_a_turn_are_seen_by_others_when_it_ends),
	EACH(turn_holds_the_lock_from_its_first_write_to_its_end),
	EACH(one_write_that_is_undone_leaves_the_others),
	EACH(one_write_that_meets_a_conflict_leaves_the_others),
	EACH(turn_that_only_reads_takes_no_lock),
	EACH(commit_that_fails_stores_nothing_and_may_be_tried_again),
	EACH(after_a_commit_that_failed_each_write_is_by_itself_until_one_succeeds),
	EACH(transaction_that_is_lost_on_the_way_takes_all_with_it),
	EACH(turn_grows_while_it_is_open_and_young),
	EACH(effects_happen_once_after_the_commit_and_after_the_lock_is_free),
	EACH(effect_of_a_write_that_is_undone_does_not_happen),
	EACH(effect_where_nothing_is_open_happens_at_once),
	EACH(effect_may_write_too),
	EACH(turn_is_full_before_its_effects_are),
	SHARED(writes_are_synced_when_they_return_though_no_commit_syncs),
	SHARED(turn_is_synced_at_its_end_and_is_one_commit),
	SHARED(reader_waits_for_what_others_wrote_and_may_take_more_meanwhile),
	SHARED(sync_that_fails_stops_all_writes_until_the_log_is_put_away),
	SHARED(what_earlier_processes_wrote_is_synced_before_anybody_learns_of_it),
	SHARED(long_log_is_written_back_by_whoever_commits),
};

int
main(void)
{
	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
