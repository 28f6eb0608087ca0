/* The queue of all writers: one file lock beside the database. */
#include "lock.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define TICK_US 20000

int
lock_open(const char *path)
{
	char lock[4200];
	struct stat st;
	int fd;

	if (snprintf(lock, sizeof(lock), "%s.lock", path) >= (int)sizeof(lock)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	/* What root makes belongs to the database's owner, as SQLite does with its own files. */
	if (fd >= 0 && geteuid() == 0 && stat(path, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		log_warn("%s: %s", lock, strerror(errno));
	return fd;
}

static void
on_alarm(int sig)
{
	(void)sig; /* only there to interrupt flock */
}

/* flock has no time-out of its own: a timer that keeps firing interrupts it, so no firing can be
 * missed. The handler stays for good: nothing else here uses SIGALRM. */
bool
lock_take(int fd, int ms)
{
	static bool caught;
	const struct sigaction act = { .sa_handler = on_alarm };
	const struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } },
			       off = { { 0, 0 }, { 0, 0 } };
	int64_t deadline;
	int rc;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (ms <= 0)
		return false;
	if (!caught)
		caught = sigaction(SIGALRM, &act, NULL) == 0;
	deadline = clock_mono_ms() + ms;
	setitimer(ITIMER_REAL, &tick, NULL);
	do
		rc = flock(fd, LOCK_EX);
	while (rc != 0 && errno == EINTR && clock_mono_ms() < deadline);
	setitimer(ITIMER_REAL, &off, NULL);
	return rc == 0;
}

void
lock_release(int fd)
{
	if (fd >= 0)
		flock(fd, LOCK_UN);
}
