/* When things end, and what never does. */
#include "scratch.h"

#include "expiry.h"

#define NOW 1700000000000
#define LIFE 60000

TEST(expiry_is_a_life_from_now)
{
	assert_int_equal(expiry_at(NOW, LIFE), NOW + LIFE);
}

TEST(expiry_of_no_life_is_never)
{
	assert_int_equal(expiry_at(NOW, 0), 0);
	assert_false(expiry_passed(expiry_at(NOW, 0), INT64_MAX));
}

TEST(expiry_passes_to_the_millisecond)
{
	assert_false(expiry_passed(NOW, NOW - 1));
	assert_true(expiry_passed(NOW, NOW));
	assert_true(expiry_passed(NOW, NOW + 1));
}

TEST(expiry_of_two_is_the_earlier)
{
	assert_int_equal(expiry_earlier(NOW, NOW + 1), NOW);
	assert_int_equal(expiry_earlier(NOW + 1, NOW), NOW);
}

TEST(expiry_of_two_passes_over_what_never_ends)
{
	assert_int_equal(expiry_earlier(NOW, 0), NOW);
	assert_int_equal(expiry_earlier(0, NOW), NOW);
	assert_int_equal(expiry_earlier(0, 0), 0);
}

/* What was made at the cut-off ends now; what was made a millisecond later does not. */
TEST(cutoff_is_a_life_ago)
{
	int64_t cutoff = expiry_cutoff(NOW, LIFE);

	assert_true(expiry_passed(expiry_at(cutoff, LIFE), NOW));
	assert_false(expiry_passed(expiry_at(cutoff + 1, LIFE), NOW));
}

TEST(cutoff_of_no_life_is_before_everything)
{
	assert_int_equal(expiry_cutoff(NOW, 0), 0);
}

TEST(cutoff_of_a_life_longer_than_the_clock_is_before_everything)
{
	assert_int_equal(expiry_cutoff(NOW, NOW), 0);
	assert_int_equal(expiry_cutoff(NOW, INT64_MAX), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expiry_is_a_life_from_now),
		cmocka_unit_test(expiry_of_no_life_is_never),
		cmocka_unit_test(expiry_passes_to_the_millisecond),
		cmocka_unit_test(expiry_of_two_is_the_earlier),
		cmocka_unit_test(expiry_of_two_passes_over_what_never_ends),
		cmocka_unit_test(cutoff_is_a_life_ago),
		cmocka_unit_test(cutoff_of_no_life_is_before_everything),
		cmocka_unit_test(cutoff_of_a_life_longer_than_the_clock_is_before_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
