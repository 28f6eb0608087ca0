/* How a child of the parent's that runs in its program begins. */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include "syscalls.h"

#include <stdbool.h>
#include <sys/types.h>

/* Becomes the unprivileged user, ends with the parent, and bears a name beside the workers. -1: go
 * on; else the exit status. */
int
process_begin(const char *name, enum syscalls_program program, uid_t uid, gid_t gid, pid_t parent);

/* Did TERM come? */
bool process_is_stopping(void);

#endif
