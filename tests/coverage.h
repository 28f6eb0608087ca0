/* Included first in every file of `make coverage`: what a process counted is written when it ends
 * at once, too, and before it becomes another program. */
#ifndef TESTS_COVERAGE_H
#define TESTS_COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);

static inline __attribute__((noreturn)) void
coverage_exit(int status)
{
	__gcov_dump();
	_exit(status);
}

#define _exit coverage_exit
#define execlp(...) (__gcov_dump(), execlp(__VA_ARGS__))
#define execvpe(...) (__gcov_dump(), execvpe(__VA_ARGS__))

#endif
