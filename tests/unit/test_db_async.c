/* Statements of a write that are not waited for, and reads that are asked for ahead: what becomes
 * of them, and of the write that they are part of. On SQLite, and on the PostgreSQL that
 * DATABASE_URL names. */
#include "store_fixture.h"

#include "cleanup.h"

#define NOBODY ((int64_t)1) /* no message has that number */
#define LARGE ((size_t)1 << 20)

static int64_t last_id = 1000; /* of the rows: all tests share a database */

static int
set_up(void **state)
{
	if (store_folder(state) != 0)
		return -1;
	store.options.url = getenv("DATABASE_URL");
	store.options.busy_timeout_ms = 5000;
	if (!db_migrate(&store.options, store.error))
		fail_msg("%s", store.error);
	store.db = store_open();
	db_seal(store.db);
	return 0;
}

static enum db_result
put(int64_t id)
{
	static const uint8_t key[SECRET_SEAL_KEY_BYTES] = { 1 };
	const struct db_blob blob = { key, sizeof(key) };

	return db_exec_async(store.db, ST_KEY_PUT, id, &blob, &blob);
}

static bool
is_there(int64_t id)
{
	const enum db_result r = db_find(store.db, ST_KEY_ADDRESS_GET, id);

	assert_true(r == DB_ROW || r == DB_NONE);
	return r == DB_ROW;
}

/* A write of a row, and of another of the same key where it is to fail. */
static enum db_result
write_of(int64_t id, bool fails)
{
	enum db_result r = db_begin(store.db);

	assert_int_equal(r, DB_DONE);
	r = put(id);
	if (r == DB_DONE && fails)
		r = put(id);
	if (r == DB_DONE)
		r = put(id + 1);
	return db_end(store.db, r);
}

static int64_t
next_id(void)
{
	return last_id += 10;
}

TEST(what_was_not_waited_for_is_stored)
{
	const int64_t id = next_id();

	assert_int_equal(write_of(id, false), DB_DONE);
	assert_true(is_there(id) && is_there(id + 1));
}

TEST(write_reads_what_it_did_not_wait_for)
{
	const int64_t id = next_id();

	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_false(is_there(id));
	assert_int_equal(put(id), DB_DONE);
	assert_true(is_there(id));
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
	assert_false(is_there(id));
}

TEST(by_itself_it_is_stored_at_once_and_its_failure_known)
{
	const int64_t id = next_id();

	assert_int_equal(put(id), DB_DONE);
	assert_true(is_there(id));
	assert_int_equal(put(id), DB_TAKEN);
	assert_int_equal(put(id + 1), DB_DONE);
}

TEST(failure_takes_back_the_whole_write_and_is_its_result)
{
	const int64_t id = next_id();

	assert_int_equal(write_of(id, true), DB_TAKEN);
	assert_false(is_there(id) || is_there(id + 1));
	assert_int_equal(write_of(id, false), DB_DONE);
}

TEST(failure_is_that_of_what_is_waited_for_next)
{
	const int64_t id = next_id();
	enum db_result r;

	assert_int_equal(db_begin(store.db), DB_DONE);
	r = db_exec_async(store.db, ST_DELIVERY_INSERT, NOBODY, NOBODY);
	if (r == DB_DONE)
		r = db_find(store.db, ST_KEY_ADDRESS_GET, id);
	assert_int_equal(r, DB_ORPHAN);
	assert_int_equal(db_end(store.db, r), DB_ORPHAN);
}

TEST(undone_write_leaves_nothing_of_what_was_under_way)
{
	const int64_t id = next_id();

	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(put(id), DB_DONE);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
	assert_false(is_there(id));
}

TEST(in_a_turn_a_failure_takes_back_its_own_write_alone)
{
	const int64_t before = next_id(), failed = next_id(), after = next_id();

	db_turn_begin(store.db);
	assert_int_equal(write_of(before, false), DB_DONE);
	assert_int_equal(write_of(failed, true), DB_TAKEN);
	assert_int_equal(write_of(after, false), DB_DONE);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_true(is_there(before) && is_there(before + 1));
	assert_false(is_there(failed) || is_there(failed + 1));
	assert_true(is_there(after) && is_there(after + 1));
}

static void
count(void *arg, bool was_stored)
{
	*(int *)arg += was_stored;
}

TEST(effects_of_a_write_that_fails_late_do_not_happen)
{
	const int64_t id = next_id();
	int calls = 0;
	enum db_result r;

	db_turn_begin(store.db);
	db_turn_next(store.db);
	assert_int_equal(db_begin(store.db), DB_DONE);
	db_after(store.db, count, &calls);
	r = put(id);
	if (r == DB_DONE)
		r = put(id);
	assert_int_equal(db_end(store.db, r), DB_TAKEN);
	assert_int_equal(store.db->turn.kept, 0);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	assert_int_equal(calls, 0);
}

TEST(thousands_of_them_are_stored)
{
	const int64_t id = next_id();

	assert_int_equal(db_begin(store.db), DB_DONE);
	for (last_id = id; last_id < id + 5000; last_id++)
		assert_int_equal(put(last_id), DB_DONE);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	for (int64_t i = id; i < last_id; i += 499)
		assert_true(is_there(i));
	assert_true(is_there(last_id - 1) && !is_there(last_id));
}

/* And is known before a hundred more are sent. */
TEST(failure_amid_thousands_takes_back_all_of_them)
{
	const int64_t id = next_id();
	enum db_result r = db_begin(store.db);

	assert_int_equal(r, DB_DONE);
	for (last_id = id; last_id < id + 5000 && r == DB_DONE; last_id++)
		r = put(last_id == id + 2000 ? id : last_id);
	assert_int_equal(db_end(store.db, r), DB_TAKEN);
	assert_true(last_id > id + 2000 && last_id < id + 2100);
	assert_false(is_there(id) || is_there(id + 1999) || is_there(id + 2001));
}

static enum db_result
put_large(void)
{
	auto_free char *text = malloc(LARGE + 1);

	assert_non_null(text);
	memset(text, 'x', LARGE);
	text[LARGE] = '\0';
	return db_exec_async(store.db, ST_AUDIT_INSERT, NOW, "ann", "x", text);
}

TEST(large_values_are_stored)
{
	const int64_t id = next_id();

	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int i = 0; i < 40; i++)
		assert_int_equal(put_large(), DB_DONE);
	assert_int_equal(put(id), DB_DONE);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_true(is_there(id));
}

TEST(failure_is_known_once_much_was_sent)
{
	const int64_t id = next_id();
	enum db_result r;

	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(put(id), DB_DONE);
	r = put(id);
	if (r == DB_DONE)
		r = put_large();
	assert_int_equal(r, DB_TAKEN);
	assert_int_equal(db_end(store.db, r), DB_TAKEN);
}

TEST(read_that_was_asked_for_ahead_finds_its_row_and_no_other)
{
	const int64_t id = next_id();

	assert_int_equal(write_of(id, false), DB_DONE);
	assert_int_equal(db_begin(store.db), DB_DONE);
	for (int64_t i = id; i < id + 12; i++)
		db_prefetch(store.db, ST_KEY_ADDRESS_GET, i);
	assert_true(is_there(id) && is_there(id + 1));
	assert_false(is_there(id + 2) || is_there(id + 11));
	assert_true(is_there(id));
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
}

TEST(read_that_was_asked_for_ahead_knows_its_texts)
{
	char email[] = "ann@example.org";
	const char *const other = "bob@example.org";

	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_exec(store.db, ST_ACCOUNT_INSERT, email, "ann", "", "", "en",
			     (int64_t)0, (int64_t)0, NOW),
	    DB_DONE);
	db_prefetch(store.db, ST_ACCOUNT_BY_EMAIL, email);
	assert_int_equal(db_find(store.db, ST_ACCOUNT_BY_EMAIL, other), DB_NONE);
	assert_int_equal(db_find(store.db, ST_ACCOUNT_BY_EMAIL, email), DB_ROW);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
}

TEST(what_was_asked_for_ahead_and_never_read_is_forgotten_with_its_write)
{
	const int64_t id = next_id();

	db_turn_begin(store.db);
	assert_int_equal(db_begin(store.db), DB_DONE);
	db_prefetch(store.db, ST_KEY_ADDRESS_GET, id);
	assert_false(is_there(id + 1));
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(put(id), DB_DONE);
	assert_true(is_there(id));
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	assert_int_equal(db_turn_end(store.db), DB_DONE);
}

TEST(failure_is_that_of_a_read_that_was_asked_for_ahead)
{
	const int64_t id = next_id();
	enum db_result r;

	assert_int_equal(write_of(id, false), DB_DONE);
	assert_int_equal(db_begin(store.db), DB_DONE);
	r = put(id);
	if (r == DB_DONE) {
		db_prefetch(store.db, ST_KEY_ADDRESS_GET, id);
		r = db_find(store.db, ST_KEY_ADDRESS_GET, id);
	}
	assert_int_equal(r, DB_TAKEN);
	assert_int_equal(db_end(store.db, r), DB_TAKEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_waited_for_is_stored),
		cmocka_unit_test(write_reads_what_it_did_not_wait_for),
		cmocka_unit_test(by_itself_it_is_stored_at_once_and_its_failure_known),
		cmocka_unit_test(failure_takes_back_the_whole_write_and_is_its_result),
		cmocka_unit_test(failure_is_that_of_what_is_waited_for_next),
		cmocka_unit_test(undone_write_leaves_nothing_of_what_was_under_way),
		cmocka_unit_test(in_a_turn_a_failure_takes_back_its_own_write_alone),
		cmocka_unit_test(effects_of_a_write_that_fails_late_do_not_happen),
		cmocka_unit_test(thousands_of_them_are_stored),
		cmocka_unit_test(failure_amid_thousands_takes_back_all_of_them),
		cmocka_unit_test(large_values_are_stored),
		cmocka_unit_test(failure_is_known_once_much_was_sent),
		cmocka_unit_test(read_that_was_asked_for_ahead_finds_its_row_and_no_other),
		cmocka_unit_test(read_that_was_asked_for_ahead_knows_its_texts),
		cmocka_unit_test(
		    what_was_asked_for_ahead_and_never_read_is_forgotten_with_its_write),
		cmocka_unit_test(failure_is_that_of_a_read_that_was_asked_for_ahead),
	};

	return cmocka_run_group_tests(tests, set_up, store_teardown);
}
