/* Figures of days. */
#include "store_fixture.h"

#include "day.h"

#define DAY ((int64_t)86400000)
#define LIST 10

static struct member ann;
static struct day_figures days[LIST];
static int count;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in_at("ann", NOW);
	return 0;
}

/* So many texts of Ann that day, without what else a message has. */
static void
texts(int64_t from, int64_t n, int64_t day)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %lld) "
	    "INSERT INTO message (id, public_id, sender_id, channel, kind, address, body, "
	    "created_at, edited_at, deleted_at, changed_seq, final_at, scrubbed_at) "
	    "SELECT %lld + i, randomblob(16), 1, 'pchat', 'text', x'', x'', %lld, 0, 0, 0, 1, 1 "
	    "FROM n",
	    (long long)n, (long long)from, (long long)(day * DAY + 5));
	store_other_runs(sql);
}

static void
count_all(void)
{
	enum db_result r;

	do {
		r = db_day_count(store.db);
	} while (r == DB_DONE);
	assert_int_equal(r, DB_NONE);
	assert_int_equal(db_day_list(store.db, 0, LIST, days, &count), DB_DONE);
}

TEST(each_message_counts_once_for_its_day_however_many_steps_that_takes)
{
	texts(1000, 12000, 100);
	texts(20000, 3, 101);
	count_all();
	count_all();
	assert_int_equal(count, 2);
	assert_int_equal(days[0].messages, 12000);
	assert_int_equal(days[0].starts_at, 100 * DAY);
	assert_int_equal(days[1].messages, 3);
	texts(30000, 2, 101);
	count_all();
	assert_int_equal(days[1].messages, 5);
}

TEST(figures_stay_when_the_messages_go_and_other_kinds_do_not_count)
{
	texts(1000, 4, 100);
	store_other_runs("UPDATE message SET kind = 'reaction' WHERE id = 1000");
	store_other_runs("UPDATE message SET sender_id = NULL WHERE id = 1001");
	count_all();
	store_other_runs("DELETE FROM message");
	count_all();
	assert_int_equal(count, 1);
	assert_int_equal(days[0].messages, 2);
}

TEST(people_of_a_day_are_the_most_that_were_here_at_any_time_of_it)
{
	const int64_t today = NOW / DAY;

	sign_in_at("bob", NOW);
	assert_int_equal(db_day_note(store.db, NOW), DB_DONE);
	store_other_runs("UPDATE session SET last_seen_at = 1 WHERE account_id = 1");
	assert_int_equal(db_day_note(store.db, NOW), DB_DONE);
	assert_int_equal(db_day_list(store.db, today * DAY, LIST, days, &count), DB_DONE);
	assert_int_equal(count, 1);
	assert_int_equal(days[0].users, 2);
	assert_int_equal(days[0].accounts, 2);
}

TEST(days_of_more_than_a_year_ago_go)
{
	const int64_t today = NOW / DAY;

	texts(1000, 1, today - 401);
	texts(1001, 1, today - 400);
	count_all();
	assert_int_equal(count, 2);
	assert_int_equal(db_day_note(store.db, NOW), DB_DONE);
	assert_int_equal(db_day_list(store.db, 0, LIST, days, &count), DB_DONE);
	assert_int_equal(days[0].starts_at, (today - 400) * DAY);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(each_message_counts_once_for_its_day_however_many_steps_that_takes),
	EACH(figures_stay_when_the_messages_go_and_other_kinds_do_not_count),
	EACH(people_of_a_day_are_the_most_that_were_here_at_any_time_of_it),
	EACH(days_of_more_than_a_year_ago_go),
};

int
main(void)
{
	return cmocka_run_group_tests_name("day", tests, NULL, NULL);
}
