/* Starting, burying and stopping one child. */
#include "child.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define YOUNG_MS 10000 /* who dies younger than this has to wait */
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 10000

const char *
child_name(enum child_kind k)
{
	static const char *const names[] = { "none", "worker", "mailer", "sweep", "nginx", "live" };

	return names[k];
}

static void
clean_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
run_mailer(const struct child_setup *s, pid_t parent)
{
	char path[PATH_MAX], fd[16];

	snprintf(path, sizeof(path), "%s/relay-mail", s->program_dir);
	snprintf(fd, sizeof(fd), "%d", s->mail_wake_fd);
	fcntl(s->mail_wake_fd, F_SETFD, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 0;
	execl(path, "relay-mail", "--dir", s->dir, "--wake-fd", fd, (char *)NULL);
	log_error("%s: %s", path, strerror(errno));
	return 127;
}

/* Nothing of our environment, which may hold secrets, goes along. */
static int
run_live(const struct child_setup *s, pid_t parent)
{
	const struct live *l = s->live;
	const int64_t values[] = { l->listen_fd, l->wake.map_fd, l->wake.bell_fd, s->conf->live_max,
		(int64_t)s->uid, (int64_t)s->gid, s->conf->log_level };
	char path[PATH_MAX], text[ARRAY_LEN(values)][24], *environment[] = { NULL };

	snprintf(path, sizeof(path), "%s/relay-live", s->program_dir);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		snprintf(text[i], sizeof(text[i]), "%lld", (long long)values[i]);
	for (int i = 0; i < 3; i++)
		fcntl((int)values[i], F_SETFD, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 0;
	execle(path, "relay-live", "--listen-fd", text[0], "--map-fd", text[1], "--bell-fd",
	    text[2], "--most", text[3], "--uid", text[4], "--gid", text[5], "--log", text[6],
	    (char *)NULL, environment);
	log_error("%s: %s", path, strerror(errno));
	return 127;
}

/* One housekeeping pass; it drops its rights itself. */
static int
run_sweep(const struct child_setup *s, pid_t parent)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/relay-sweep", s->program_dir);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 0;
	execl(path, "relay-sweep", "--dir", s->dir, (char *)NULL);
	log_error("%s: %s", path, strerror(errno));
	return 127;
}

/* nginx gets a process group, so that its workers can be found when it was killed, and the folder
 * of its configuration as its working directory, so that the socket's name
 * stays short. */
static int
run_nginx(const struct child_setup *s, pid_t parent)
{
	char prefix[PATH_MAX];

	snprintf(prefix, sizeof(prefix), "%s/", s->run_dir);
	if (chdir(s->run_dir) != 0 || setpgid(0, 0) != 0)
		return 127;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 0;
	execlp("nginx", "nginx", "-e", "stderr", "-p", prefix, "-c", "nginx.conf", (char *)NULL);
	log_error("nginx: %s", strerror(errno));
	return 127;
}

static int
run_worker(const struct child_setup *s, pid_t parent)
{
	struct wake nobody_listens = { .share = NULL };
	const struct worker_options o = { .conf = s->conf,
		.share = s->share,
		.wake = live_is_on(s->live, s->conf) ? &s->live->wake : &nobody_listens,
		.listen_fd = s->listen_fd,
		.mail_wake_fd = s->mail_wake_fd,
		.ready_fd = s->ready_fd,
		.uid = s->uid,
		.gid = s->gid,
		.parent = parent };

	return worker_run(&o);
}

static void
plan(struct child *c)
{
	c->pid = 0;
	c->pause_ms = c->pause_ms ? c->pause_ms * 2 : FIRST_PAUSE_MS;
	if (c->pause_ms > LONGEST_PAUSE_MS)
		c->pause_ms = LONGEST_PAUSE_MS;
	c->respawn_at_ms = clock_mono_ms() + c->pause_ms;
}

void
child_start(struct child *c, const struct child_setup *s)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0) {
		log_error("cannot start a %s: %s", child_name(c->kind), strerror(errno));
		plan(c);
		return;
	}
	if (pid == 0) {
		clean_signals();
		_exit(c->kind == CHILD_WORKER   ? run_worker(s, parent) :
			c->kind == CHILD_MAILER ? run_mailer(s, parent) :
			c->kind == CHILD_SWEEP  ? run_sweep(s, parent) :
			c->kind == CHILD_LIVE   ? run_live(s, parent) :
						  run_nginx(s, parent));
	}
	c->pid = pid;
	c->started_ms = clock_mono_ms();
	c->kill_at_ms = 0;
}

void
child_died(struct child *c, int wait_status, bool stopping)
{
	bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
	/* a worker that answered and then ended by itself waits for nothing */
	bool served = well && c->kind == CHILD_WORKER;
	int64_t age_ms;

	if (!well && !c->kill_at_ms)
		log_warn("%s %d ended: %s %d", child_name(c->kind), (int)c->pid,
		    WIFSIGNALED(wait_status) ? "signal" : "status",
		    WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
	if (c->kind == CHILD_NGINX)
		kill(-c->pid, SIGKILL); /* workers that outlived their master hold the port */
	if (stopping || c->kill_at_ms || c->kind == CHILD_SWEEP) {
		*c = (struct child){ .kind = CHILD_NONE };
		return;
	}
	age_ms = clock_mono_ms() - c->started_ms;
	if (age_ms >= YOUNG_MS || served)
		c->pause_ms = 0;
	if (c->pause_ms == 0 && (age_ms >= YOUNG_MS / 10 || served)) {
		c->pid = 0;
		c->respawn_at_ms = 0; /* the first death after a while: at once */
		return;
	}
	plan(c);
}

void
child_stop(struct child *c, int grace_ms)
{
	int64_t now = clock_mono_ms();

	if (c->kind == CHILD_NONE)
		return;
	if (c->pid == 0) {
		*c = (struct child){ .kind = CHILD_NONE };
		return;
	}
	if (!c->kill_at_ms)
		c->kill_at_ms = now + grace_ms;
	/* A TERM may fall into the gap before accept(): that is why it is sent on every round. */
	kill(c->pid, now >= c->kill_at_ms ? SIGKILL : c->kind == CHILD_NGINX ? SIGQUIT : SIGTERM);
}
