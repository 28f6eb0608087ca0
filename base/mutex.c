/* Robust mutexes (POSIX.1-2017, pthread_mutexattr_setrobust). */
#include "mutex.h"

#include <errno.h>

void
mutex_init_shared(pthread_mutex_t *m)
{
	pthread_mutexattr_t how;

	pthread_mutexattr_init(&how);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &how);
	pthread_mutexattr_destroy(&how);
}

void
mutex_lock_shared(pthread_mutex_t *m)
{
	if (pthread_mutex_lock(m) == EOWNERDEAD)
		pthread_mutex_consistent(m);
}
