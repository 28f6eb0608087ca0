/* Rates of accounts, at made-up times. */
#include "scratch.h"

#include "bucket.h"

#define DAY_MS ((int64_t)86400000)

static struct buckets shared;

static int
set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	return 0;
}

/* Calls at once that are let through, of `tries`. */
static int
pass(int64_t account, int tries, int64_t now)
{
	int n = 0;

	for (int i = 0; i < tries; i++)
		n += bucket_take(&shared, account, 10, 20, now);
	return n;
}

TEST(burst_passes_at_once_then_calls_at_the_rate)
{
	assert_int_equal(pass(7, 50, 1000), 20);
	assert_int_equal(pass(7, 50, 1099), 0);
	assert_int_equal(pass(7, 50, 1100), 1);
	assert_int_equal(pass(7, 50, 1500), 4);
}

TEST(refused_calls_do_not_count)
{
	assert_int_equal(pass(7, 10000, 1000), 20);
	assert_int_equal(pass(7, 50, 3000), 20);
}

TEST(account_in_the_same_row_has_a_rate_of_its_own)
{
	for (int i = 0; i < BUCKET_WAYS; i++)
		assert_int_equal(pass(7 + (int64_t)i * BUCKET_ROWS, 50, 1000), 20);
	assert_int_equal(pass(7, 50, 1000), 0);
	/* one more than there are cells begins, and so does whoever it took the cell of */
	assert_int_equal(pass(7 + (int64_t)BUCKET_WAYS * BUCKET_ROWS, 50, 1000), 20);
}

TEST(times_that_wrapped_round_refuse_nobody)
{
	for (int64_t now = 1; now < 9 * DAY_MS; now += 3600000 + 61)
		assert_int_equal(pass(7, 50, now), 20);
}

TEST(no_rate_lets_all_through)
{
	for (int i = 0; i < 100; i++) {
		assert_true(bucket_take(&shared, 7, 0, 0, 1));
		assert_true(bucket_take(&shared, 7, 16001, 1, 1));
		assert_true(bucket_take(&shared, INT64_C(5000000000), 1, 1, 1));
		assert_true(bucket_take(&shared, 0, 1, 1, 1));
	}
}

#define EACH(name) cmocka_unit_test_setup(name, set_up)

static const struct CMUnitTest tests[] = {
	EACH(burst_passes_at_once_then_calls_at_the_rate),
	EACH(refused_calls_do_not_count),
	EACH(account_in_the_same_row_has_a_rate_of_its_own),
	EACH(times_that_wrapped_round_refuse_nobody),
	EACH(no_rate_lets_all_through),
};

int
main(void)
{
	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
