/* Tombstones, and backups that are put back against them. */
#include "store_fixture.h"

#include "tombstone.h"

#include <sys/syscall.h>

static struct member ann, bob;
static struct sent gone;
static int syncs, sync_errno;

/* In the place of the C library's; SQLite has its own way to it. */
int
fdatasync(int fd)
{
	if (!store.db || fd != store.db->tombstone_fd)
		return (int)syscall(SYS_fdatasync, fd);
	syncs++;
	errno = sync_errno;
	return sync_errno ? -1 : 0;
}

static const char *
tombstone_path(void)
{
	return scratch_path(store.dir, "bridge.db.tombstones");
}

static int64_t
tombstone_bytes(void)
{
	struct stat st;

	return stat(tombstone_path(), &st) == 0 ? (int64_t)st.st_size : -1;
}

static const char *
copy(void)
{
	return scratch_path(store.dir, "copy.db");
}

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	log_setup("unit", LOG_LEVEL_NOTICE);
	ann = sign_in("ann");
	bob = sign_in("bob");
	gone = send_text(&ann, &bob, "goes");
	return 0;
}

static void
back_up(bool with_content)
{
	if (!db_backup(&store.options, copy(), with_content, NULL, store.error))
		fail_msg("%s", store.error);
}

/* The relay is stopped, the copy put back, and the store opened again. */
static int
restore(void)
{
	int applied = -1;

	db_close(store.db);
	store.db = NULL;
	if (!db_restore(&store.options, copy(), &applied, store.error))
		fail_msg("%s", store.error);
	store.db = store_open();
	return applied;
}

static void
withdraw(struct sent sent)
{
	enum change_result result;

	assert_int_equal(
	    db_message_delete(store.db, &store.arena, sent.id, actor_of(&ann), NOW, &result),
	    DB_DONE);
}

static void
append_bytes(const void *data, size_t len)
{
	int fd = open(tombstone_path(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static int64_t
keys(void)
{
	return store_number("SELECT count(*) FROM content_key WHERE body_key <> zeroblob(32)");
}

static int64_t
sessions(void)
{
	return store_number("SELECT count(*) FROM session");
}

TEST(message_that_goes_leaves_one_of_17_bytes_and_an_account_two)
{
	assert_int_equal(tombstone_bytes(), 0);
	withdraw(gone);
	assert_int_equal(tombstone_bytes(), TOMBSTONE_BYTES);
	assert_int_equal(db_account_erase(store.db, &store.arena, &bob.acc, NOW), DB_DONE);
	assert_int_equal(tombstone_bytes(), 3 * TOMBSTONE_BYTES);
}

TEST(what_was_withdrawn_and_erased_stays_gone)
{
	send_text(&ann, &ann, "stays");
	back_up(true);
	withdraw(gone);
	assert_int_equal(db_account_erase(store.db, &store.arena, &bob.acc, NOW), DB_DONE);
	assert_int_equal(restore(), 2);
	assert_int_equal(store_number("SELECT count(*) FROM account"), 1);
	assert_int_equal(keys(), 1);
	assert_int_equal(sessions(), 0);
}

/* Has the address gone to nobody else? */
static bool
is_retired(const char *address)
{
	struct member other = { 0 };
	struct signin in = signin_of(&other, "other", NOW);

	in.chat_address = address;
	return sign_in_as(&other, &in) == SIGNIN_ADDRESS_TAKEN;
}

TEST(number_that_is_given_out_again_after_a_restore_is_somebody_else)
{
	struct member carol, dave;

	back_up(true);
	carol = sign_in_at("carol", NOW + 1);
	assert_int_equal(db_account_erase(store.db, &store.arena, &carol.acc, NOW), DB_DONE);
	assert_int_equal(restore(), 0);
	dave = sign_in_at("dave", NOW + 2);
	assert_int_equal(dave.acc.id, carol.acc.id);
	assert_int_equal(unlink(copy()), 0);
	back_up(true);
	assert_int_equal(restore(), 0);
	assert_int_equal(
	    store_number("SELECT count(*) FROM account WHERE chat_address = 'dave'"), 1);
}

TEST(tombstone_of_an_older_program_names_a_number_alone)
{
	uint8_t tombstone[TOMBSTONE_BYTES] = { 'a' };

	tombstone[TOMBSTONE_BYTES - 1] = (uint8_t)bob.acc.id;
	back_up(true);
	append_bytes(tombstone, sizeof(tombstone));
	assert_int_equal(restore(), 1);
	assert_int_equal(
	    store_number("SELECT count(*) FROM account WHERE chat_address = 'bob'"), 0);
	assert_true(is_retired("bob"));
}

TEST(address_of_whom_the_copy_still_has_stays_retired)
{
	back_up(true);
	assert_int_equal(db_account_erase(store.db, &store.arena, &bob.acc, NOW), DB_DONE);
	restore();
	assert_true(is_retired("bob"));
	assert_false(is_retired("bobby"));
}

TEST(address_of_whom_the_copy_never_knew_stays_retired)
{
	struct member carol;

	back_up(true);
	carol = sign_in_at("carol", NOW + 1);
	assert_int_equal(db_account_erase(store.db, &store.arena, &carol.acc, NOW), DB_DONE);
	restore();
	assert_true(is_retired("carol"));
}

TEST(addresses_retired_before_there_were_tombstones_for_them_stay_retired)
{
	struct member carol;

	back_up(true);
	carol = sign_in_at("carol", NOW + 1);
	assert_int_equal(db_account_erase(store.db, &store.arena, &carol.acc, NOW), DB_DONE);
	assert_int_equal(unlink(tombstone_path()), 0);
	restore();
	assert_true(is_retired("carol"));
}

TEST(copy_taken_after_it_went_finds_nothing_to_take)
{
	withdraw(gone);
	back_up(true);
	assert_int_equal(restore(), 0);
	assert_int_equal(keys(), 0);
}

TEST(copy_without_content_has_no_key_and_hands_out_nothing)
{
	back_up(false);
	assert_int_equal(restore(), 0);
	assert_int_equal(keys(), 0);
	assert_int_equal(store_number("SELECT count(*) FROM message WHERE length(body) > 0"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM account"), 2);
}

TEST(tombstones_of_what_nobody_knows_change_nothing)
{
	uint8_t message[TOMBSTONE_BYTES] = { 'm', 1, 2, 3 },
		account[TOMBSTONE_BYTES] = { 'a', 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff };

	back_up(true);
	for (int i = 0; i < 3; i++) {
		append_bytes(message, sizeof(message));
		append_bytes(account, sizeof(account));
	}
	assert_int_equal(restore(), 0);
	assert_int_equal(keys(), 1);
	assert_int_equal(store_number("SELECT count(*) FROM account"), 2);
	assert_int_equal(sessions(), 0);
}

TEST(last_one_that_is_torn_takes_nothing_and_the_others_count)
{
	back_up(true);
	withdraw(gone);
	append_bytes("m12345", 6);
	assert_int_equal(restore(), 1);
	assert_int_equal(keys(), 0);
}

TEST(after_a_torn_one_the_next_overwrites_it)
{
	for (size_t torn = 1; torn < TOMBSTONE_BYTES; torn++) {
		struct sent next = send_text(&ann, &bob, "x");

		append_bytes("mmmmmmmmmmmmmmmm", torn);
		withdraw(next);
		assert_int_equal(tombstone_bytes(), torn * TOMBSTONE_BYTES);
	}
	back_up(true);
	withdraw(gone);
	assert_int_equal(restore(), 1);
	assert_int_equal(keys(), 0);
}

TEST(one_that_cannot_be_written_keeps_what_was_to_go)
{
	enum change_result result;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	dup2(full, store.db->tombstone_fd);
	close(full);
	assert_int_equal(
	    db_message_delete(store.db, &store.arena, gone.id, actor_of(&ann), NOW, &result),
	    DB_FULL);
	assert_int_equal(db_account_erase(store.db, &store.arena, &bob.acc, NOW), DB_FULL);
	polls(&bob, 0, "goes");
}

TEST(tombstones_are_on_the_disk_before_the_commit_where_that_is_asked_for)
{
	enum change_result result;

	syncs = 0;
	send_text(&ann, &bob, "x");
	withdraw(send_text(&ann, &bob, "x"));
	assert_int_equal(syncs, 0);
	store.db->full_durability = true;
	send_text(&ann, &bob, "x");
	assert_int_equal(syncs, 0);
	withdraw(send_text(&ann, &bob, "x"));
	assert_int_equal(syncs, 1);
	sync_errno = EIO;
	assert_int_equal(
	    db_message_delete(store.db, &store.arena, gone.id, actor_of(&ann), NOW, &result),
	    DB_FAIL);
	sync_errno = 0;
	assert_int_equal(syncs, 2);
	polls(&bob, 0, "goes x x");
}

TEST(without_any_tombstones_sessions_end_all_the_same)
{
	back_up(true);
	assert_int_equal(unlink(tombstone_path()), 0);
	assert_int_equal(restore(), 0);
	assert_int_equal(sessions(), 0);
	assert_int_equal(keys(), 1);
}

TEST(copy_of_an_older_schema_is_brought_up_to_date_and_held_against_the_tombstones)
{
	char sql[512], id[2 * ID_BYTES + 1];
	sqlite3 *h = NULL;

	withdraw(gone);
	secret_hex(gone.id, ID_BYTES, id);
	assert_int_equal(sqlite3_open(copy(), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, schema_steps[0], NULL, NULL, NULL), SQLITE_OK);
	snprintf(sql, sizeof(sql),
	    "PRAGMA user_version=1; INSERT INTO account VALUES (1, 'ann@example.org', 'ann', '', "
	    "'', '', 0, 0, 0, 0, 0, 0); INSERT INTO message VALUES (7, x'%s', 1, 'pchat', 'text', "
	    "x'00', x'00', NULL, NULL, 1, 0, 0, 0, 0, 0), (8, x'01', 1, 'pchat', 'text', "
	    "x'00', x'00', NULL, NULL, 1, 0, 0, 0, 0, 0); INSERT INTO content_key VALUES (7, "
	    "x'01', x'00'), (8, x'01', x'00')",
	    id);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	assert_int_equal(restore(), 1);
	assert_int_equal(store_number("PRAGMA user_version"), db_schema_version());
	assert_int_equal(
	    store_number("SELECT id FROM content_key WHERE body_key <> zeroblob(32)"), 8);
	assert_int_equal(keys(), 1);
}

TEST(restore_leaves_no_other_file_behind)
{
	back_up(true);
	withdraw(gone);
	restore();
	assert_false(scratch_has(store.dir, "bridge.db.restored"));
	assert_false(scratch_has(store.dir, "bridge.db.restored-wal"));
	assert_false(scratch_has(store.dir, "bridge.db.restored.lock"));
	assert_false(scratch_has(store.dir, "bridge.db.restored.tombstones"));
	assert_int_equal(tombstone_bytes(), TOMBSTONE_BYTES);
}

TEST(restore_of_what_is_no_backup_leaves_the_store_as_it_was)
{
	int applied;

	scratch_write(store.dir, "copy.db", "not a database");
	assert_false(db_restore(&store.options, copy(), &applied, store.error));
	assert_int_equal(keys(), 1);
	assert_int_equal(sessions(), 2);
	assert_false(scratch_has(store.dir, "bridge.db.restored"));
}

TEST(copy_of_an_older_schema_without_content_holds_none)
{
	struct db_options old = store.options;
	sqlite3 *h = NULL;
	char error[DB_ERROR_BYTES];

	old.path = scratch_path(store.dir, "old.db");
	assert_int_equal(sqlite3_open(old.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, schema_steps[0], NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h,
			     "PRAGMA user_version=1; INSERT INTO content_key VALUES (7, x'01', "
			     "x'00'); INSERT INTO "
			     "login_code VALUES ('a', x'00', 0, 0)",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(h);
	assert_true(db_backup(&old, copy(), false, NULL, error));
	snprintf(store.path, sizeof(store.path), "%s/copy.db", store.dir);
	assert_int_equal(keys(), 0);
	assert_int_equal(store_number("SELECT count(*) FROM login_code"), 0);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(message_that_goes_leaves_one_of_17_bytes_and_an_account_two),
		EACH(what_was_withdrawn_and_erased_stays_gone),
		EACH(number_that_is_given_out_again_after_a_restore_is_somebody_else),
		EACH(tombstone_of_an_older_program_names_a_number_alone),
		EACH(address_of_whom_the_copy_still_has_stays_retired),
		EACH(address_of_whom_the_copy_never_knew_stays_retired),
		EACH(addresses_retired_before_there_were_tombstones_for_them_stay_retired),
		EACH(copy_taken_after_it_went_finds_nothing_to_take),
		EACH(copy_without_content_has_no_key_and_hands_out_nothing),
		EACH(tombstones_of_what_nobody_knows_change_nothing),
		EACH(last_one_that_is_torn_takes_nothing_and_the_others_count),
		EACH(after_a_torn_one_the_next_overwrites_it),
		EACH(one_that_cannot_be_written_keeps_what_was_to_go),
		EACH(tombstones_are_on_the_disk_before_the_commit_where_that_is_asked_for),
		EACH(without_any_tombstones_sessions_end_all_the_same),
		EACH(copy_of_an_older_schema_is_brought_up_to_date_and_held_against_the_tombstones),
		EACH(restore_leaves_no_other_file_behind),
		EACH(restore_of_what_is_no_backup_leaves_the_store_as_it_was),
		EACH(copy_of_an_older_schema_without_content_holds_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
