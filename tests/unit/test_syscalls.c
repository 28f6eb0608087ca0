/* Each call that is fatal ends each program that is not allowed it; what is unlisted is unknown;
 * and what libraries do in ordinary use goes on. */
#include "scratch.h"

#include "syscalls.c"

#include <netdb.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Calls that are younger than Debian's libseccomp. */
static const char *const young[] = { "fchmodat2", "futex_wait", "futex_wake" };

#ifndef __SANITIZE_ADDRESS__ /* programs with it stay outside */
#define FAR_URL "postgresql://relay@db.example.com/relay"
#define NEAR_URL "postgresql:///relay?host=/run/postgresql"

struct attempt {
	enum syscalls_program program;
	const char *database;
	int (*run)(const void *arg);
	const void *arg;
};

/* Runs it in a process of its own that has entered its sandbox. Returns how it ended, as waitpid
 * does. */
static int
inside(const struct attempt *a)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		syscalls_enter(a->program, a->database);
		_exit(a->run(a->arg));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool
is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* All arguments are such that the call fails where it is not forbidden. */
static int
try(const void *arg)
{
	return syscall(*(const long *)arg, -1L, -1L, -1L, -1L, -1L, -1L) == -1 ? errno : 0;
}

static int
ended(enum syscalls_program p, const char *database, long nr)
{
	return inside(&(struct attempt){ p, database, try, &nr });
}

static bool
is_fatal(const struct call *c, unsigned roles)
{
	return c->verdict == CALL_NEVER ||
	    (c->verdict == CALL_FATAL && !is_allowed(c->name, roles));
}

static void
try_all(enum syscalls_program p, const char *database, int least)
{
	int tried = 0;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		const int nr = number_of(&calls[i]);

		if (nr < 0 || !is_fatal(&calls[i], roles_for(p, database)))
			continue;
		tried++;
		if (!is_killed(ended(p, database, nr)))
			fail_msg("program %d lives on after %s", (int)p, calls[i].name);
	}
	assert_true(tried >= least);
}

TEST(fatal_calls_end_each_program)
{
	for (int p = 0; p < SYSCALLS__MAX; p++)
		try_all((enum syscalls_program)p, "", 50);
}

TEST(fatal_calls_end_programs_of_a_far_database)
{
	try_all(SYSCALLS_WORKER, FAR_URL, 50);
}

TEST(unlisted_calls_are_unknown)
{
	for (int p = 0; p < SYSCALLS__MAX; p++)
		for (const long *nr = (const long[]){ SYS_clone3, SYS_keyctl, SYS_io_uring_setup,
			 SYS_shmget, 499, 0 };
		     *nr; nr++) {
			const int status = ended((enum syscalls_program)p, "", *nr);

			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), ENOSYS);
		}
}

#ifdef __x86_64__
/* The same call by the numbers of x32, and of 32 bits. */
static int
try_in_32_bits(const void *arg)
{
	long result = 20; /* getpid */

	(void)arg;
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result < 0;
}

TEST(calls_of_other_abis_end_it)
{
	const struct attempt a = { SYSCALLS_WORKER, "", try_in_32_bits, NULL };

	assert_true(is_killed(ended(SYSCALLS_WORKER, "", 0x40000000 | SYS_getpid)));
	assert_true(is_killed(inside(&a)));
}
#endif

/* ENOSYS or 0. */
static int
make_socket(const void *arg)
{
	return socket(*(const int *)arg, SOCK_DGRAM, 0) < 0 ? errno : 0;
}

static int
socket_of(enum syscalls_program p, const char *database, int family)
{
	return inside(&(struct attempt){ p, database, make_socket, &family });
}

TEST(sockets_are_for_who_needs_them)
{
	assert_true(is_killed(socket_of(SYSCALLS_WORKER, "", AF_UNIX)));
	assert_true(is_killed(socket_of(SYSCALLS_WORKER, "", AF_INET)));
	assert_int_equal(socket_of(SYSCALLS_WORKER, NEAR_URL, AF_UNIX), 0);
	assert_int_equal(WEXITSTATUS(socket_of(SYSCALLS_WORKER, NEAR_URL, AF_INET)), ENOSYS);
	assert_int_equal(socket_of(SYSCALLS_WORKER, FAR_URL, AF_INET), 0);
	assert_int_equal(socket_of(SYSCALLS_ASK, "", AF_INET), 0);
	assert_int_equal(WEXITSTATUS(socket_of(SYSCALLS_ASK, "", AF_PACKET)), ENOSYS);
	assert_int_equal(WEXITSTATUS(socket_of(SYSCALLS_MAIL, "", AF_ALG)), ENOSYS);
}

static int
raise_limits(const void *arg)
{
	const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit now;

	(void)arg;
	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return 1;
	return setrlimit(RLIMIT_NOFILE, &most) == 0 ? 2 : errno;
}

TEST(limits_are_read_and_never_set)
{
	for (int p = 0; p < SYSCALLS__MAX; p++) {
		const int status =
		    inside(&(struct attempt){ (enum syscalls_program)p, "", raise_limits, NULL });

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ENOSYS);
	}
}

static int
type_into(const void *arg)
{
	(void)arg;
	return ioctl(0, TIOCSTI, "x") == 0 ? 0 : errno;
}

static int
ask_how_much(const void *arg)
{
	int fds[2], n = -1;

	(void)arg;
	return pipe(fds) != 0 || write(fds[1], "x", 1) != 1 || ioctl(fds[0], FIONREAD, &n) != 0 ||
	    n != 1;
}

TEST(nobody_types_into_the_terminal)
{
	for (int p = 0; p < SYSCALLS__MAX; p++) {
		const enum syscalls_program own = (enum syscalls_program)p;
		const int status = inside(&(struct attempt){ own, "", type_into, NULL });

		assert_int_equal(WEXITSTATUS(status), ENOSYS);
		assert_int_equal(inside(&(struct attempt){ own, "", ask_how_much, NULL }), 0);
	}
}

static int
use_memory(const void *arg)
{
	char *some = malloc(100), *more;

	(void)arg;
	for (size_t size = 1000; some && size < (size_t)64 << 20; size *= 3) {
		more = realloc(some, size);
		if (!more)
			return 1;
		memset(more, 1, size);
		some = more;
	}
	free(some);
	return 0;
}

/* What the kernel keeps of the process's files and time is its own affair. */
static int
use_library(const void *arg)
{
	const struct timespec moment = { 0, 1000 };
	char bytes[16];
	FILE *file = fopen("/etc/hosts", "r");

	if (!file || !fgets(bytes, sizeof(bytes), file) || fclose(file) != 0)
		return 1;
	return nanosleep(&moment, NULL) != 0 || sysconf(_SC_NPROCESSORS_ONLN) < 1 ||
	    isatty(0) + isatty(1) > 2 || use_memory(arg);
}

static int
stop_by_abort(const void *arg)
{
	(void)arg;
	abort();
}

TEST(what_the_c_library_does_goes_on)
{
	for (int p = 0; p < SYSCALLS__MAX; p++) {
		const enum syscalls_program own = (enum syscalls_program)p;
		const int status = inside(&(struct attempt){ own, "", stop_by_abort, NULL });

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		assert_int_equal(inside(&(struct attempt){ own, "", use_memory, NULL }), 0);
		if (own != SYSCALLS_LIVE)
			assert_int_equal(
			    inside(&(struct attempt){ own, "", use_library, NULL }), 0);
	}
}

static void *
in_thread(void *arg)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", "25", NULL, &found) == 0)
		freeaddrinfo(found);
	return use_memory(arg) ? NULL : arg;
}

static int
use_thread(const void *arg)
{
	void *result = NULL;
	pthread_t thread;
	int here = 0;

	(void)arg;
	return pthread_create(&thread, NULL, in_thread, &here) != 0 ||
	    pthread_join(thread, &result) != 0 || !result;
}

/* A thread that can be had by clone is no process. */
TEST(names_are_looked_up_in_threads)
{
	assert_int_equal(inside(&(struct attempt){ SYSCALLS_ASK, "", use_thread, NULL }), 0);
	assert_int_equal(inside(&(struct attempt){ SYSCALLS_MAIL, "", use_thread, NULL }), 0);
}

static int
make_process(const void *arg)
{
	const pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

TEST(no_processes_are_made)
{
	int status = inside(&(struct attempt){ SYSCALLS_MAIL, "", make_process, NULL });

	assert_int_equal(WEXITSTATUS(status), ENOSYS);
	status = inside(&(struct attempt){ SYSCALLS_WORKER, "", make_process, NULL });
	assert_true(is_killed(status));
}

/* TERM alone, for processes that relay-mail has started. */
static int
send_signal(const void *arg)
{
	return kill(getpid(), *(const int *)arg) == 0 ? 0 : errno;
}

TEST(the_mailer_ends_its_processes_and_does_nothing_else_to_them)
{
	const int kill_signal = SIGKILL, term_signal = SIGTERM;
	int status = inside(&(struct attempt){ SYSCALLS_MAIL, "", send_signal, &kill_signal });

	assert_int_equal(WEXITSTATUS(status), ENOSYS);
	status = inside(&(struct attempt){ SYSCALLS_MAIL, "", send_signal, &term_signal });
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* Of a program that starts others: what nobody calls, and nothing else. */
static int
forbid(void)
{
	if (syscalls_forbid(), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		const int nr = number_of(&calls[i]);

		if (nr >= 0 && calls[i].verdict == CALL_NEVER &&
		    (syscall(nr, -1L, -1L, -1L, -1L, -1L, -1L) != -1 || errno != EPERM))
			return 2;
	}
	return make_process(NULL) != 0 || execl("/bin/true", "true", NULL);
}

TEST(who_starts_others_gives_up_what_nobody_calls)
{
	int status = -1;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(forbid());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
#endif

static bool
is_young(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(young); i++)
		if (strcmp(young[i], name) == 0)
			return true;
	return false;
}

TEST(names_are_those_of_system_calls)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (!is_young(calls[i].name) &&
		    seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, calls[i].name) < 0 &&
		    seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, calls[i].name) < 0)
			fail_msg("%s is no system call", calls[i].name);
}

/* The lists make a filter for the other machine as well; it is only made. */
TEST(lists_are_fit_for_amd64_and_arm64)
{
	for (int p = 0; p < SYSCALLS__MAX; p++) {
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

		assert_int_equal(seccomp_arch_remove(filter, SCMP_ARCH_NATIVE), 0);
		assert_int_equal(seccomp_arch_add(filter, SCMP_ARCH_AARCH64), 0);
		assert_int_equal(seccomp_arch_add(filter, SCMP_ARCH_X86_64), 0);
		for (size_t i = 0; i < ARRAY_LEN(calls); i++)
			if (!add_call(filter, &calls[i], roles_of[p]))
				fail_msg("%s fits in no filter", calls[i].name);
		seccomp_release(filter);
	}
}

TEST(a_far_database_is_known_by_its_address)
{
	assert_false(syscalls_reach_far(""));
	assert_false(syscalls_reach_far("postgresql:///relay?host=/run/postgresql"));
	assert_true(syscalls_reach_far("postgresql://relay@db.example.com/relay"));
}

static const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
	cmocka_unit_test(fatal_calls_end_each_program),
	cmocka_unit_test(fatal_calls_end_programs_of_a_far_database),
	cmocka_unit_test(unlisted_calls_are_unknown),
#ifdef __x86_64__
	cmocka_unit_test(calls_of_other_abis_end_it),
#endif
	cmocka_unit_test(sockets_are_for_who_needs_them),
	cmocka_unit_test(limits_are_read_and_never_set),
	cmocka_unit_test(nobody_types_into_the_terminal),
	cmocka_unit_test(what_the_c_library_does_goes_on),
	cmocka_unit_test(names_are_looked_up_in_threads),
	cmocka_unit_test(no_processes_are_made),
	cmocka_unit_test(the_mailer_ends_its_processes_and_does_nothing_else_to_them),
	cmocka_unit_test(who_starts_others_gives_up_what_nobody_calls),
#endif
	cmocka_unit_test(names_are_those_of_system_calls),
	cmocka_unit_test(lists_are_fit_for_amd64_and_arm64),
	cmocka_unit_test(a_far_database_is_known_by_its_address),
};

int
main(void)
{
	return cmocka_run_group_tests_name("syscalls", tests, NULL, NULL);
}
