/* Changes: more than a page holds, in pages that lose none, under the cursor of the messages; while
 * nothing can be written; cursors that were not noted. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static struct member ann, bob;
static struct change_page changes;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

/* One poll that asks for changes, into `changes`. */
static struct message_page
look(struct member *m, int64_t from)
{
	return poll_with(m, from, NOW + 1, PAGE_ALL, &changes);
}

static void
everything_is_fetched_by(struct member *m)
{
	struct message_page page = { .more = true };
	int64_t from = 0;

	while (page.count || page.more) {
		page = poll_from(m, from);
		from = page.next;
		arena_reset(&store.arena);
	}
}

TEST(more_changes_than_a_page_holds_come_in_order_and_once)
{
	enum { MANY = 2 * CHANGES_MAX + 7 };
	struct message_page page = { .more = true };
	struct sent sent[MANY];
	int64_t from = 0;
	int seen = 0;

	for (int i = 0; i < MANY; i++) {
		sent[i] = send_text(&ann, &bob, "x");
		arena_reset(&store.arena);
	}
	everything_is_fetched_by(&bob);
	for (int pages = 0; page.more; pages++) {
		page = look(&ann, from);
		assert_true(page.next > from && pages < 5 && changes.count <= CHANGES_MAX);
		from = page.next;
		for (int i = 0; i < changes.count; i++, seen++) {
			assert_memory_equal(changes.list[i].public_id, sent[seen].id, ID_BYTES);
			assert_int_equal(changes.list[i].state, DELIVERY_DELIVERED);
			assert_int_equal(changes.list[i].at, NOW + 1);
		}
	}
	assert_int_equal(seen, MANY);
	look(&ann, from);
	assert_int_equal(changes.count, 0);
}

TEST(message_that_stands_behind_a_full_page_of_changes_comes_with_the_next)
{
	struct message_page page;

	for (int i = 0; i < CHANGES_MAX + 1; i++) {
		send_text(&ann, &bob, "x");
		arena_reset(&store.arena);
	}
	everything_is_fetched_by(&bob);
	send_text(&bob, &ann, "last");
	page = look(&ann, 0);
	assert_int_equal(page.count, 0);
	assert_true(page.more);
	assert_int_equal(changes.count, CHANGES_MAX);
	page = look(&ann, page.next);
	assert_int_equal(changes.count, 1);
	assert_int_equal(page.count, 1);
	assert_string_equal(page.list[0].text, "last");
	assert_false(page.more);
}

TEST(message_that_moved_twice_is_one_change)
{
	struct sent sent = send_text(&ann, &bob, "x");
	int updated = 0;

	polls(&bob, 0, "x");
	assert_int_equal(db_receipt_read(store.db, actor_of(&bob),
			     (const uint8_t(*)[ID_BYTES])sent.id, 1, NOW + 2, &updated),
	    DB_DONE);
	look(&ann, 0);
	assert_int_equal(changes.count, 1);
	assert_int_equal(changes.list[0].state, DELIVERY_READ);
	assert_int_equal(changes.list[0].at, NOW + 2);
}

TEST(changes_are_read_while_nothing_can_be_written)
{
	struct message_page page;
	int lock = open(scratch_path(store.dir, "bridge.db.lock"), O_RDWR | O_CLOEXEC);

	send_text(&ann, &bob, "x");
	everything_is_fetched_by(&bob);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	page = look(&ann, 0);
	assert_int_equal(changes.count, 1);
	assert_int_equal(ann.s.confirmed_seq, 0);
	close(lock);
	look(&ann, page.next);
	assert_int_equal(changes.count, 0);
	fresh(&ann);
	assert_int_equal(ann.s.confirmed_seq, page.next);
}

TEST(who_never_asked_costs_no_row)
{
	polls(&ann, 0, "");
	send_text(&ann, &bob, "x");
	everything_is_fetched_by(&bob);
	assert_int_equal(store_number("SELECT count(*) FROM message_change"), 0);
}

TEST(change_goes_with_its_message)
{
	send_text(&ann, &bob, "x");
	everything_is_fetched_by(&bob);
	assert_int_equal(store_number("SELECT count(*) FROM message_change"), 1);
	assert_int_equal(db_account_erase(store.db, &store.arena, &ann.acc, NOW), DB_DONE);
	assert_int_equal(store_number("SELECT count(*) FROM message_change"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM account_change"), 0);
}

TEST(subjects_have_their_words)
{
	assert_string_equal(record_subject_name(SUBJECT_PROFILE), "profile");
	assert_string_equal(record_subject_name(SUBJECT_GROUPS), "groups");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(more_changes_than_a_page_holds_come_in_order_and_once),
	EACH(message_that_stands_behind_a_full_page_of_changes_comes_with_the_next),
	EACH(message_that_moved_twice_is_one_change),
	EACH(changes_are_read_while_nothing_can_be_written),
	EACH(who_never_asked_costs_no_row),
	EACH(change_goes_with_its_message),
	EACH(subjects_have_their_words),
};

int
main(void)
{
	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
