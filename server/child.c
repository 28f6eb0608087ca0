/* Starting and stopping one child, and what follows its death. */
#include "child.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"

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

static void
clean_signals(const struct kind_line *line)
{
	sigset_t held;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&held);
	if (line->flags & KIND_HOLDS_SIGNALS) {
		sigaddset(&held, line->reload_signal);
		sigaddset(&held, line->log_signal);
	}
	sigprocmask(SIG_SETMASK, &held, NULL);
}

/* Becomes the program of the line; returns the exit status when that fails, or when the parent is
 * gone. */
static int
run_program(const struct kind_line *line, const struct kind_setup *s, pid_t parent)
{
	char path[PATH_MAX], texts[2 * KIND_WORDS + 1][PATH_MAX], *words[2 * KIND_WORDS + 2],
	    *nothing[] = { NULL };
	size_t n = 0;

	snprintf(texts[n++], PATH_MAX, "%s", line->program);
	for (size_t i = 0; i < KIND_WORDS && line->words[i].word; i++) {
		snprintf(texts[n++], PATH_MAX, "%s", line->words[i].word);
		if (line->words[i].value != VALUE_NONE)
			kind_value(s, (enum kind)(line - kinds), line->words[i].value, texts[n++],
			    PATH_MAX);
	}
	for (size_t i = 0; i < n; i++)
		words[i] = texts[i];
	words[n] = NULL;
	if (line->flags & KIND_OF_PATH)
		snprintf(path, sizeof(path), "%s", line->program);
	else
		snprintf(path, sizeof(path), "%s/%s", s->program_dir, line->program);
	if ((line->flags & KIND_GROUP) && (chdir(s->run_dir) != 0 || setpgid(0, 0) != 0))
		return 127;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 0;
	execvpe(path, words, line->flags & KIND_BARE ? nothing : environ);
	log_error("%s: %s", path, strerror(errno));
	return 127;
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
child_start(struct child *c, const struct kind_setup *s)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0) {
		log_error("cannot start a %s: %s", c->line->name, strerror(errno));
		plan(c);
		return;
	}
	if (pid == 0) {
		clean_signals(c->line);
		_exit(c->line->run ? c->line->run(s, (enum kind)(c->line - kinds), parent) :
				     run_program(c->line, s, parent));
	}
	c->pid = pid;
	c->started_ms = clock_mono_ms();
	c->kill_at_ms = 0;
}

void
child_died(struct child *c, int wait_status, bool stopping)
{
	bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
	/* a worker that served and then ended by itself waits for nothing */
	bool served = well && (c->line->flags & KIND_RENEWS);
	int64_t age_ms;

	if (!well && !c->kill_at_ms)
		log_warn("%s %d ended: %s %d%s", c->line->name, (int)c->pid,
		    WIFSIGNALED(wait_status) ? "signal" : "status",
		    WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status),
		    WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS ?
			", for a system call that its sandbox forbids" :
			"");
	if (c->line->flags & KIND_GROUP)
		kill(-c->pid, SIGKILL); /* workers that outlived their master hold the port */
	if (stopping || c->kill_at_ms || c->line->life == LIFE_PASS) {
		*c = (struct child){ .line = NULL };
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

	if (!c->line)
		return;
	if (c->pid == 0) {
		*c = (struct child){ .line = NULL };
		return;
	}
	if (!c->kill_at_ms)
		c->kill_at_ms = now + grace_ms;
	/* A TERM may fall into the gap before accept(): that is why it is sent on every round. */
	kill(c->pid, now >= c->kill_at_ms ? SIGKILL : c->line->stop_signal);
}
