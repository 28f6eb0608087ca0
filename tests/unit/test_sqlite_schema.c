/* Making, migrating and opening a database, and copying one for a backup. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static bool
migrate(void)
{
	store.error[0] = '\0';
	return db_migrate(&store.options, store.error);
}

/* The error is one line and has `part` in it. */
static void
says(const char *part)
{
	if (!strstr(store.error, part))
		fail_msg("'%s' does not say '%s'", store.error, part);
	assert_null(strchr(store.error, '\n'));
}

TEST(migrate_makes_a_new_database)
{
	assert_true(migrate());
	assert_int_equal(store_number("PRAGMA user_version"), db_schema_version());
	assert_int_equal(store_number("SELECT stream_seq FROM meta"), 0);
	store.db = store_open();
	assert_int_equal(sqlite_version(sqlite_of(store.db->engine)->handle), db_schema_version());
}

TEST(migrate_twice_changes_nothing)
{
	assert_true(migrate());
	store_other_runs("UPDATE meta SET stream_seq = 7");
	assert_true(migrate());
	assert_int_equal(store_number("SELECT stream_seq FROM meta"), 7);
	assert_int_equal(store_number("PRAGMA user_version"), db_schema_version());
}

/* Who comes last and goes takes the log of writes away: a worker of a relay that was killed. */
static pid_t
coming_and_going(void)
{
	const pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		sqlite3 *h = NULL;

		sqlite3_open(store.path, &h);
		sqlite3_exec(h, "UPDATE meta SET stream_seq = stream_seq + 1", NULL, NULL, NULL);
		sqlite3_close(h);
	}
}

TEST(note_of_a_key_is_found_and_made_whoever_comes_and_goes)
{
	bool ok = true;
	pid_t pid;

	assert_true(migrate());
	pid = coming_and_going();
	assert_true(pid > 0);
	for (int i = 0; ok && i < 300; i++)
		ok = db_note_keyed(&store.options, store.error) && db_is_keyed(&store.options);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (!ok)
		fail_msg("'%s'", store.error);
}

/* Else a start would make another key for what was sealed with the one that is lost. */
TEST(database_that_cannot_be_asked_has_a_key)
{
	sqlite3 *other;

	assert_true(migrate());
	assert_false(db_is_keyed(&store.options));
	other = store_other();
	assert_int_equal(
	    sqlite3_exec(other, "PRAGMA locking_mode=EXCLUSIVE; UPDATE meta SET stream_seq = 1",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_true(db_is_keyed(&store.options));
	assert_false(db_note_keyed(&store.options, store.error));
	says("database is locked");
	sqlite3_close(other);
	assert_false(db_is_keyed(&store.options));
	assert_int_equal(unlink(store.path), 0);
	assert_false(db_is_keyed(&store.options));
}

TEST(migrate_refuses_a_newer_schema)
{
	assert_true(migrate());
	store_other_runs("PRAGMA user_version=999");
	assert_false(migrate());
	says("made by a newer relay (schema 999, this one knows ");
	assert_int_equal(store_number("PRAGMA user_version"), 999);
}

TEST(migrate_refuses_a_negative_schema_with_a_reason)
{
	store_other_runs("PRAGMA user_version=-1");
	assert_false(migrate());
	says(store.path);
}

TEST(migrate_refuses_a_file_that_is_no_database)
{
	char *left;

	scratch_write(store.dir, "bridge.db", "This is a letter, not a database.\n");
	assert_false(migrate());
	says("file is not a database");
	left = scratch_read(store.dir, "bridge.db");
	assert_string_equal(left, "This is a letter, not a database.\n");
	free(left);
}

TEST(migrate_refuses_a_foreign_database_and_leaves_it)
{
	store_other_runs("CREATE TABLE session (x)");
	assert_false(migrate());
	says("schema step 1: ");
	assert_int_equal(store_number("PRAGMA user_version"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM sqlite_schema"), 1);
}

TEST(migrate_refuses_a_missing_folder)
{
	store.options.path = scratch_path(store.dir, "none/bridge.db");
	assert_false(migrate());
	says("unable to open database file");
}

TEST(migrate_refuses_while_another_writes)
{
	int fd = lock_open(store.path);

	assert_true(fd >= 0);
	assert_true(lock_take(fd, 0));
	store.options.busy_timeout_ms = 10;
	assert_false(migrate());
	says("another process is writing");
	close(fd);
	assert_true(migrate());
}

#define FIRST_STEPS 7 /* before retired addresses and content were looked at again */

/* A database of the first steps alone, with what `sql` puts in. */
static void
make_older(const char *sql)
{
	sqlite3 *h = store_other();
	char version[64];

	for (int i = 0; i < FIRST_STEPS; i++)
		assert_int_equal(sqlite3_exec(h, schema_steps[i], NULL, NULL, NULL), SQLITE_OK);
	snprintf(version, sizeof(version), "PRAGMA user_version = %d", FIRST_STEPS);
	assert_int_equal(sqlite3_exec(h, version, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

TEST(address_that_an_older_program_retired_stays_retired)
{
	char sql[256], hex[2 * SECRET_HASH_BYTES + 1];
	uint8_t mac[SECRET_HASH_BYTES];
	struct member m = { 0 };
	struct signin in;

	secret_mac("retired-address", "gone", 4, mac);
	secret_hex(mac, sizeof(mac), hex);
	snprintf(sql, sizeof(sql), "INSERT INTO retired_address VALUES (x'%s')", hex);
	make_older(sql);
	assert_true(migrate());
	store.db = store_open();
	in = signin_of(&m, "somebody", NOW);
	in.chat_address = "gone";
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_ADDRESS_TAKEN);
}

TEST(migrate_clears_what_older_programs_left_of_scrubbed_messages)
{
	make_older(
	    "INSERT INTO message VALUES (1, x'01', NULL, 'pchat', 'system', x'', x'', NULL, NULL, "
	    "1, 0, 0, 0, 5, 5, 7, '{\"type\":\"joined\"}', NULL, NULL, 0), (2, x'02', NULL, "
	    "'pchat', 'system', x'00', x'00', NULL, NULL, 1, 0, 0, 0, 0, 0, 7, '{}', NULL, NULL, "
	    "0); INSERT INTO bridge VALUES (1, 1, 'sms', '', 0, 1, 1, 0, '', NULL, 't', 'bob');"
	    "INSERT INTO access_request VALUES (1, x'0123456789abcdef0123456789abcdef', 'a@x', '', "
	    "1, 1, 1); INSERT INTO audit VALUES (1, 1, 'boss', 'approve-access', 'a@x'), (2, 1, "
	    "'boss', 'deny-access', 'gone@x'), (3, 1, 'boss', 'hide', 'bob')");
	assert_true(migrate());
	assert_int_equal(store_number("SELECT count(*) FROM message WHERE group_id IS NULL"), 1);
	assert_int_equal(store_number("SELECT count(*) FROM bridge WHERE last_error = '' AND "
				      "bot_token IS NULL"),
	    1);
	assert_int_equal(
	    store_number("SELECT group_concat(target) = 'req_0123456789abcdef0123456789abcdef,"
			 "erased,bob' FROM audit"),
	    1);
}

/* So that they are found when the address is erased. */
TEST(migrate_keeps_which_request_a_notice_is_about)
{
	make_older("INSERT INTO message VALUES (1, x'01', NULL, 'pchat', 'system', x'00', x'00', "
		   "NULL, '[{\"path\":\"/api/v1/webchat/admin/access-requests/"
		   "req_0123456789abcdef0123456789abcdef/deny\"}]', 1, 0, 0, 0, 0, 0, NULL, NULL, "
		   "NULL, NULL, 0), (2, x'02', NULL, 'pchat', 'system', x'00', x'00', NULL, "
		   "'[]', 1, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0); "
		   "INSERT INTO access_request VALUES (1, x'0123456789abcdef0123456789abcdef', "
		   "'a@x', '', 0, 1, 0)");
	assert_true(migrate());
	assert_int_equal(store_number("SELECT id FROM message WHERE request_id = "
				      "x'0123456789abcdef0123456789abcdef'"),
	    1);
	assert_int_equal(store_number("SELECT count(*) FROM message WHERE request_id IS NULL"), 1);
}

TEST(open_refuses_a_missing_database)
{
	assert_null(db_open(&store.options, store.error));
	says("unable to open database file");
	assert_false(scratch_has(store.dir, "bridge.db"));
}

TEST(open_refuses_an_older_and_a_newer_schema)
{
	assert_true(migrate());
	store_other_runs("PRAGMA user_version=0");
	assert_null(db_open(&store.options, store.error));
	says("schema version 0, this program needs ");
	store_other_runs("PRAGMA user_version=2000");
	assert_null(db_open(&store.options, store.error));
	says("schema version 2000, this program needs ");
}

TEST(check_names_the_statement_that_does_not_fit_the_schema)
{
	assert_true(migrate());
	store.db = store_open();
	assert_true(db_check(store.db, store.error));
	db_close(store.db);
	store_other_runs("ALTER TABLE outbox RENAME COLUMN tries TO attempts");
	store.db = store_open();
	assert_false(db_check(store.db, store.error));
	says("statement OUTBOX_INSERT: ");
}

TEST(open_sets_what_the_house_wants)
{
	assert_true(migrate());
	store.options.full_durability = true;
	store.db = store_open();
	assert_int_equal(store.db->timeout_ms, BUSY_TIMEOUT);
	assert_int_equal(
	    sqlite3_exec(sqlite_of(store.db->engine)->handle,
		"CREATE TEMP TABLE t (x CHECK (x)); INSERT INTO t SELECT * FROM "
		"pragma_secure_delete; INSERT INTO t SELECT * FROM pragma_foreign_keys; "
		"INSERT INTO t SELECT synchronous = 2 FROM pragma_synchronous; INSERT "
		"INTO t SELECT journal_mode = 'wal' FROM pragma_journal_mode",
		NULL, NULL, NULL),
	    SQLITE_OK);
}

TEST(close_of_nothing_is_allowed)
{
	db_close(NULL);
}

static int steps;

static void
note_step(int left, int total)
{
	assert_true(left >= 0 && left <= total);
	steps++;
}

TEST(backup_is_a_whole_database_for_its_owner_alone)
{
	struct stat st;
	const char *copy = scratch_path(store.dir, "copy.db");

	assert_true(migrate());
	store_other_runs("UPDATE meta SET stream_seq = 7");
	steps = 0;
	assert_true(db_backup(&store.options, copy, true, note_step, store.error));
	assert_true(steps > 0);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(store.path, sizeof(store.path), "%s/copy.db", store.dir);
	assert_int_equal(store_number("SELECT stream_seq FROM meta"), 7);
	assert_int_equal(store_number("PRAGMA user_version"), db_schema_version());
}

TEST(backup_onto_an_existing_file_is_refused)
{
	char *left;

	assert_true(migrate());
	scratch_write(store.dir, "copy.db", "mine");
	assert_false(
	    db_backup(&store.options, scratch_path(store.dir, "copy.db"), true, NULL, store.error));
	says("copy.db: File exists");
	left = scratch_read(store.dir, "copy.db");
	assert_string_equal(left, "mine");
	free(left);
}

TEST(backup_of_a_missing_database_leaves_no_file)
{
	assert_false(
	    db_backup(&store.options, scratch_path(store.dir, "copy.db"), true, NULL, store.error));
	says("unable to open database file");
	assert_false(scratch_has(store.dir, "copy.db"));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, store_folder, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(migrate_makes_a_new_database),
	EACH(migrate_twice_changes_nothing),
	EACH(note_of_a_key_is_found_and_made_whoever_comes_and_goes),
	EACH(database_that_cannot_be_asked_has_a_key),
	EACH(migrate_refuses_a_newer_schema),
	EACH(migrate_refuses_a_negative_schema_with_a_reason),
	EACH(migrate_refuses_a_file_that_is_no_database),
	EACH(migrate_refuses_a_foreign_database_and_leaves_it),
	EACH(migrate_refuses_a_missing_folder),
	EACH(migrate_refuses_while_another_writes),
	EACH(address_that_an_older_program_retired_stays_retired),
	EACH(migrate_clears_what_older_programs_left_of_scrubbed_messages),
	EACH(migrate_keeps_which_request_a_notice_is_about),
	EACH(open_refuses_a_missing_database),
	EACH(open_refuses_an_older_and_a_newer_schema),
	EACH(check_names_the_statement_that_does_not_fit_the_schema),
	EACH(open_sets_what_the_house_wants),
	EACH(close_of_nothing_is_allowed),
	EACH(backup_is_a_whole_database_for_its_owner_alone),
	EACH(backup_onto_an_existing_file_is_refused),
	EACH(backup_of_a_missing_database_leaves_no_file),
};

int
main(void)
{
	return cmocka_run_group_tests_name("sqlite_schema", tests, NULL, NULL);
}
