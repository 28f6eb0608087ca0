/* Pauses between tries. */
#include "scratch.h"

#include "clock.h"

TEST(pause_doubles_with_each_try_up_to_the_longest)
{
	assert_int_equal(clock_backoff(0, 2000, 60000), 2000);
	assert_int_equal(clock_backoff(1, 2000, 60000), 4000);
	assert_int_equal(clock_backoff(4, 2000, 60000), 32000);
	assert_int_equal(clock_backoff(5, 2000, 60000), 60000);
	assert_int_equal(clock_backoff(2147483647, 2000, 60000), 60000);
}

TEST(first_pause_is_never_longer_than_the_longest)
{
	assert_int_equal(clock_backoff(0, 2000, 500), 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pause_doubles_with_each_try_up_to_the_longest),
		cmocka_unit_test(first_pause_is_never_longer_than_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
