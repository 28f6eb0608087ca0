/* A whole pass: files and rows held against each other, what cannot be removed, and a WAL that a
 * reader holds. */
#include "store_fixture.h"

#include "clock.h"
#include "file.h"
#include "sweep_pass.h"
#include "uploads.h"

#define MANY 200

static struct member ann, bob;
static struct conf conf;
static struct sweep_result result;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	log_setup("unit", LOG_LEVEL_NOTICE);
	ann = sign_in_at("ann", clock_ms());
	bob = sign_in_at("bob", clock_ms());
	store.db->retention = RETENTION_SCRUB_CONTENT_ON_FINAL;
	conf = (struct conf){ .upload_dir = store.dir,
		.retention_mode = RETENTION_SCRUB_CONTENT_ON_FINAL };
	mkdir(scratch_path(store.dir, UPLOADS_INCOMING), 0700);
	return mkdir(scratch_path(store.dir, UPLOADS_FILES), 0700);
}

static enum db_result
pass(void)
{
	assert_int_equal(db_sweep_take(store.db, clock_ms(), 0, 1000), DB_DONE);
	return sweep_run(&conf, store.db, false, &result);
}

/* A file of Ann with that many bytes on the disk; -1: none. Returns its path, good until the fourth
 * next one. */
static const char *
make_file(int bytes)
{
	struct file f = { .name = (char[]){ "f" }, .mime = (char[]){ "a/b" }, .size = 3 };
	char hex[2 * ID_BYTES + 1], name[64];

	id_make(f.public_id);
	assert_int_equal(
	    db_file_add(store.db, &f, ann.acc.id, 1 << 20, &(enum file_result){ 0 }), DB_DONE);
	secret_hex(f.public_id, ID_BYTES, hex);
	snprintf(name, sizeof(name), UPLOADS_FILES "/%s", hex);
	if (bytes >= 0)
		scratch_write_bytes(store.dir, name, "abc", (size_t)bytes, 0600);
	return scratch_path(store.dir, name);
}

static int64_t
rows(void)
{
	return store_number("SELECT count(*) FROM file");
}

TEST(rows_whose_bytes_are_missing_or_short_go_and_others_stay)
{
	make_file(3);
	make_file(-1);
	make_file(2);
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(result.rows_dropped, 2);
	assert_int_equal(rows(), 1);
}

TEST(folder_that_is_not_there_says_nothing_of_its_files)
{
	for (int i = 0; i < 3; i++)
		make_file(3);
	assert_int_equal(
	    rename(scratch_path(store.dir, UPLOADS_FILES), scratch_path(store.dir, "away")), 0);
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(rows(), 3);
	assert_int_equal(store_number("SELECT count(*) FROM file_gone"), 0);
	scratch_write(store.dir, UPLOADS_FILES, "");
	store_other_runs("UPDATE sweep SET searched_at = 0");
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(rows(), 3);
}

static void
search_again(void)
{
	store_other_runs("UPDATE sweep SET searched_at = 0");
}

/* Another folder is in place of the one with the files. */
static void
mount_empty(void)
{
	assert_int_equal(
	    rename(scratch_path(store.dir, UPLOADS_FILES), scratch_path(store.dir, "away")), 0);
	assert_int_equal(mkdir(scratch_path(store.dir, UPLOADS_FILES), 0700), 0);
	search_again();
}

TEST(folder_that_is_empty_all_at_once_drops_no_row)
{
	for (int i = 0; i < 3; i++)
		make_file(3);
	assert_int_equal(pass(), DB_DONE);
	mount_empty();
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(rows(), 3);
	make_file(3); /* an upload meanwhile makes it no better */
	search_again();
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(rows(), 4);
	assert_int_equal(result.rows_dropped, 0);
}

TEST(folder_that_was_never_searched_and_is_empty_drops_no_row)
{
	for (int i = 0; i < 3; i++)
		make_file(-1);
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(rows(), 3);
}

TEST(files_that_are_gone_for_good_are_forgotten_when_somebody_says_so)
{
	make_file(3);
	assert_int_equal(pass(), DB_DONE);
	mount_empty();
	assert_int_equal(db_sweep_take(store.db, clock_ms(), 0, 1000), DB_DONE);
	assert_int_equal(sweep_run(&conf, store.db, true, &result), DB_DONE);
	assert_int_equal(rows(), 0);
}

TEST(all_files_that_go_from_the_known_folder_are_forgotten)
{
	const char *path = make_file(3);

	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(unlink(path), 0);
	search_again();
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(rows(), 0);
}

TEST(files_of_another_database_are_not_removed)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const char *path = make_file(3);

	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	store_other_runs("DELETE FROM file; DELETE FROM file_gone");
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(result.orphans_removed, 0);
	assert_int_equal(access(path, F_OK), 0);
}

TEST(file_that_cannot_be_removed_keeps_no_other_from_it)
{
	for (int i = 0; i < MANY; i++) {
		const char *path = make_file(i % 50 ? 3 : -1);

		if (i % 50 == 0)
			assert_int_equal(mkdir(path, 0700), 0);
	}
	store_other_runs("PRAGMA foreign_keys=ON; DELETE FROM file");
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(result.files_removed, MANY - MANY / 50);
	assert_int_equal(store_number("SELECT count(*) FROM file_gone"), MANY / 50);
}

TEST(bytes_that_are_gone_already_are_forgotten)
{
	for (int i = 0; i < 3; i++)
		make_file(-1);
	store_other_runs("DELETE FROM file");
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(store_number("SELECT count(*) FROM file_gone"), 0);
}

static void
deliver(void)
{
	poll_from(&bob, poll_from(&bob, bob.acc.delivered_seq).next);
}

TEST(reader_that_holds_on_is_reported_and_the_next_pass_ends_it)
{
	sqlite3 *reader = store_other();

	send_text(&ann, &bob, "x");
	deliver();
	sqlite3_exec(reader, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL);
	assert_int_equal(pass(), DB_BUSY);
	assert_true(result.lag_ms >= 1);
	assert_true(store_number("SELECT unclean_since FROM sweep") > 0);
	assert_int_equal(store_number("SELECT lease_until FROM sweep"), 0);
	sqlite3_close(reader);
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(result.lag_ms, 0);
	assert_int_equal(store_number("SELECT unclean_since FROM sweep"), 0);
	assert_int_equal(db_wal_bytes(store.db), 0);
}

TEST(lag_is_at_least_a_moment_though_the_clock_was_set_back)
{
	sqlite3 *reader = store_other();

	store_other_runs("UPDATE sweep SET unclean_since = 9000000000000000");
	sqlite3_exec(reader, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL);
	send_text(&ann, &bob, "x");
	assert_int_equal(pass(), DB_BUSY);
	assert_int_equal(result.lag_ms, 1);
	sqlite3_close(reader);
}

TEST(pass_with_nothing_to_do_writes_its_own_note_alone)
{
	int before;

	send_text(&ann, &bob, "waits");
	assert_int_equal(pass(), DB_DONE);
	assert_int_equal(db_sweep_take(store.db, clock_ms(), 0, 1000), DB_DONE);
	before = sqlite3_total_changes(sqlite_of(store.db->engine)->handle);
	assert_int_equal(sweep_run(&conf, store.db, false, &result), DB_DONE);
	assert_int_equal(sqlite3_total_changes(sqlite_of(store.db->engine)->handle) - before, 1);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(rows_whose_bytes_are_missing_or_short_go_and_others_stay),
		EACH(folder_that_is_not_there_says_nothing_of_its_files),
		EACH(folder_that_is_empty_all_at_once_drops_no_row),
		EACH(folder_that_was_never_searched_and_is_empty_drops_no_row),
		EACH(files_that_are_gone_for_good_are_forgotten_when_somebody_says_so),
		EACH(all_files_that_go_from_the_known_folder_are_forgotten),
		EACH(files_of_another_database_are_not_removed),
		EACH(file_that_cannot_be_removed_keeps_no_other_from_it),
		EACH(bytes_that_are_gone_already_are_forgotten),
		EACH(reader_that_holds_on_is_reported_and_the_next_pass_ends_it),
		EACH(lag_is_at_least_a_moment_though_the_clock_was_set_back),
		EACH(pass_with_nothing_to_do_writes_its_own_note_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
