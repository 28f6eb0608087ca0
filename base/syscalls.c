/* Filters for system calls, made with libseccomp from the lists of syscalls.def. */
#include "syscalls.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define STORE SYSCALLS_STORE
#define SERVES SYSCALLS_SERVES
#define LOCAL SYSCALLS_LOCAL
#define NET SYSCALLS_NET
#define THREADS SYSCALLS_THREADS
#define CHILDREN SYSCALLS_CHILDREN
#define UPLOADS SYSCALLS_UPLOADS
#define READS (STORE | LOCAL | NET)
#define TALKS (SERVES | LOCAL | NET)
#define ALL (~0U)

#define INT 0xffffffffU /* above that a register of an int may hold anything */
#define POINTER UINT64_MAX
#define OWN_PID 0xfffffffffULL
#define ANY 0, 0, 0

enum verdict { CALL_ALLOWED, CALL_ALLOWED_IF, CALL_REFUSED, CALL_FATAL, CALL_NEVER };

static const struct call {
	const char *name;
	enum verdict verdict;
	unsigned roles, argument;
	uint64_t mask, value;
} calls[] = {
#define ALLOWED(name, roles) { #name, CALL_ALLOWED, roles, ANY },
#define ALLOWED_IF(name, roles, argument, mask, value) \
	{ #name, CALL_ALLOWED_IF, roles, argument, mask, value },
#define REFUSED(name) { #name, CALL_REFUSED, 0, ANY },
#define FATAL(name) { #name, CALL_FATAL, 0, ANY },
#define NEVER(name) { #name, CALL_NEVER, 0, ANY },
#include "syscalls.def"
};

static const unsigned roles_of[SYSCALLS__MAX] = {
#define PROGRAM(name, roles, memory, files, threads) [SYSCALLS_##name] = (roles),
#include "syscalls.def"
};

/* Where the lists are known to be whole what they lack is refused. A build for finding out what
 * they lack (make SYSCALLS=log) says so instead. */
#ifdef SYSCALLS_LOG
#define UNLISTED SCMP_ACT_TRAP
#define DEADLY SCMP_ACT_TRAP
#elif defined(__x86_64__) || defined(__aarch64__)
#define UNLISTED SCMP_ACT_ERRNO(ENOSYS)
#define DEADLY SCMP_ACT_KILL_PROCESS
#else
#define UNLISTED SCMP_ACT_ALLOW
#define DEADLY SCMP_ACT_KILL_PROCESS
#endif

/* The number on this machine; below 0: it has none, or libseccomp does not know it yet. */
static int
number_of(const struct call *c)
{
	return seccomp_syscall_resolve_name(c->name);
}

static bool
is_allowed(const char *name, unsigned roles)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].roles & roles && strcmp(calls[i].name, name) == 0)
			return true;
	return false;
}

/* What is done anyway needs no rule, and may have none. */
static bool
is_added(int result)
{
	return result == 0 || result == -EACCES;
}

static bool
add(scmp_filter_ctx filter, uint32_t action, const struct call *c)
{
	const uint64_t value = c->value == OWN_PID ? (uint64_t)getpid() : c->value;

	if (number_of(c) < 0)
		return true;
	if (c->mask)
		return is_added(seccomp_rule_add(filter, action, number_of(c), 1,
		    SCMP_CMP64(c->argument, SCMP_CMP_MASKED_EQ, c->mask, value)));
	return is_added(seccomp_rule_add(filter, action, number_of(c), 0));
}

static bool
add_call(scmp_filter_ctx filter, const struct call *c, unsigned roles)
{
	if (c->roles & roles)
		return add(filter, SCMP_ACT_ALLOW, c);
	if (c->verdict == CALL_NEVER || (c->verdict == CALL_FATAL && !is_allowed(c->name, roles)))
		return add(filter, DEADLY, c);
	return c->verdict != CALL_REFUSED || add(filter, SCMP_ACT_ERRNO(ENOSYS), c);
}

static bool
add_never(scmp_filter_ctx filter, const struct call *c)
{
	return c->verdict != CALL_NEVER || add(filter, SCMP_ACT_ERRNO(EPERM), c);
}

bool
syscalls_reach_far(const char *database_url)
{
	return database_url[0] && !strstr(database_url, "host=/");
}

/* A database on PostgreSQL that is lost is connected to again. */
static unsigned
roles_for(enum syscalls_program p, const char *database_url)
{
	if (!database_url[0])
		return roles_of[p];
	return roles_of[p] | (syscalls_reach_far(database_url) ? NET : LOCAL);
}

#ifdef SYSCALLS_LOG
#define NAMES 512

static const char *names[NAMES];

/* Returns ENOSYS to the caller, as the filter would. */
static void
on_unlisted(int sig, siginfo_t *info, void *context)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
	const int nr = info->si_syscall;

	(void)sig;
#if defined(__x86_64__)
	log_warn("unlisted system call %s (%d), first argument %lld",
	    nr >= 0 && nr < NAMES && names[nr] ? names[nr] : "?", nr, (long long)m->gregs[REG_RDI]);
	m->gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
	log_warn("unlisted system call %s (%d), first argument %lld",
	    nr >= 0 && nr < NAMES && names[nr] ? names[nr] : "?", nr, (long long)m->regs[0]);
	m->regs[0] = (unsigned long long)-ENOSYS;
#endif
}

/* The names are looked up before, for that takes memory. */
static void
catch_unlisted(void)
{
	const struct sigaction a = { .sa_sigaction = on_unlisted,
		.sa_flags = SA_SIGINFO | SA_NODEFER };

	for (int nr = 0; nr < NAMES; nr++)
		names[nr] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
	sigaction(SIGSYS, &a, NULL);
}
#endif

bool
syscalls_are_filtered(void)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* Takes the filter over, which is whole if `done`; `foreign` is for calls of other ABIs of the
 * machine. That a kernel has no filters was said at the start. */
static void
put_in_force(scmp_filter_ctx filter, bool done, uint32_t foreign)
{
	if (done)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* by bisection */
	done = done && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, foreign) == 0 &&
	    seccomp_load(filter) == 0;
	if (!done)
		log_line(syscalls_are_filtered() ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
		    "sandbox: system calls are not filtered");
	seccomp_release(filter);
}

void
syscalls_enter(enum syscalls_program p, const char *database_url)
{
#ifndef __SANITIZE_ADDRESS__ /* the leak checker starts processes */
	const unsigned roles = roles_for(p, database_url);
	scmp_filter_ctx filter = seccomp_init(UNLISTED);
	bool done = filter != NULL;

#ifdef SYSCALLS_LOG
	catch_unlisted();
#endif
	for (size_t i = 0; i < ARRAY_LEN(calls) && done; i++)
		done = add_call(filter, &calls[i], roles);
	put_in_force(filter, done, DEADLY);
#else
	(void)roles_for, (void)add_call, (void)p, (void)database_url;
#endif
}

void
syscalls_forbid(void)
{
#ifndef __SANITIZE_ADDRESS__
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool done = filter != NULL;

	for (size_t i = 0; i < ARRAY_LEN(calls) && done; i++)
		done = add_never(filter, &calls[i]);
	put_in_force(filter, done, SCMP_ACT_ERRNO(EPERM));
#else
	(void)add_never, (void)put_in_force;
#endif
}
