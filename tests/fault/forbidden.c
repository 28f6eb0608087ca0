/* Has each process of a relay try what its sandbox forbids. For LD_PRELOAD, with FORBIDDEN_REPORT
 * (a file to append to) and FORBIDDEN_ORDER (a file of zeros, 4096 bytes).
 *
 * When a process puts its filter in force, others that come of it, with the same filter and all
 * else it has given up, make one call each, and a line of the report says how each ended. Later the
 * process makes a call itself, when the order is given to it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPORT_FD 900 /* out of everybody's way */
#define FILTER_MOST 4096

struct order {
	volatile int pid; /* of the process; 0: of none */
	volatile int nr;
};

static const struct call {
	const char *name;
	bool never;
} calls[] = {
#define FATAL(name) { #name, false },
#define NEVER(name) { #name, true },
#include "syscalls.def"
};

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

static struct order *order;
static int started_as, filtered_as;

__attribute__((constructor)) static void
begin(void)
{
	const char *report = getenv("FORBIDDEN_REPORT"), *name = getenv("FORBIDDEN_ORDER");
	int fd = report ? open(report, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	int of = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0 || of < 0 || dup3(fd, REPORT_FD, O_CLOEXEC) < 0)
		return;
	p = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED, of, 0);
	close(fd);
	close(of);
	order = p == MAP_FAILED ? NULL : p;
	started_as = getpid();
}

/* All arguments are such that a call that is let through does nothing. */
static int
try(int nr)
{
	return syscall(nr, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

static void
note(const char *name, int status)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%d %d %s %s %s%d\n", (int)getppid(), (int)getpid(),
	    program_invocation_short_name, name, WIFSIGNALED(status) ? "signal " : "errno ",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));

	if (write(REPORT_FD, line, (size_t)n) != n)
		abort();
}

static void
try_apart(const struct call *c, const struct sock_fprog *filter)
{
	int nr = seccomp_syscall_resolve_name(c->name), status = -1;
	pid_t pid;

	if (nr < 0)
		return;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0,
		    0); /* as libseccomp does: only root needs it not */
		_exit(
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) == 0 ? try(nr) : 255);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	note(c->name, status);
}

/* The filter as the kernel takes it. */
static bool export(const scmp_filter_ctx filter, struct sock_fprog *out)
{
	static struct sock_filter code[FILTER_MOST];
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t n =
	    fd >= 0 && seccomp_export_bpf(filter, fd) == 0 ? pread(fd, code, sizeof(code), 0) : -1;

	close(fd);
	*out =
	    (struct sock_fprog){ (unsigned short)(n > 0 ? n / (ssize_t)sizeof(*code) : 0), code };
	return n > 0;
}

int
seccomp_load(const scmp_filter_ctx filter)
{
	/* relayd itself starts processes, which others may not. */
	bool starts =
	    getpid() == started_as && strcmp(program_invocation_short_name, "relayd") == 0;
	struct sock_fprog out;
	int result;

	if (order && export(filter, &out))
		for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
			if (calls[i].never || !starts)
				try_apart(&calls[i], &out);
	result = REAL(int, seccomp_load, const scmp_filter_ctx)(filter);
	filtered_as = result == 0 ? getpid() : 0;
	return result;
}

/* Where no processes can be made nothing can be tried in one. */
int
setrlimit(__rlimit_resource_t what, const struct rlimit *limit)
{
	if (order && what == RLIMIT_NPROC)
		return 0;
	return REAL(int, setrlimit, __rlimit_resource_t, const struct rlimit *)(what, limit);
}

/* Every process looks at the clock. */
int
clock_gettime(clockid_t which, struct timespec *out)
{
	if (order && order->pid && order->pid == filtered_as && filtered_as == getpid()) {
		order->pid = 0;
		try(order->nr);
	}
	return REAL(int, clock_gettime, clockid_t, struct timespec *)(which, out);
}
