/* What a process gives up before it reads input: its user, new privileges, memory without end, and
 * the file system outside its folders. What it may ask of the kernel is in syscalls.h. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include "syscalls.h"

#include <stdbool.h>
#include <sys/types.h>

/* Resolves the unprivileged user to run as. When not started as root it is the caller. False: no
 * such user, or it is root. */
bool sandbox_user(const char *name, uid_t *uid, gid_t *gid);

/* Becomes `uid`:`gid` for good when started as root; otherwise does nothing. Refuses uid 0. False:
 * see errno. */
bool sandbox_drop(uid_t uid, gid_t gid);

/* No new privileges, no core files, and no more memory, open files and processes than the program's
 * line in syscalls.def says. */
void sandbox_limit(enum syscalls_program p);

/* From here on this process reads, writes and renames in `writable` folders, reads in `readable`
 * ones (NULL: none), and sees nothing else of the file system; both lists end with NULL. Best
 * effort: older kernels lack Landlock. Programs with the address sanitizer stay outside. */
void sandbox_enter(const char *const writable[], const char *const readable[]);

/* What this kernel lacks of what the sandbox is made of, as a sentence; NULL: nothing. */
const char *sandbox_lacks(void);

/* True when a process of `uid`:`gid` without other groups could enter the folder. */
bool sandbox_reachable(const char *dir, uid_t uid, gid_t gid);

/* Lets the group `gid` pass through the folder, without reading it, when `uid`:`gid` cannot. Needs
 * root. False: see errno. */
bool sandbox_admit(const char *dir, uid_t uid, gid_t gid);

/* Gives this process and its children a private view in which `dir` is mounted at `at` (made when
 * missing). Needs root; for folders below one that is closed to others, such as /root. False: see
 * errno. */
bool sandbox_view(const char *dir, const char *at);

#endif
