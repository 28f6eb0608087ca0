/* What a worker that stays inside may still open. */
#include "scratch.h"

#include "sandbox.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Runs it in a process of its own; returns its exit status. */
static int
in_child(int (*run)(void))
{
	int status = -1;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0: it is open to this process. */
static int
refusal(int family, int type)
{
	const int fd = socket(family, type, 0);

	return fd < 0 ? errno : close(fd);
}

static int
before(void)
{
	return refusal(AF_INET, SOCK_STREAM);
}

static int
after(void)
{
	sandbox_limit();
	sandbox_stay_inside();
	if (refusal(AF_UNIX, SOCK_STREAM) != 0)
		return 1;
	if (refusal(AF_INET, SOCK_STREAM) != EACCES || refusal(AF_INET, SOCK_DGRAM) != EACCES)
		return 2;
	if (refusal(AF_INET6, SOCK_STREAM) != EACCES || refusal(AF_NETLINK, SOCK_RAW) != EACCES)
		return 3;
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != EACCES)
		return 4;
	return access("/", R_OK);
}

TEST(only_local_sockets_are_left)
{
	assert_int_equal(in_child(before), 0);
	assert_int_equal(in_child(after), 0);
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(only_local_sockets_are_left) };

int
main(void)
{
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
