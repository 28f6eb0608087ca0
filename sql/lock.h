/* The queue of all writers: one file lock beside the database. */
#ifndef SQL_LOCK_H
#define SQL_LOCK_H

#include <stdbool.h>

/* Opens (and makes) the lock file beside the database; -1: see errno. */
int lock_open(const char *path);

/* Takes the writers' lock within `ms`; false when time ran out. */
bool lock_take(int fd, int ms);
void lock_release(int fd);

#endif
