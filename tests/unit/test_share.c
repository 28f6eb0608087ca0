/* What the processes of a pool share: who is typing, and counters of responses. */
#include "scratch.h"

#include "clock.h"
#include "share.h"

#include <sys/mman.h>
#include <sys/wait.h>

#define BOB 7
#define NEIGHBOUR (BOB + SHARE_BUCKETS) /* of Bob in his bucket */

static struct share *s;
static int64_t out[SHARE_SLOTS];

static int
set_up(void **state)
{
	(void)state;
	s = share_make();
	return s ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return munmap(s, sizeof(*s));
}

static bool
types(int64_t to, int64_t from)
{
	int n = share_typing_get(s, to, out);

	for (int i = 0; i < n; i++)
		if (out[i] == from)
			return true;
	return false;
}

/* The slot of a pair, NULL when it has none. */
static struct share_typing *
slot_of(uint64_t to, uint64_t from)
{
	for (int b = 0; b < SHARE_BUCKETS; b++)
		for (int i = 0; i < SHARE_SLOTS; i++)
			if (s->typing[b][i].pair == (to << 32 | from))
				return &s->typing[b][i];
	return NULL;
}

TEST(nobody_types_at_first)
{
	for (int64_t to = 0; to < 3; to++)
		assert_int_equal(share_typing_get(s, to, out), 0);
}

TEST(typing_is_seen_by_its_recipient_only)
{
	share_typing_set(s, BOB, 1, true);
	assert_int_equal(share_typing_get(s, BOB, out), 1);
	assert_int_equal(out[0], 1);
	assert_int_equal(share_typing_get(s, 1, out), 0);
	assert_int_equal(share_typing_get(s, BOB + 1, out), 0);
}

TEST(typing_of_a_neighbour_in_the_bucket_stays_his)
{
	share_typing_set(s, BOB, 1, true);
	share_typing_set(s, NEIGHBOUR, 2, true);
	assert_int_equal(share_typing_get(s, BOB, out), 1);
	assert_int_equal(out[0], 1);
	assert_int_equal(share_typing_get(s, NEIGHBOUR, out), 1);
	assert_int_equal(out[0], 2);
}

TEST(stop_ends_typing_of_that_pair_only)
{
	share_typing_set(s, BOB, 1, true);
	share_typing_set(s, BOB, 2, true);
	share_typing_set(s, BOB, 1, false);
	assert_false(types(BOB, 1));
	assert_true(types(BOB, 2));
	share_typing_set(s, BOB, 1, true);
	assert_true(types(BOB, 1));
}

TEST(stop_of_who_did_not_type_changes_nothing)
{
	for (int from = 1; from <= SHARE_SLOTS; from++)
		share_typing_set(s, BOB, from, true);
	share_typing_set(s, BOB, 99, false);
	assert_int_equal(share_typing_get(s, BOB, out), SHARE_SLOTS);
}

TEST(several_typists_are_all_seen)
{
	for (int from = 1; from <= SHARE_SLOTS; from++)
		share_typing_set(s, BOB, from, true);
	assert_int_equal(share_typing_get(s, BOB, out), SHARE_SLOTS);
	for (int from = 1; from <= SHARE_SLOTS; from++)
		assert_true(types(BOB, from));
}

TEST(typing_again_takes_no_second_slot)
{
	for (int i = 0; i < 3; i++)
		share_typing_set(s, BOB, 1, true);
	assert_int_equal(share_typing_get(s, BOB, out), 1);
}

TEST(one_more_typist_takes_the_slot_that_ends_first)
{
	for (int from = 1; from <= SHARE_SLOTS; from++)
		share_typing_set(s, BOB, from, true);
	slot_of(BOB, 3)->until_ms -= 1000;
	share_typing_set(s, BOB, 99, true);
	assert_false(types(BOB, 3));
	assert_true(types(BOB, 99));
	assert_int_equal(share_typing_get(s, BOB, out), SHARE_SLOTS);
}

TEST(slot_of_who_stopped_is_taken_first)
{
	for (int from = 1; from <= SHARE_SLOTS; from++)
		share_typing_set(s, BOB, from, true);
	share_typing_set(s, BOB, 2, false);
	share_typing_set(s, NEIGHBOUR, 99, true);
	assert_int_equal(share_typing_get(s, BOB, out), SHARE_SLOTS - 1);
	assert_true(types(NEIGHBOUR, 99));
}

TEST(typing_lasts_six_seconds_from_now)
{
	int64_t before = clock_mono_ms(), until;

	share_typing_set(s, BOB, 1, true);
	until = slot_of(BOB, 1)->until_ms;
	assert_true(until >= before + 6000 && until <= clock_mono_ms() + 6000);
}

TEST(typing_that_is_over_is_not_seen)
{
	share_typing_set(s, BOB, 1, true);
	share_typing_set(s, BOB, 2, true);
	slot_of(BOB, 1)->until_ms = clock_mono_ms();
	assert_false(types(BOB, 1));
	assert_true(types(BOB, 2));
	slot_of(BOB, 2)->until_ms = 1;
	assert_int_equal(share_typing_get(s, BOB, out), 0);
}

TEST(typing_again_after_it_was_over_is_seen)
{
	share_typing_set(s, BOB, 1, true);
	slot_of(BOB, 1)->until_ms = 1;
	share_typing_set(s, BOB, 1, true);
	assert_true(types(BOB, 1));
}

TEST(ids_of_32_bits_are_kept_whole)
{
	share_typing_set(s, UINT32_MAX, UINT32_MAX - 1, true);
	assert_int_equal(share_typing_get(s, UINT32_MAX, out), 1);
	assert_int_equal(out[0], UINT32_MAX - 1);
}

TEST(ids_beyond_32_bits_are_left_out)
{
	const int64_t big = (int64_t)UINT32_MAX + 1;

	share_typing_set(s, big + BOB, 1, true);
	share_typing_set(s, BOB, big + 1, true);
	assert_int_equal(share_typing_get(s, BOB, out), 0);
	assert_int_equal(share_typing_get(s, big + BOB, out), 0);
	share_typing_set(s, BOB, 1, true);
	assert_int_equal(share_typing_get(s, big + BOB, out), 0);
}

TEST(what_a_child_notes_its_parent_sees)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		share_typing_set(s, BOB, 1, true);
		share_count(s, 3, 200);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(types(BOB, 1));
	assert_int_equal(s->requests[3][2], 1);
}

/* The sum of all counters. */
static uint64_t
counted(void)
{
	uint64_t sum = 0;

	for (int r = 0; r < SHARE_ROUTES; r++)
		for (int k = 0; k < SHARE_CLASSES; k++)
			sum += s->requests[r][k];
	return sum;
}

TEST(responses_are_counted_by_route_and_class)
{
	static const int statuses[] = { 200, 202, 299, 304, 400, 404, 499, 500, 599, 99 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		share_count(s, 5, statuses[i]);
	share_count(s, 0, 200);
	share_count(s, SHARE_ROUTES - 1, 404);
	assert_int_equal(s->requests[5][0], 1);
	assert_int_equal(s->requests[5][1], 0);
	assert_int_equal(s->requests[5][2], 3);
	assert_int_equal(s->requests[5][3], 1);
	assert_int_equal(s->requests[5][4], 3);
	assert_int_equal(s->requests[5][5], 2);
	assert_int_equal(s->requests[0][2], 1);
	assert_int_equal(s->requests[SHARE_ROUTES - 1][4], 1);
	assert_int_equal(counted(), 12);
}

TEST(responses_out_of_range_are_not_counted)
{
	static const int wrong[][2] = { { -1, 200 }, { SHARE_ROUTES, 200 }, { 0, -1 }, { 0, 600 },
		{ 0, 1000 }, { INT_MAX, 200 }, { INT_MIN, 200 }, { 0, INT_MIN }, { 0, INT_MAX } };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		share_count(s, wrong[i][0], wrong[i][1]);
	assert_int_equal(counted(), 0);
}

static enum share_result
claim(uint64_t id, int64_t account, int64_t bytes)
{
	struct share_claim c = {
		.id = id, .account_id = account, .bytes = bytes, .own_left = 100, .disk_left = 150
	};

	return share_upload_claim(s, &c);
}

TEST(uploads_of_an_account_take_from_its_quota)
{
	assert_int_equal(claim(1, BOB, 60), SHARE_CLAIMED);
	assert_int_equal(claim(2, BOB, 41), SHARE_NO_QUOTA);
	assert_int_equal(claim(2, BOB, 40), SHARE_CLAIMED);
	assert_int_equal(claim(3, BOB, 1), SHARE_NO_QUOTA);
}

TEST(uploads_of_all_take_from_the_disk)
{
	assert_int_equal(claim(1, BOB, 100), SHARE_CLAIMED);
	assert_int_equal(claim(2, BOB + 1, 51), SHARE_NO_ROOM);
	assert_int_equal(claim(2, BOB + 1, 50), SHARE_CLAIMED);
}

TEST(upload_that_ends_gives_its_bytes_back)
{
	assert_int_equal(claim(1, BOB, 100), SHARE_CLAIMED);
	share_upload_end(s, 2);
	assert_int_equal(claim(2, BOB, 1), SHARE_NO_QUOTA);
	share_upload_end(s, 1);
	assert_int_equal(claim(2, BOB, 100), SHARE_CLAIMED);
	share_upload_end_all(s);
	assert_int_equal(claim(3, BOB, 100), SHARE_CLAIMED);
}

TEST(upload_that_asks_again_takes_nothing_twice)
{
	assert_int_equal(claim(1, BOB, 90), SHARE_CLAIMED);
	assert_int_equal(claim(1, BOB, 100), SHARE_CLAIMED);
}

TEST(upload_of_unknown_size_takes_what_is_left)
{
	struct share_claim c = { .id = 2,
		.account_id = BOB,
		.bytes = 1000,
		.own_left = 100,
		.disk_left = 1000,
		.at_most = true };

	assert_int_equal(claim(1, BOB, 60), SHARE_CLAIMED);
	assert_int_equal(share_upload_claim(s, &c), SHARE_CLAIMED);
	assert_int_equal(c.own_taken, 60);
	assert_int_equal(claim(3, BOB, 1), SHARE_NO_QUOTA);
	c.id = 4;
	assert_int_equal(share_upload_claim(s, &c), SHARE_NO_QUOTA);
}

static pid_t
process_that_ended(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static enum share_result
claim_read_by(pid_t reader, uint64_t id, int64_t bytes)
{
	struct share_claim c = { .id = id,
		.account_id = BOB,
		.bytes = bytes,
		.own_left = 100,
		.disk_left = 150,
		.reader = reader };

	return share_upload_claim(s, &c);
}

TEST(what_a_process_that_died_was_reading_is_given_back_when_it_is_needed)
{
	assert_int_equal(claim_read_by(process_that_ended(), 1, 60), SHARE_CLAIMED);
	assert_int_equal(claim_read_by(getpid(), 2, 30), SHARE_CLAIMED);
	assert_int_equal(claim(3, BOB, 71), SHARE_NO_QUOTA);
	assert_int_equal(claim(3, BOB, 70), SHARE_CLAIMED);
	assert_int_equal(claim(4, BOB, 1), SHARE_NO_QUOTA);
}

TEST(account_has_a_hundred_uploads_at_a_time)
{
	for (uint64_t i = 1; i <= SHARE_UPLOADS_EACH; i++)
		assert_int_equal(claim(i, BOB, 0), SHARE_CLAIMED);
	assert_int_equal(claim(SHARE_UPLOADS_EACH + 1, BOB, 0), SHARE_TOO_MANY);
	assert_int_equal(claim(SHARE_UPLOADS_EACH + 1, BOB + 1, 0), SHARE_CLAIMED);
}

TEST(who_dies_with_the_lock_leaves_it_to_the_next)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_mutex_lock(&s->upload_lock);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(claim(1, BOB, 100), SHARE_CLAIMED);
	assert_int_equal(claim(2, BOB, 1), SHARE_NO_QUOTA);
}

TEST(group_that_somebody_types_to_is_found_once)
{
	static int64_t groups[SHARE_TYPED_GROUPS];

	assert_int_equal(share_typed_groups(s, groups), 0);
	share_typing_set(s, SHARE_GROUP(5), BOB, true);
	share_typing_set(s, SHARE_GROUP(5), BOB + 1, true);
	share_typing_set(s, SHARE_GROUP(6), BOB, true);
	share_typing_set(s, BOB, BOB + 1, true);
	assert_int_equal(share_typed_groups(s, groups), 2);
	assert_int_equal(groups[0], 5);
	assert_int_equal(groups[1], 6);
	share_typing_set(s, SHARE_GROUP(6), BOB, false);
	assert_int_equal(share_typed_groups(s, groups), 1);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TEST(first_error_of_a_start_is_the_one_that_is_kept)
{
	assert_string_equal(share_error(s), "");
	share_note_error(s, "the disk is full");
	share_note_error(s, "and what came of it");
	assert_string_equal(share_error(s), "the disk is full");
}

static const struct CMUnitTest tests[] = {
	EACH(nobody_types_at_first),
	EACH(typing_is_seen_by_its_recipient_only),
	EACH(typing_of_a_neighbour_in_the_bucket_stays_his),
	EACH(stop_ends_typing_of_that_pair_only),
	EACH(stop_of_who_did_not_type_changes_nothing),
	EACH(several_typists_are_all_seen),
	EACH(typing_again_takes_no_second_slot),
	EACH(one_more_typist_takes_the_slot_that_ends_first),
	EACH(slot_of_who_stopped_is_taken_first),
	EACH(typing_lasts_six_seconds_from_now),
	EACH(typing_that_is_over_is_not_seen),
	EACH(typing_again_after_it_was_over_is_seen),
	EACH(ids_of_32_bits_are_kept_whole),
	EACH(ids_beyond_32_bits_are_left_out),
	EACH(what_a_child_notes_its_parent_sees),
	EACH(responses_are_counted_by_route_and_class),
	EACH(responses_out_of_range_are_not_counted),
	EACH(uploads_of_an_account_take_from_its_quota),
	EACH(uploads_of_all_take_from_the_disk),
	EACH(upload_that_ends_gives_its_bytes_back),
	EACH(upload_that_asks_again_takes_nothing_twice),
	EACH(upload_of_unknown_size_takes_what_is_left),
	EACH(what_a_process_that_died_was_reading_is_given_back_when_it_is_needed),
	EACH(account_has_a_hundred_uploads_at_a_time),
	EACH(who_dies_with_the_lock_leaves_it_to_the_next),
	EACH(group_that_somebody_types_to_is_found_once),
	EACH(first_error_of_a_start_is_the_one_that_is_kept),
};

int
main(void)
{
	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
