/* Which system calls a process may still make, by the lists of syscalls.def (seccomp). */
#ifndef BASE_SYSCALLS_H
#define BASE_SYSCALLS_H

#include <stdbool.h>

/* What a program does, for syscalls.def. */
enum syscalls_role {
	SYSCALLS_STORE = 1, /* writes files: the database, uploads */
	SYSCALLS_SERVES = 2, /* accepts connections */
	SYSCALLS_LOCAL = 4, /* connects to sockets of this machine */
	SYSCALLS_NET = 8, /* connects to anywhere, by name */
	SYSCALLS_THREADS = 16,
	SYSCALLS_CHILDREN = 32, /* ends processes that it started before */
	SYSCALLS_UPLOADS = 64 /* looks whether what reads an upload is still alive */
};

enum syscalls_program {
#define PROGRAM(name, roles, memory, files, threads) SYSCALLS_##name,
#include "syscalls.def"
	SYSCALLS__MAX
};

/* Whether this kernel filters system calls as is needed here. */
bool syscalls_are_filtered(void);

/* From here on this process, and all threads it starts, makes only the calls that are listed for
 * the program; those that are fatal end it by SIGSYS, others return ENOSYS. `database_url`: of the
 * store ("": SQLite), which may have to be connected to again. For good, and after sandbox_limit.
 * Best effort: a kernel without filters is not the worse for it, and programs with the address
 * sanitizer stay outside. On other machines than amd64 and arm64 only the fatal calls are held. */
void syscalls_enter(enum syscalls_program p, const char *database_url);

/* Whether a database of that address may have to be looked for in the network; not where it names
 * the folder of a socket. */
bool syscalls_reach_far(const char *database_url);

/* For a program that starts others: from here on it and all of them get EPERM for what no program
 * of a relay ever calls, and none gains privileges by being started. */
void syscalls_forbid(void);

#endif
