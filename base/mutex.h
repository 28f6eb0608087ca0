/* A mutex in memory that processes share, each of which may be killed while it holds it. */
#ifndef BASE_MUTEX_H
#define BASE_MUTEX_H

#include <pthread.h>

/* Once, before anybody forks. */
void mutex_init_shared(pthread_mutex_t *m);

/* Takes it, also from a process that died with it: what it guards may be half written then.
 * pthread_mutex_unlock gives it back. */
void mutex_lock_shared(pthread_mutex_t *m);

#endif
