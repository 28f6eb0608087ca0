/* The breaker and the budgets, at made-up times. */
#include "scratch.h"

#include "ask.h"

#define LONGEST 1000

static struct ask shared;
static struct ask_claim ann = { .account_id = 7, .longest_ms = LONGEST },
			bob = { .account_id = 8, .longest_ms = LONGEST };

static int
set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	ask_init(&shared);
	ann.chars = bob.chars = 0;
	ann.chars_a_day = 0;
	return 0;
}

static void
fails(int64_t now)
{
	assert_int_equal(ask_may_call(&shared, now, LONGEST), 0);
	ask_result(&shared, ENGINE_NO_RESPONSE, 0, now);
}

TEST(third_failure_in_a_row_shuts_and_each_try_doubles_up_to_a_minute)
{
	static const int64_t pauses[] = { 5000, 10000, 20000, 40000, 60000, 60000 };
	int64_t now = 1;

	fails(now);
	fails(now);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		fails(now);
		assert_int_equal(ask_may_call(&shared, now, LONGEST), pauses[i]);
		assert_int_equal(ask_may_call(&shared, now + pauses[i] - 1, LONGEST), 1);
		now += pauses[i];
	}
}

TEST(success_between_failures_begins_anew)
{
	fails(1);
	fails(1);
	ask_result(&shared, ENGINE_DONE, 0, 1);
	fails(1);
	fails(1);
	assert_int_equal(ask_may_call(&shared, 1, LONGEST), 0);
}

TEST(what_the_engine_refuses_is_no_failure)
{
	for (int i = 0; i < 5; i++)
		ask_result(&shared, ENGINE_REFUSED, 0, 1);
	assert_int_equal(ask_may_call(&shared, 1, LONGEST), 0);
}

TEST(one_call_tries_it_out_and_one_that_dies_lets_another)
{
	for (int i = 0; i < 3; i++)
		fails(1);
	assert_int_equal(ask_may_call(&shared, 6000, LONGEST), 0);
	assert_true(ask_may_call(&shared, 6000, LONGEST) > 0);
	assert_int_equal(ask_may_call(&shared, 6000 + LONGEST, LONGEST), 0);
	ask_result(&shared, ENGINE_DONE, 0, 7000);
	assert_int_equal(ask_may_call(&shared, 7000, LONGEST), 0);
	assert_int_equal(ask_may_call(&shared, 7000, LONGEST), 0);
}

TEST(late_failures_make_the_pause_no_longer)
{
	for (int i = 0; i < 3; i++)
		fails(1);
	for (int i = 0; i < 9; i++)
		ask_result(&shared, ENGINE_NO_RESPONSE, 0, 2);
	assert_int_equal(ask_may_call(&shared, 2, LONGEST), 4999);
}

TEST(wish_for_a_pause_is_kept)
{
	ask_result(&shared, ENGINE_LATER, 7000, 1);
	assert_int_equal(ask_may_call(&shared, 1, LONGEST), 7000);
	assert_int_equal(ask_may_call(&shared, 7001, LONGEST), 0);
}

TEST(two_calls_at_a_time)
{
	struct ask_claim second = ann, third = ann;

	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	assert_int_equal(ask_claim(&shared, &second, 1), 0);
	assert_true(ask_claim(&shared, &third, 1) > 0);
	assert_int_equal(ask_claim(&shared, &bob, 1), 0);
	ask_release(&shared, &second, 0);
	assert_int_equal(ask_claim(&shared, &third, 1), 0);
	/* whose worker died */
	assert_int_equal(ask_claim(&shared, &second, 1 + LONGEST), 0);
}

TEST(sixty_calls_a_minute)
{
	for (int i = 0; i < ASK_PER_MINUTE; i++) {
		assert_int_equal(ask_claim(&shared, &ann, 1000), 0);
		ask_release(&shared, &ann, 0);
	}
	assert_int_equal(ask_claim(&shared, &ann, 31000), 30000);
	assert_int_equal(ask_claim(&shared, &ann, 61000), 0);
}

TEST(characters_of_a_day)
{
	ann.chars_a_day = 10;
	ann.chars = 6;
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	assert_int_equal(ask_claim(&shared, &ann, 1), 86400000);
	ask_release(&shared, &ann, 2);
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	assert_int_equal(ask_claim(&shared, &ann, 86400001), 0);
}

TEST(more_accounts_than_there_is_room_for_replace_the_oldest)
{
	ann.chars_a_day = ann.chars = 1;
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	for (int i = 0; i < ASK_ACCOUNTS; i++) {
		struct ask_claim c = { .account_id = 100 + i, .longest_ms = LONGEST };

		assert_int_equal(ask_claim(&shared, &c, 2 + i), 0);
		ask_release(&shared, &c, 0);
	}
	assert_int_equal(ask_claim(&shared, &ann, 5000), 0);
}

#define EACH(name) cmocka_unit_test_setup(name, set_up)

static const struct CMUnitTest tests[] = {
	EACH(third_failure_in_a_row_shuts_and_each_try_doubles_up_to_a_minute),
	EACH(success_between_failures_begins_anew),
	EACH(what_the_engine_refuses_is_no_failure),
	EACH(one_call_tries_it_out_and_one_that_dies_lets_another),
	EACH(late_failures_make_the_pause_no_longer),
	EACH(wish_for_a_pause_is_kept),
	EACH(two_calls_at_a_time),
	EACH(sixty_calls_a_minute),
	EACH(characters_of_a_day),
	EACH(more_accounts_than_there_is_room_for_replace_the_oldest),
};

int
main(void)
{
	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
