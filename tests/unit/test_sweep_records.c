/* Records of who wrote to whom have an age; what still has its text is no record. */
#include "store_fixture.h"

#include "sweep.h"
#include "sweep_pass.h"

#define DAY (24 * HOUR)
#define MANY 1200

static struct member ann, bob;
static struct conf conf;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	conf = (struct conf){ .record_ttl_sec = 90 * 86400,
		.retention_mode = RETENTION_SCRUB_CONTENT_ON_FINAL };
	store.db->retention = RETENTION_SCRUB_CONTENT_ON_FINAL;
	return 0;
}

static int64_t
clear_at(enum sweep_job job, int64_t now)
{
	struct sweep_plan plan;
	int64_t cursor = 0, count = 0, all = 0;
	enum db_result r;

	sweep_make_plan(&conf, now, &plan);
	while ((r = db_sweep_step(store.db, &plan, job, now + 1, &cursor, &count)) == DB_DONE)
		all += count;
	assert_int_equal(r, DB_NONE);
	return all;
}

/* All that was sent is fetched, confirmed and scrubbed. */
static void
deliver(void)
{
	struct message_page page;

	do
		page = poll_from(&bob, bob.acc.delivered_seq);
	while (page.count > 0 && poll_from(&bob, page.next).count >= 0);
	clear_at(SWEEP_MESSAGES, NOW + 2);
}

TEST(record_ends_to_the_millisecond_with_all_that_hangs_on_it)
{
	send_text(&ann, &bob, "x");
	deliver();
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 90 * DAY - 1), 0);
	assert_int_equal(store_number("SELECT count(*) FROM delivery"), 1);
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 90 * DAY), 1);
	assert_int_equal(store_number("SELECT (SELECT count(*) FROM message) + (SELECT count(*) "
				      "FROM delivery) + (SELECT count(*) FROM stream)"),
	    0);
}

TEST(record_of_what_its_recipient_removed_leaves_no_item_in_a_stream)
{
	struct sent sent = send_text(&ann, &bob, "x");
	enum change_result result;

	polls(&bob, 0, "x");
	assert_int_equal(
	    db_message_delete(store.db, &store.arena, sent.id, actor_of(&bob), NOW, &result),
	    DB_DONE);
	deliver();
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 90 * DAY), 1);
	assert_int_equal(store_number("SELECT count(*) FROM stream"), 0);
}

TEST(message_that_waits_and_one_that_is_kept_with_its_text_stay)
{
	send_text(&ann, &bob, "waits");
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 365 * DAY), 0);
	store.db->retention = conf.retention_mode = RETENTION_FULL;
	deliver();
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 365 * DAY), 0);
	assert_int_equal(store_number("SELECT count(*) FROM message WHERE final_at > 0"), 1);
}

TEST(zero_keeps_records_for_ever)
{
	conf.record_ttl_sec = 0;
	send_text(&ann, &bob, "x");
	deliver();
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 3650 * DAY), 0);
	assert_int_equal(clear_at(SWEEP_DEAD_KEYS, NOW + 3650 * DAY), 0);
}

TEST(overwritten_keys_go_some_pages_behind_the_first_that_may_live)
{
	for (int i = 0; i < MANY; i++)
		send_text(&ann, &bob, "x");
	deliver();
	assert_int_equal(clear_at(SWEEP_DEAD_KEYS, NOW + DAY), 0);
	assert_int_equal(clear_at(SWEEP_RECORDS, NOW + 90 * DAY), MANY);
	send_text(&ann, &bob, "lives");
	assert_int_equal(clear_at(SWEEP_DEAD_KEYS, NOW + 90 * DAY), MANY - 501);
	assert_int_equal(store_number("SELECT count(*) FROM content_key"), 502);
	assert_int_equal(
	    store_number("SELECT count(*) FROM content_key WHERE body_key <> zeroblob(32)"), 1);
	polls(&bob, bob.acc.delivered_seq, "lives");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(record_ends_to_the_millisecond_with_all_that_hangs_on_it),
		EACH(record_of_what_its_recipient_removed_leaves_no_item_in_a_stream),
		EACH(message_that_waits_and_one_that_is_kept_with_its_text_stay),
		EACH(zero_keeps_records_for_ever),
		EACH(overwritten_keys_go_some_pages_behind_the_first_that_may_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
