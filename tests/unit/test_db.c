/* The store as a whole: sealing, query plans, parameters, and the lock of all writers. */
#include "store_fixture.h"

#include <sys/file.h>
#include <sys/wait.h>

static void
denied(const char *sql)
{
	if (sqlite3_exec(sqlite_of(store.db->engine)->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
		fail_msg("a sealed store ran: %s", sql);
}

TEST(sealed_store_refuses_pragma_and_attach)
{
	denied("PRAGMA user_version=5");
	denied("PRAGMA user_version");
	denied("PRAGMA foreign_keys=OFF");
	denied("PRAGMA writable_schema=ON");
	denied("ATTACH ':memory:' AS other");
	denied("DETACH main");
	denied("SELECT * FROM pragma_user_version");
	assert_int_equal(store_number("PRAGMA user_version"), db_schema_version());
}

TEST(sealed_store_refuses_changes_of_the_schema)
{
	denied("DROP TABLE message");
	denied("DROP INDEX message_sender");
	denied("CREATE TABLE t (x)");
	denied("CREATE TEMP TABLE t (x)");
	denied("CREATE INDEX i ON message (text)");
	denied("CREATE VIEW v AS SELECT 1");
	denied("CREATE TRIGGER t AFTER INSERT ON message BEGIN SELECT 1; END");
	denied("CREATE VIRTUAL TABLE t USING fts5(x)");
	denied("ALTER TABLE message ADD COLUMN x");
	denied("REINDEX");
	denied("ANALYZE");
	denied("VACUUM");
	assert_int_equal(store_number("SELECT count(*) FROM sqlite_schema WHERE name IN "
				      "('t', 'i', 'v')"),
	    0);
}

TEST(sealed_store_goes_on_after_another_analyzed)
{
	struct member ann = sign_in("ann"), bob = sign_in("bob");

	send_text(&ann, &bob, "before");
	store_other_runs("ANALYZE");
	send_text(&ann, &bob, "after");
	db_turn_begin(store.db);
	send_text(&ann, &bob, "in a turn");
	assert_int_equal(db_turn_end(store.db), DB_DONE);
	polls(&bob, 0, "before after in a turn");
	sign_in("carl");
	store_other_runs("VACUUM");
	assert_int_equal(db_account_erase(store.db, &store.arena, &ann.acc, NOW), DB_DONE);
	assert_int_equal(db_probe(store.db, 250), DB_DONE);
}

TEST(statement_that_cannot_be_prepared_fails_as_one_that_cannot_run)
{
	db_close(store.db);
	store_other_runs("DROP TABLE push");
	store.db = store_open();
	assert_int_equal(db_exec(store.db, ST_PUSH_DELETE, (int64_t)1), DB_FAIL);
	assert_true(db_is_broken(store.db));
}

TEST(sealed_store_may_prepare_every_statement_again)
{
	store_other_runs("ANALYZE");
	assert_true(engine_check(store.db->engine, store.error));
	for (int i = 0; i < ST__MAX; i++) {
		sqlite3_stmt *st = NULL;
		const char *sql = sqlite3_sql(sqlite_of(store.db->engine)->stmts[i].st);

		if (sqlite3_prepare_v2(sqlite_of(store.db->engine)->handle, sql, -1, &st, NULL) !=
		    SQLITE_OK)
			fail_msg(
			    "%s: %s", sql, sqlite3_errmsg(sqlite_of(store.db->engine)->handle));
		sqlite3_finalize(st);
	}
}

TEST(every_statement_numbers_its_parameters_without_gaps)
{
	assert_true(engine_check(store.db->engine, store.error));
	for (int i = 0; i < ST__MAX; i++) {
		int count = sqlite3_bind_parameter_count(sqlite_of(store.db->engine)->stmts[i].st);

		assert_true(count <= SQLITE_PARAMETERS);
		for (int n = 1; n <= count; n++) {
			int parameter = sqlite_of(store.db->engine)->stmts[i].parameters[n];

			if (parameter < 1 || parameter > count)
				fail_msg("$%d of %s", n,
				    sqlite3_sql(sqlite_of(store.db->engine)->stmts[i].st));
			for (int m = 1; m < n; m++)
				assert_int_not_equal(
				    sqlite_of(store.db->engine)->stmts[i].parameters[m], parameter);
		}
	}
}

/* Everything that the plan of a statement says, line by line. */
static void
plan_of(enum stmt which, struct text *out)
{
	sqlite3 *h = store_other();
	sqlite3_stmt *st = NULL;
	const char *sql;

	assert_true(engine_check(store.db->engine, store.error));
	sql = arena_printf(&store.arena, "EXPLAIN QUERY PLAN %s",
	    sqlite3_sql(sqlite_of(store.db->engine)->stmts[which].st));

	assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		text_printf(out, "%s\n", (const char *)sqlite3_column_text(st, 3));
	assert_true(out->len > 0 && text_ok(out));
	sqlite3_finalize(st);
	sqlite3_close(h);
}

/* SORTS: over several streams at once, so what comes after the cursor is sorted. */
static const struct {
	const char *name;
	enum stmt which;
	bool sorts;
} hot[] = {
#define HOT(name) \
	{ \
#name, ST_##name, false \
	}
#define SORTS(name) \
	{ \
#name, ST_##name, true \
	}
	HOT(SESSION_BY_TOKEN),
	HOT(STREAM_PROBE),
	HOT(STREAM_READ),
	SORTS(STREAM_READ_ALL),
	HOT(STREAM_READ_OWN),
	SORTS(STREAM_READ_OWN_ALL),
	HOT(SESSION_OTHERS),
	HOT(CHANGE_PUT),
	HOT(CHANGE_LAST),
	HOT(CHANGE_CUT),
	SORTS(CHANGE_READ),
	HOT(RECORDS_CHANGED),
	HOT(MESSAGE_NUMBER),
	HOT(MEMBER_LAST_SEQ),
	HOT(STREAM_LAST),
	HOT(DELIVERY_CLAIM),
	HOT(DELIVERY_CONFIRM),
	HOT(ACCOUNT_BY_ADDRESS),
	HOT(ACCOUNT_LIST_PUBLIC),
	HOT(IDEMPOTENCY_GET),
	HOT(OUTBOX_DUE),
	HOT(OUTBOX_NEXT_AT),
	HOT(OUTBOX_STALE),
	HOT(OUTBOX_DELETE_MESSAGE),
	HOT(BRIDGE_DUE),
	HOT(BRIDGE_STALE),
	HOT(BRIDGE_READ),
	HOT(BRIDGE_GET),
	HOT(PHONE_GET),
	HOT(KEY_GET),
	HOT(SESSION_LIVE),
	HOT(RECEIPT_GET),
	HOT(MESSAGE_BY_ID),
	HOT(DELIVERY_GET),
	HOT(DELIVERY_READ),
	HOT(SESSION_TOUCH),
	HOT(SESSION_MAY),
	HOT(SESSION_ADVANCE),
	HOT(THROTTLE_CLEAN),
	HOT(EXPORT_SENT),
	SORTS(EXPORT_RECEIVED),
	HOT(ERASE_RECEIVED),
	HOT(ERASE_DELIVERIES),
	HOT(SCRUB_BODY),
	HOT(KEY_BODY),
	HOT(KEY_ADDRESS),
	HOT(SCRUB_IDEMPOTENCY),
	HOT(SCRUB_STREAM),
	HOT(SCRUB_DELIVERIES),
	HOT(SCRUB_CHANGES),
	HOT(CLAIMED_BY_ALL),
	HOT(SWEEP_FINAL),
	HOT(SWEEP_KEPT),
	HOT(SWEEP_SESSIONS),
	HOT(SWEEP_FILES),
	HOT(FILE_GET),
	HOT(FILE_USED),
	HOT(FILE_LIST),
	HOT(FILE_GONE),
	HOT(FILE_DELETE_OF_MESSAGE),
	HOT(MESSAGE_UNSCRUBBED),
};

/* A list of the account's own streams may be read through; a table may not. */
static bool
line_is_fine(const char *line, bool sorts)
{
	if (strncmp(line, "SCAN ", 5) == 0)
		return strncmp(line, "SCAN CONSTANT ROW", 17) == 0 ||
		    strncmp(line, "SCAN own", 8) == 0;
	return sorts || strncmp(line, "USE TEMP B-TREE", 15) != 0;
}

static void
plans_are_ranges(void)
{
	for (size_t i = 0; i < ARRAY_LEN(hot); i++) {
		char plan[4096];
		struct text t;

		text_init(&t, plan, sizeof(plan));
		plan_of(hot[i].which, &t);
		for (const char *line = plan; *line; line += strcspn(line, "\n") + 1)
			if (!line_is_fine(line, hot[i].sorts))
				fail_msg("%s:\n%s", hot[i].name, plan);
	}
}

TEST(plan_of_every_hot_statement_is_a_range_of_an_index)
{
	plans_are_ranges();
}

/* Another process that holds the lock until it is told to let go. */
struct holder {
	pid_t pid;
	int release;
};

static struct holder
hold_lock(void)
{
	int ready[2], release[2];
	struct holder h;
	char byte;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(release), 0);
	h.pid = fork();
	if (h.pid == 0) {
		int fd = open(scratch_path(store.dir, "bridge.db.lock"), O_RDWR | O_CLOEXEC);

		close(release[1]);
		if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(release[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_true(h.pid > 0);
	close(ready[1]), close(release[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	h.release = release[1];
	return h;
}

static void
let_go(struct holder h)
{
	int status = -1;

	close(h.release);
	assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
	assert_int_equal(status, 0);
}

TEST(lock_held_by_another_process_makes_a_writer_give_up)
{
	struct holder other = hold_lock();

	assert_int_equal(store.db->timeout_ms, BUSY_TIMEOUT);
	assert_int_equal(db_begin(store.db), DB_BUSY);
	assert_int_not_equal(sqlite3_get_autocommit(sqlite_of(store.db->engine)->handle), 0);
	let_go(other);
}

TEST(lock_waited_for_in_vain_makes_the_next_wait_short_until_a_write_succeeds)
{
	struct holder other = hold_lock();

	assert_int_equal(db_begin(store.db), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, 50);
	assert_int_equal(db_begin(store.db), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, 50);
	let_go(other);
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(store.db->timeout_ms, BUSY_TIMEOUT);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
}

TEST(lock_with_a_timeout_below_the_short_one_keeps_it)
{
	struct holder other = hold_lock();

	store.db->timeout_ms = store.db->busy_timeout_ms = 10;
	assert_int_equal(db_begin(store.db), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, 10);
	let_go(other);
}

TEST(lock_held_does_not_delay_who_will_not_wait)
{
	struct holder other = hold_lock();

	assert_int_equal(db_begin_within(store.db, 0), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, BUSY_TIMEOUT);
	let_go(other);
	assert_int_equal(db_begin_within(store.db, 0), DB_DONE);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
}

TEST(lock_is_free_again_after_every_end)
{
	static const enum db_result ends[] = { DB_ROW, DB_DONE, DB_NONE, DB_TAKEN, DB_BUSY, DB_FULL,
		DB_FAIL };
	int fd = lock_open(store.path);

	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		assert_int_equal(db_begin(store.db), DB_DONE);
		assert_false(lock_take(fd, 0));
		assert_int_equal(db_end(store.db, ends[i]), ends[i]);
		assert_true(lock_take(fd, 0));
		lock_release(fd);
	}
	close(fd);
}

TEST(database_locked_by_a_foreign_program_gives_the_queue_free_again)
{
	sqlite3 *h = store_other();
	int fd = lock_open(store.path);

	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(db_begin(store.db), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, 50);
	assert_true(lock_take(fd, 0));
	lock_release(fd);
	assert_int_equal(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_end(store.db, DB_DONE), DB_DONE);
	sqlite3_close(h);
	close(fd);
}

TEST(write_that_is_to_be_undone_leaves_nothing_and_is_done)
{
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_exec(store.db, ST_PROBE_WRITE, (int64_t)7), DB_DONE);
	assert_int_equal(db_end(store.db, DB_UNDO), DB_DONE);
	assert_int_equal(store_number("SELECT probed_at FROM meta"), 0);
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_exec(store.db, ST_PROBE_WRITE, (int64_t)7), DB_DONE);
	assert_int_equal(db_end(store.db, DB_NONE), DB_NONE);
	assert_int_equal(store_number("SELECT probed_at FROM meta"), 7);
}

TEST(probe_reads_and_writes)
{
	assert_int_equal(db_probe(store.db, 250), DB_DONE);
	assert_true(store_number("SELECT probed_at FROM meta") > 0);
	assert_int_equal(db_probe(store.db, 250), DB_DONE);
}

TEST(probe_while_the_lock_is_held_is_busy_and_shortens_no_timeout)
{
	struct holder other = hold_lock();

	assert_int_equal(db_probe(store.db, 250), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, BUSY_TIMEOUT);
	let_go(other);
	assert_int_equal(db_probe(store.db, 250), DB_DONE);
}

TEST(reading_goes_on_while_the_lock_is_held)
{
	struct member ann = sign_in("ann"), bob = sign_in("bob");
	struct sent sent = send_text(&ann, &bob, "a");
	struct holder other = hold_lock();
	struct message m;

	assert_int_equal(db_message_get(store.db, &store.arena, sent.id, ann.acc.id, &m), DB_ROW);
	polls(&bob, 0, "a");
	assert_int_equal(state_of(&ann, sent), DELIVERY_QUEUED);
	let_go(other);
	polls(&bob, 0, "a");
	assert_int_equal(state_of(&ann, sent), DELIVERY_CLAIMED);
}

TEST(only_keys_that_are_taken_and_rows_that_are_gone_are_results_of_the_store)
{
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_UNIQUE), DB_TAKEN);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_PRIMARYKEY), DB_TAKEN);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_ROWID), DB_TAKEN);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_FOREIGNKEY), DB_ORPHAN);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_NOTNULL), DB_FAIL);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_CHECK), DB_FAIL);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_TRIGGER), DB_FAIL);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT_DATATYPE), DB_FAIL);
	assert_int_equal(sqlite_translate(sqlite_of(store.db->engine), SQLITE_CONSTRAINT), DB_FAIL);
}

TEST(full_disk_is_a_result_of_its_own)
{
	assert_int_equal(sqlite_translate(sqlite_of(store.db->engine), SQLITE_FULL), DB_FULL);
	assert_int_equal(
	    sqlite_translate(sqlite_of(store.db->engine), SQLITE_BUSY_SNAPSHOT), DB_BUSY);
	assert_true(db_failed(DB_BUSY) && db_failed(DB_FULL) && db_failed(DB_FAIL));
	assert_true(db_failed(DB_TAKEN) && db_failed(DB_ORPHAN) && db_failed(DB_UNDO));
	assert_false(db_failed(DB_ROW) || db_failed(DB_DONE) || db_failed(DB_NONE));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(sealed_store_refuses_pragma_and_attach),
	EACH(sealed_store_refuses_changes_of_the_schema),
	EACH(sealed_store_goes_on_after_another_analyzed),
	EACH(statement_that_cannot_be_prepared_fails_as_one_that_cannot_run),
	EACH(sealed_store_may_prepare_every_statement_again),
	EACH(every_statement_numbers_its_parameters_without_gaps),
	EACH(plan_of_every_hot_statement_is_a_range_of_an_index),
	EACH(lock_held_by_another_process_makes_a_writer_give_up),
	EACH(lock_waited_for_in_vain_makes_the_next_wait_short_until_a_write_succeeds),
	EACH(lock_with_a_timeout_below_the_short_one_keeps_it),
	EACH(lock_held_does_not_delay_who_will_not_wait),
	EACH(lock_is_free_again_after_every_end),
	EACH(database_locked_by_a_foreign_program_gives_the_queue_free_again),
	EACH(write_that_is_to_be_undone_leaves_nothing_and_is_done),
	EACH(probe_reads_and_writes),
	EACH(probe_while_the_lock_is_held_is_busy_and_shortens_no_timeout),
	EACH(reading_goes_on_while_the_lock_is_held),
	EACH(only_keys_that_are_taken_and_rows_that_are_gone_are_results_of_the_store),
	EACH(full_disk_is_a_result_of_its_own),
};

int
main(void)
{
	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
