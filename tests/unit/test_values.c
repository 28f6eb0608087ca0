/* The SQL's names of values say what the enums say. */
#include "store_fixture.h"

#include "bridge.h"
#include "epoch.h"
#include "group_role.h"
#include "message_internal.h"
#include "values.h"

#include <stdlib.h>

TEST(values_of_the_sql_are_those_of_the_enums)
{
	static const struct {
		const char *sql;
		int value;
	} pairs[] = {
		{ SQL_QUEUED, DELIVERY_QUEUED },
		{ SQL_CLAIMED, DELIVERY_CLAIMED },
		{ SQL_DELIVERED, DELIVERY_DELIVERED },
		{ SQL_READ, DELIVERY_READ },
		{ SQL_EXPIRED, DELIVERY_EXPIRED },
		{ SQL_EXTERNAL, EXTERNAL_STATE },
		{ SQL_ROLE_ADMIN, ROLE_ADMIN },
		{ SQL_GROUP_ADMIN, GROUP_ADMIN },
		{ SQL_GROUP_OWNER, GROUP_OWNER },
		{ SQL_ACCESS_PENDING, ACCESS_PENDING },
		{ SQL_ACCESS_APPROVED, ACCESS_APPROVED },
		{ SQL_STAGE_OVER, STAGE_OVER },
		{ SQL_STAGE_QUEUED, STAGE_QUEUED },
		{ SQL_STAGE_FAILED, STAGE_FAILED },
		{ SQL_OUTBOX_EMAIL, OUTBOX_EMAIL },
		{ SQL_EPOCH_CURRENT, EPOCH_CURRENT },
		{ SQL_EPOCH_CLOSED, EPOCH_CLOSED },
		{ SQL_EPOCH_DESTROYED, EPOCH_DESTROYED },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_int_equal(atoi(pairs[i].sql), pairs[i].value);
}

/* What the statements take for granted of the order: all below delivered wait, all below read are
 * not read, nothing waits that is an end. */
TEST(states_stand_in_the_order_that_the_sql_compares)
{
	assert_true(DELIVERY_QUEUED < DELIVERY_CLAIMED && DELIVERY_CLAIMED < DELIVERY_DELIVERED);
	assert_true(DELIVERY_DELIVERED < DELIVERY_READ && DELIVERY_READ < DELIVERY_SENT);
	assert_true(DELIVERY_SENT < DELIVERY_FAILED && DELIVERY_FAILED < DELIVERY_EXPIRED);
	assert_true(GROUP_MEMBER < GROUP_WRITER && GROUP_WRITER < GROUP_ADMIN);
	assert_true(GROUP_ADMIN < GROUP_OWNER);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(values_of_the_sql_are_those_of_the_enums),
	cmocka_unit_test(states_stand_in_the_order_that_the_sql_compares),
};

int
main(void)
{
	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
