/* What was erased or scrubbed goes again in a database that was put back, and nothing else does. A
 * server's database is a file here, with slots beside it. */
#include "store_fixture.h"

#include "replay.h"
#include "scrub.h"
#include "tombstone.h"

static struct member ann, bob;
static struct sent gone;

static int
set_up(void **state)
{
	char error[SLOTS_ERROR_BYTES];

	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	gone = send_text(&ann, &bob, "goes");
	store.db->slots = slots_open(store.path, false, error);
	return store.db->slots ? 0 : -1;
}

/* Scrubs the message in a write that is stored, or taken back. */
static void
scrub(const struct sent *sent, enum db_result end)
{
	const int64_t id = store_number("SELECT max(id) FROM message");
	enum db_result r = db_begin(store.db);

	assert_int_equal(r, DB_DONE);
	/* keys are those of a file here */
	assert_int_equal(
	    db_exec(store.db, ST_SCRUB_BODY, &(struct db_blob){ "", 0 }, id, NOW), DB_DONE);
	assert_true(tombstone_message(store.db, sent->id));
	assert_int_equal(db_end(store.db, end), end == DB_FAIL ? DB_FAIL : DB_DONE);
}

static int64_t
noted(void)
{
	return store_number("SELECT coalesce(max(bytes), 0) FROM tombstone_file");
}

static void
put_back(void)
{
	store_other_runs("UPDATE tombstone_file SET bytes = 0; UPDATE message SET scrubbed_at = 0");
}

/* Steps until all is done; returns how many took something. */
static int
replay(int *steps)
{
	bool is_done = false;
	int applied = 0;

	for (*steps = 0; !is_done; (*steps)++)
		assert_int_equal(db_replay_step(store.db, &applied, &is_done), DB_DONE);
	return applied;
}

TEST(commit_is_noted_in_the_database_and_on_the_machine)
{
	scrub(&gone, DB_DONE);
	assert_int_equal(noted(), TOMBSTONE_BYTES);
	assert_int_equal(slots_tombstones(store.db->slots), TOMBSTONE_BYTES);
}

TEST(what_went_goes_again_once_and_is_not_noted_twice)
{
	int steps;

	scrub(&gone, DB_DONE);
	assert_int_equal(replay(&steps), 0);
	put_back();
	assert_int_equal(replay(&steps), 1);
	assert_int_equal(store_number("SELECT scrubbed_at > 0 FROM message"), 1);
	assert_int_equal(tombstone_end(store.db), TOMBSTONE_BYTES);
	assert_int_equal(noted(), TOMBSTONE_BYTES);
	assert_int_equal(replay(&steps), 0);
}

TEST(what_was_rolled_back_does_not_go)
{
	int steps;

	scrub(&gone, DB_FAIL);
	assert_int_equal(tombstone_end(store.db), TOMBSTONE_BYTES);
	assert_int_equal(noted(), 0);
	assert_int_equal(replay(&steps), 0);
	assert_int_equal(store_number("SELECT scrubbed_at FROM message"), 0);
}

TEST(long_files_are_carried_out_in_parts)
{
	uint8_t id[ID_BYTES] = { 0 };
	int steps;

	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int i = 0; i < 1200; i++) {
		memcpy(id, &i, sizeof(i));
		assert_true(tombstone_message(store.db, id));
	}
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	put_back();
	assert_int_equal(replay(&steps), 0);
	assert_int_equal(steps, 3);
	assert_int_equal(noted(), 1200 * TOMBSTONE_BYTES);
}

TEST(account_goes_again_and_its_address_stays_retired)
{
	int steps;

	assert_int_equal(db_account_erase(store.db, &store.arena, &bob.acc, NOW), DB_DONE);
	assert_int_equal(noted(), 2 * TOMBSTONE_BYTES);
	store_other_runs("DELETE FROM retired_address; UPDATE tombstone_file SET bytes = 0");
	replay(&steps);
	assert_int_equal(store_number("SELECT count(*) FROM retired_address"), 1);
}

TEST(what_a_power_cut_took_of_the_machines_number_is_had_of_the_database)
{
	int steps;

	scrub(&gone, DB_DONE);
	slots_note_tombstones(store.db->slots, 0);
	assert_int_equal(replay(&steps), 0);
	assert_int_equal(slots_tombstones(store.db->slots), TOMBSTONE_BYTES);
}

TEST(file_that_is_gone_stops_nothing)
{
	int steps;

	scrub(&gone, DB_DONE);
	put_back();
	assert_int_equal(ftruncate(store.db->tombstone_fd, 0), 0);
	assert_int_equal(replay(&steps), 0);
	assert_int_equal(replay(&steps), 0);
}

TEST(own_file_has_nothing_to_replay)
{
	struct slots *slots = store.db->slots;
	int steps;

	store.db->slots = NULL;
	scrub(&gone, DB_DONE);
	assert_int_equal(noted(), 0);
	assert_int_equal(replay(&steps), 0);
	store.db->slots = slots;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
	    commit_is_noted_in_the_database_and_on_the_machine, set_up, store_teardown),
	cmocka_unit_test_setup_teardown(
	    what_went_goes_again_once_and_is_not_noted_twice, set_up, store_teardown),
	cmocka_unit_test_setup_teardown(what_was_rolled_back_does_not_go, set_up, store_teardown),
	cmocka_unit_test_setup_teardown(
	    long_files_are_carried_out_in_parts, set_up, store_teardown),
	cmocka_unit_test_setup_teardown(
	    account_goes_again_and_its_address_stays_retired, set_up, store_teardown),
	cmocka_unit_test_setup_teardown(
	    what_a_power_cut_took_of_the_machines_number_is_had_of_the_database, set_up,
	    store_teardown),
	cmocka_unit_test_setup_teardown(file_that_is_gone_stops_nothing, set_up, store_teardown),
	cmocka_unit_test_setup_teardown(own_file_has_nothing_to_replay, set_up, store_teardown),
};

int
main(void)
{
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
