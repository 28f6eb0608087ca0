/* Rows as they travel between engines, and which tables do. */
#include "store_fixture.h"

#include "bulk.h"

static struct bulk_row row;

static int
tear_down(void **state)
{
	bulk_row_free(&row);
	return store_teardown(state);
}

TEST(values_of_a_row_are_had_again)
{
	size_t at = BULK_ROW_FIRST, len;
	const uint8_t *value;

	bulk_row_begin(&row, 4);
	bulk_row_number(&row, 258);
	bulk_row_bytes(&row, NULL, 0);
	bulk_row_bytes(&row, "", 0);
	bulk_row_bytes(&row, "text", 4);
	assert_false(row.full);
	assert_memory_equal(row.bytes, "\0\4\0\0\0\10\0\0\0\0\0\0\1\2\377\377\377\377\0\0\0\0", 22);
	value = bulk_row_next(&row, &at, &len);
	assert_int_equal(len, 8);
	assert_int_equal(value[6], 1);
	assert_null(bulk_row_next(&row, &at, &len));
	assert_non_null(bulk_row_next(&row, &at, &len));
	assert_int_equal(len, 0);
	assert_memory_equal(bulk_row_next(&row, &at, &len), "text", 4);
	assert_null(bulk_row_next(&row, &at, &len)); /* there is no more */
}

TEST(value_that_says_to_be_longer_than_the_row_is_none)
{
	size_t at = BULK_ROW_FIRST, len;

	bulk_row_set(&row, "\0\1\0\0\0\5only", 10);
	assert_null(bulk_row_next(&row, &at, &len));
}

TEST(rows_that_differ_have_other_hashes)
{
	uint64_t null, none;

	bulk_row_begin(&row, 1);
	bulk_row_bytes(&row, NULL, 0);
	null = bulk_row_hash(&row);
	assert_true(null == bulk_row_hash(&row));
	bulk_row_begin(&row, 1);
	bulk_row_bytes(&row, "", 0);
	none = bulk_row_hash(&row);
	assert_true(null != none);
}

static int
find(const struct bulk_list *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->list[i].name, name) == 0)
			return i;
	return -1;
}

TEST(tables_come_after_those_that_they_refer_to_and_what_is_a_databases_own_stays)
{
	static const char *const pairs[][2] = { { "account", "session" }, { "account", "message" },
		{ "message", "delivery" }, { "grp", "admission" },
		{ "admission", "access_request" }, { "session", "push" },
		{ "file", "file_fetch" } };
	static const char *const own[] = { "this_database", "tombstone_file", "epoch", "node",
		"node_epoch", "sqlite_sequence" };
	struct bulk *b = bulk_open_from(&store.options, store.error);
	static struct bulk_list list;

	assert_non_null(b);
	assert_true(bulk_tables(b, b, &list));
	bulk_close(b);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		assert_true(find(&list, pairs[i][0]) >= 0);
		assert_true(find(&list, pairs[i][0]) < find(&list, pairs[i][1]));
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		assert_int_equal(find(&list, own[i]), -1);
	assert_int_equal(list.count + (int)ARRAY_LEN(own),
	    store_number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"));
	assert_string_equal(list.list[find(&list, "throttle")].columns, "key_mac, hits, resets_at");
	assert_string_equal(list.list[find(&list, "throttle")].kinds, "bii");
}

TEST(database_that_is_read_is_closed_to_writers_until_the_end)
{
	struct bulk *b = bulk_open_from(&store.options, store.error);
	struct db *other = store_open();

	assert_non_null(b);
	assert_int_equal(db_begin(other), DB_BUSY);
	assert_null(bulk_open_from(&store.options, store.error));
	assert_non_null(strstr(store.error, "another process is writing"));
	bulk_close(b);
	assert_int_equal(db_begin(other), DB_DONE);
	assert_int_equal(db_end(other, DB_DONE), DB_DONE);
	db_close(other);
}

TEST(database_that_was_left_is_opened_by_nobody_until_it_stays)
{
	struct bulk *b = bulk_open_from(&store.options, store.error);
	char id[BULK_ID_BYTES];

	assert_true(bulk_set_left_by(b, "0123456789abcdef0123456789abcdef"));
	assert_true(bulk_commit(b));
	bulk_close(b);
	assert_null(db_open(&store.options, store.error));
	assert_non_null(strstr(store.error, "it was moved to another database"));
	assert_false(db_migrate(&store.options, store.error));
	b = bulk_open_from(&store.options, store.error);
	assert_true(bulk_left_by(b, id));
	assert_string_equal(id, "0123456789abcdef0123456789abcdef");
	assert_true(bulk_set_left_by(b, NULL));
	assert_true(bulk_commit(b));
	bulk_close(b);
	db_close(store_open());
}

TEST(what_is_not_committed_is_gone_and_so_is_the_file)
{
	struct db_options to = store.options;
	struct bulk *b;

	to.path = scratch_path(store.dir, "new.db");
	assert_int_equal(bulk_look(&to, "", store.error), BULK_EMPTY);
	b = bulk_open_to(&to, store.error);
	assert_non_null(b);
	assert_int_equal(access(scratch_path(store.dir, "new.db.part"), F_OK), 0);
	bulk_close(b);
	assert_int_equal(access(scratch_path(store.dir, "new.db.part"), F_OK), -1);
	assert_int_equal(access(scratch_path(store.dir, "new.db.part.lock"), F_OK), -1);
	assert_int_equal(access(to.path, F_OK), -1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, store_setup, tear_down)
static const struct CMUnitTest tests[] = {
	EACH(values_of_a_row_are_had_again),
	EACH(value_that_says_to_be_longer_than_the_row_is_none),
	EACH(rows_that_differ_have_other_hashes),
	EACH(tables_come_after_those_that_they_refer_to_and_what_is_a_databases_own_stays),
	EACH(database_that_is_read_is_closed_to_writers_until_the_end),
	EACH(database_that_was_left_is_opened_by_nobody_until_it_stays),
	EACH(what_is_not_committed_is_gone_and_so_is_the_file),
};

int
main(void)
{
	return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
