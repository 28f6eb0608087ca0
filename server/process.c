/* Rights, signals and the name of a child. */
#include "process.h"

#include "log.h"
#include "sandbox.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
}

int
process_begin(const char *name, enum syscalls_program program, uid_t uid, gid_t gid, pid_t parent)
{
	const struct sigaction term = { .sa_handler = on_term }, ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	if (!sandbox_drop(uid, gid)) {
		log_error("cannot become user %u: %s", (unsigned)uid, strerror(errno));
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* after the drop, which clears it */
	if (getppid() != parent)
		return 0;
	prctl(PR_SET_NAME, name);
	sandbox_limit(program);
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return -1;
}

bool
process_is_stopping(void)
{
	return stopping;
}
