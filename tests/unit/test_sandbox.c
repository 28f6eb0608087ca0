/* The limits of each program, and what is said of a kernel that lacks what the sandbox is made of.
 */
#include "scratch.h"

#include "sandbox.h"

#include <seccomp.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Runs it in a process of its own, which returns 0 if all is as it should be. */
static int
in_child(int (*run)(enum syscalls_program), enum syscalls_program p)
{
	int status = -1;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(run(p));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static rlim_t
most(__rlimit_resource_t what)
{
	struct rlimit limit;

	return getrlimit(what, &limit) == 0 && limit.rlim_cur == limit.rlim_max ? limit.rlim_max :
										  RLIM_INFINITY;
}

static rlim_t
open_files(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

/* A worker gets its memory and no more, starts nothing, and leaves no core. */
static int
limited(enum syscalls_program p)
{
	void *some, *much;

	sandbox_limit(p);
	some = malloc((size_t)1 << 30);
	much = malloc((size_t)4 << 30);
	if (most(RLIMIT_CORE) != 0 || open_files() != 512)
		return 1;
#ifndef __SANITIZE_ADDRESS__
	if (most(RLIMIT_AS) != (rlim_t)2 << 30 || !some || much)
		return 2;
	if (most(RLIMIT_NPROC) != (p == SYSCALLS_ASK ? RLIM_INFINITY : 0) && p == SYSCALLS_WORKER)
		return 3;
#endif
	free(some);
	free(much);
	return 0;
}

TEST(programs_have_the_limits_of_their_lines)
{
	assert_int_equal(in_child(limited, SYSCALLS_WORKER), 0);
	assert_int_equal(in_child(limited, SYSCALLS_ASK), 0);
}

/* A limit that is lower already stays. */
static int
limited_before(enum syscalls_program p)
{
	const struct rlimit few = { 100, 100 };

	if (setrlimit(RLIMIT_NOFILE, &few) != 0)
		return 1;
	sandbox_limit(p);
	return open_files() != 100;
}

TEST(lower_limits_of_the_system_stay)
{
	assert_int_equal(in_child(limited_before, SYSCALLS_WORKER), 0);
}

/* Has the kernel act as if it did not know these calls. */
static bool
take_away(const int *calls)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool done = filter != NULL;

	for (; *calls && done; calls++)
		done = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), *calls, 0) == 0;
	done = done && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return done;
}

static bool
lacks(const int *calls, const char *word, const char *other)
{
	const char *said = take_away(calls) ? sandbox_lacks() : NULL;

	return said && strstr(said, word) && (!other || strstr(said, other));
}

static int
lacks_landlock(enum syscalls_program p)
{
	const char *before = sandbox_lacks();

	(void)p;
	if (before && !strstr(before, "Landlock"))
		return 1;
	return !lacks((const int[]){ SYS_landlock_create_ruleset, 0 }, "no Landlock", NULL);
}

static int
lacks_filters(enum syscalls_program p)
{
	(void)p;
	if (strstr(sandbox_lacks() ? sandbox_lacks() : "", "Landlock"))
		return 0; /* this kernel has neither then: the other test */
	return !lacks((const int[]){ SYS_seccomp, 0 }, "(seccomp)", NULL);
}

static int
lacks_both(enum syscalls_program p)
{
	(void)p;
	return !lacks((const int[]){ SYS_landlock_create_ruleset, SYS_seccomp, 0 }, "Landlock",
	    "nor seccomp");
}

TEST(what_a_kernel_lacks_is_said)
{
	assert_int_equal(in_child(lacks_landlock, SYSCALLS_WORKER), 0);
	assert_int_equal(in_child(lacks_filters, SYSCALLS_WORKER), 0);
	assert_int_equal(in_child(lacks_both, SYSCALLS_WORKER), 0);
}

/* Goes on without, as on such a kernel. */
static int
without(enum syscalls_program p)
{
	const char *const nothing[] = { NULL };

	if (!take_away((const int[]){ SYS_landlock_create_ruleset, SYS_seccomp, 0 }))
		return 1;
	sandbox_limit(p);
	sandbox_enter(nothing, NULL);
	return 0;
}

TEST(a_kernel_without_it_is_no_hindrance)
{
	assert_int_equal(in_child(without, SYSCALLS_WORKER), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(programs_have_the_limits_of_their_lines),
	cmocka_unit_test(lower_limits_of_the_system_stay),
	cmocka_unit_test(what_a_kernel_lacks_is_said),
	cmocka_unit_test(a_kernel_without_it_is_no_hindrance),
};

int
main(void)
{
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
