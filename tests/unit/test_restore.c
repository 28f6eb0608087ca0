/* A restore that is killed at any call that changes a file: once the next program has recovered it,
 * the store is wholly the old one or wholly the new one, and nothing else lies beside it. */
#include "store_fixture.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static long kill_at = -1; /* calls that go through; -1: all */

/* Called before each call that changes a file. */
static void
step(void)
{
	if (kill_at == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
	if (kill_at > 0)
		kill_at--;
}

/* In the place of the C library's, for SQLite too: NAME(PARAMETERS) as the next library has it. */
#define STEPS(type, name, parameters, arguments) \
	type name parameters; \
	type name parameters \
	{ \
		static type(*next) parameters; \
		if (!next) \
			*(void **)&next = dlsym(RTLD_NEXT, #name); \
		step(); \
		return next arguments; \
	}

STEPS(int, unlink, (const char *path), (path))
STEPS(int, rename, (const char *from, const char *to), (from, to))
STEPS(ssize_t, pwrite64, (int fd, const void *data, size_t len, off64_t at), (fd, data, len, at))
STEPS(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
STEPS(int, ftruncate64, (int fd, off64_t len), (fd, len))

static struct member ann, bob;

static int
set_up(void **state)
{
	kill_at = -1;
	if (store_setup(state) != 0)
		return -1;
	log_setup("unit", LOG_LEVEL_NOTICE);
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

static const char *
copy(void)
{
	return scratch_path(store.dir, "copy");
}

/* Takes the store's files away to `names` (NULL: none) or brings them back. */
static void
move_all(bool away)
{
	static const char *const endings[] = { "", "-wal", ".tombstones" };

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		char command[4 * PATH_MAX];

		snprintf(command, sizeof(command),
		    away ? "cp '%s%s' '%s/kept%s'" : "cp '%s/kept%s' '%s%s'",
		    away ? store.path : store.dir, endings[i], away ? store.dir : store.path,
		    endings[i]);
		assert_int_equal(system(command), 0);
	}
}

/* The names in the folder that are none of those that a store has. */
static void
has_no_leftovers(void)
{
	static const char *const known[] = { ".", "..", "bridge.db", "bridge.db-wal",
		"bridge.db-shm", "bridge.db.lock", "bridge.db.tombstones", "server.key", "copy",
		"kept", "kept-wal", "kept.tombstones" };
	DIR *dir = opendir(store.dir);
	struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			found |= strcmp(known[i], e->d_name) == 0;
		if (!found)
			fail_msg("%s is left", e->d_name);
	}
	closedir(dir);
}

/* Restores in a process of its own that is killed at call `n`; true when it came to its end. */
static bool
restore_until(long n)
{
	int status = 0, applied = 0;
	pid_t pid = fork();

	if (pid == 0) {
		kill_at = n;
		if (!db_restore(&store.options, copy(), &applied, store.error))
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFEXITED(status);
}

TEST(restore_killed_at_any_call_is_done_or_not)
{
	int old = 0, new = 0;
	bool ended = false;

	send_text(&ann, &bob, "scrubbed");
	assert_true(db_backup(&store.options, copy(), true, NULL, store.error));
	/* what the old store has besides, in its WAL alone */
	send_text(&ann, &bob, "later");
	move_all(true);
	db_close(store.db);
	store.db = NULL;
	for (long n = 0; !ended; n++) {
		int64_t messages;

		move_all(false);
		ended = restore_until(n);
		assert_true(db_recover(&store.options, store.error));
		has_no_leftovers();
		assert_true(db_migrate(&store.options, store.error));
		messages = store_number("SELECT count(*) FROM message");
		assert_int_equal(store_number("SELECT count(*) FROM pragma_integrity_check WHERE "
					      "integrity_check = 'ok'"),
		    1);
		assert_int_equal(
		    store_number("SELECT count(*) FROM session"), messages == 2 ? 2 : 0);
		assert_true(messages == 1 || messages == 2);
		assert_true(!ended || messages == 1);
		old += messages == 2;
		new += messages == 1;
	}
	assert_true(old > 10 && new > 1);
}

/* A backup in a process of its own that is killed at call `n`. */
static bool
backup_until(long n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		kill_at = n;
		_exit(!db_backup(&store.options, copy(), false, NULL, store.error));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status);
}

TEST(backup_killed_at_any_call_is_whole_or_not_there)
{
	bool ended = false;

	send_text(&ann, &bob, "text");
	for (long n = 0; !ended; n++) {
		ended = backup_until(n);
		assert_true(!ended || scratch_has(store.dir, "copy"));
		if (scratch_has(store.dir, "copy")) {
			sqlite3 *h = NULL;

			assert_int_equal(sqlite3_open(copy(), &h), SQLITE_OK);
			assert_int_equal(sqlite3_exec(h,
					     "SELECT 1 / (count(*) = 0) FROM content_key WHERE "
					     "body_key <> zeroblob(32)",
					     NULL, NULL, NULL),
			    SQLITE_OK);
			sqlite3_close(h);
			assert_int_equal(unlink(copy()), 0);
		}
		assert_true(db_recover(&store.options, store.error));
		has_no_leftovers();
	}
}

TEST(recovery_leaves_alone_what_is_still_written_or_somebody_elses)
{
	int fd;

	scratch_write(store.dir, "copy.part", "of a backup under way");
	scratch_write(store.dir, "server.key.old", "kept by somebody");
	scratch_write(store.dir, "bridge.db.bak", "kept by somebody");
	scratch_write(store.dir, "server.key.123", "half a key");
	scratch_write(store.dir, "bridge.db.restored-wal", "x");
	fd = open(scratch_path(store.dir, "copy.part"), O_RDONLY | O_CLOEXEC);
	assert_true(lock_take(fd, 0));
	assert_true(db_recover(&store.options, store.error));
	assert_true(scratch_has(store.dir, "copy.part"));
	assert_true(scratch_has(store.dir, "server.key.old"));
	assert_true(scratch_has(store.dir, "bridge.db.bak"));
	assert_false(scratch_has(store.dir, "server.key.123"));
	assert_false(scratch_has(store.dir, "bridge.db.restored-wal"));
	close(fd);
	assert_true(db_recover(&store.options, store.error));
	assert_false(scratch_has(store.dir, "copy.part"));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(restore_killed_at_any_call_is_done_or_not),
		EACH(backup_killed_at_any_call_is_whole_or_not_there),
		EACH(recovery_leaves_alone_what_is_still_written_or_somebody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
