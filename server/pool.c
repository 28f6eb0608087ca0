/* The pool's loop: signals, deaths, respawns, reloads, and an orderly end. */
#include "pool.h"

#include "children.h"
#include "cleanup.h"
#include "clock.h"
#include "listener.h"
#include "live.h"
#include "log.h"
#include "notify.h"
#include "sandbox.h"
#include "syscalls.h"
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define TICK_MS 1000
#define STOP_TICK_MS 20
#define MOVE_GRACE_MS 1000 /* for requests under way at the old address */
#define READY_DEADLINE_MS 15000

struct parent {
	const struct pool_options *o;
	struct conf *conf,
	    *retired; /* the settings in force, and those that old workers still use */
	struct conf *moving; /* settings with another HOST or PORT: they wait until nginx let go */
	int port; /* where nginx listens */
	struct live live;
	struct children children;
	char run_dir[PATH_MAX];
	int ready_fd;
	int64_t ready_deadline_ms; /* 0: already said */
	bool died;
	bool reload_again; /* asked for while one was under way */
	uint32_t failures; /* syncs that failed, as far as the pool was started anew for it */
	bool renewing; /* it is being */
	struct notify notify; /* the service manager */
	struct watchdog watchdog;
	int notified_alive, notified_wanted, notified_port; /* of what it was notified last */
};

static void
drop_conf(struct conf **c)
{
	if (*c)
		conf_free(*c);
	free(*c);
	*c = NULL;
}

/* What nginx, ours or another one, reads of the settings. */
static bool
write_listener(const struct parent *p, const struct conf *c, int port, char *error)
{
	const struct pool_options *o = p->o;

	return o->with_nginx ? listener_write(c, p->run_dir, o->program_dir, port, error) :
			       listener_write_includes(c, p->run_dir, o->program_dir, error);
}

static bool
make_live(struct parent *p)
{
	return live_make(&p->live, p->conf,
	    &(struct live_setup){ .run_dir = p->run_dir,
		.program_dir = p->o->program_dir,
		.uid = p->children.setup.uid,
		.gid = p->children.setup.gid });
}

/* Whoever is started from here on is of another generation than those that run. */
static void
new_generation(struct parent *p)
{
	struct kind_setup *s = &p->children.setup;

	ask_renew(&s->share->ask, ++s->generation);
}

/* New settings: new workers first, then the old ones may go, so that somebody always accepts. Takes
 * `fresh` over, whose files nginx has. */
static void
adopt(struct parent *p, struct conf *fresh)
{
	p->retired = p->conf;
	p->conf = fresh;
	p->children.setup.conf = fresh;
	new_generation(p);
	log_setup("relayd", (enum log_level)fresh->log_level);
	make_live(p);
	children_signal_reload(&p->children);
	log_info("settings reloaded");
}

/* The settings as they are now. Whose nginx it is was decided at the start. nginx cannot take
 * another address for the port that it holds already, so for a move it ends first. */
static void
reload(struct parent *p)
{
	char error[CONF_ERROR_BYTES];
	struct conf *fresh = calloc(1, sizeof(*fresh));
	bool moves;

	p->reload_again = p->retired || p->moving;
	if (!fresh || p->reload_again) {
		free(fresh);
		return;
	}
	if (!conf_load(fresh, p->o->dir, error)) {
		log_error("not reloaded: %s", error);
		drop_conf(&fresh);
		return;
	}
	fresh->own_nginx = p->o->with_nginx;
	moves = p->o->with_nginx &&
	    (strcmp(fresh->host, p->conf->host) != 0 || conf_port(fresh) != conf_port(p->conf));
	if (moves) {
		p->moving = fresh;
	} else if (write_listener(p, fresh, p->port, error)) {
		adopt(p, fresh);
	} else {
		log_error("not reloaded: %s", error);
		drop_conf(&fresh);
	}
}

/* The second half of a move, once the old nginx is gone. What cannot be had leaves the relay where
 * it was. */
static void
finish_move(struct parent *p)
{
	char error[CONF_ERROR_BYTES];
	struct conf *fresh = p->moving;
	int port;

	if (!fresh || children_stop(&p->children, KIND_NGINX, MOVE_GRACE_MS) > 0)
		return;
	port = listener_port(fresh, error);
	p->moving = NULL;
	if (port && write_listener(p, fresh, port, error)) {
		p->port = port;
		adopt(p, fresh);
		p->ready_deadline_ms = clock_mono_ms() + READY_DEADLINE_MS;
	} else {
		log_error("not reloaded: %s", error);
		drop_conf(&fresh);
	}
}

static void
finish_reload(struct parent *p)
{
	if (!p->retired || children_stop_older(&p->children) > 0)
		return;
	ask_reopen(&p->children.setup.share->ask);
	drop_conf(&p->retired);
	if (p->reload_again)
		reload(p);
}

/* After a sync that failed the kernel may report it again to each who had the file open, and what
 * they hold of it is in doubt: all of the pool are replaced, as for new settings. */
static void
renew_if_broken(struct parent *p)
{
	const uint32_t failures = commits_failures(&p->children.setup.share->commits);

	if (failures == p->failures || p->retired)
		return;
	log_error("the disk lost a write: the pool starts anew");
	p->failures = failures;
	new_generation(p);
	p->renewing = true;
}

static void
begin_stop(struct parent *p)
{
	if (!p->children.stopping)
		notify_send(&p->notify, "STOPPING=1\nSTATUS=stopping");
	p->children.stopping = true;
}

/* The line that the service manager shows, when it is another one. */
static void
notify_status(struct parent *p, const char *before)
{
	const int alive = children_alive(&p->children, KIND_WORKER), wanted = (int)p->conf->workers;
	char text[128];

	if (alive == p->notified_alive && wanted == p->notified_wanted &&
	    p->port == p->notified_port)
		return;
	p->notified_alive = alive;
	p->notified_wanted = wanted;
	p->notified_port = p->port;
	snprintf(text, sizeof(text), "%sSTATUS=%d of %d workers%s%.0d", before, alive, wanted,
	    p->port ? ", port " : "", p->port);
	notify_send(&p->notify, text);
}

/* Health responds: say so; it never does: stop. */
static void
watch_ready(struct parent *p)
{
	struct pollfd ready = { .fd = p->ready_fd, .events = POLLIN };
	bool up;

	if (!p->ready_deadline_ms)
		return;
	up = poll(&ready, 1, 0) > 0 && (!p->o->with_nginx || listener_responds(p->conf, p->port));
	if (!up && clock_mono_ms() < p->ready_deadline_ms)
		return;
	p->ready_deadline_ms = 0;
	p->o->on_ready(p->conf, p->port, up, share_error(p->children.setup.share));
	if (up) {
		p->notified_wanted = 0;
		notify_status(p, "READY=1\n");
	} else {
		begin_stop(p);
		p->died = true;
	}
}

static void
take_signal(struct parent *p, int sig)
{
	if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
		begin_stop(p);
	else if (sig == SIGHUP && !p->children.stopping)
		reload(p);
	else if (sig == SIGUSR1)
		children_signal_log(&p->children);
}

static int
tick_ms(struct parent *p)
{
	int64_t wait;

	if (p->children.stopping || p->retired || p->moving || p->renewing)
		return STOP_TICK_MS;
	if (p->ready_deadline_ms)
		return 2;
	wait = children_wait_ms(&p->children, TICK_MS);
	wait = watchdog_wait_ms(&p->watchdog, &p->notify, wait);
	return wait < 1 ? 1 : (int)wait;
}

static void
loop(struct parent *p, const sigset_t *signals)
{
	for (;;) {
		int ms = tick_ms(p);
		const struct timespec wait = { ms / 1000, (long)(ms % 1000) * 1000000 };
		int sig = sigtimedwait(signals, NULL, &wait);

		if (sig > 0)
			take_signal(p, sig);
		children_reap(&p->children);
		atomic_store(&p->children.setup.share->workers,
		    children_alive(&p->children, KIND_WORKER)); /* for the figures */
		if (p->children.stopping) {
			live_shut(&p->live);
			if (children_stop_all(&p->children) == 0)
				return;
			continue;
		}
		finish_move(p);
		renew_if_broken(p);
		children_tend(&p->children);
		if (p->renewing)
			p->renewing = children_stop_older(&p->children) > 0;
		finish_reload(p);
		watch_ready(p);
		watchdog_turn(&p->watchdog, &p->notify, p->run_dir);
		if (!p->ready_deadline_ms && !p->retired)
			notify_status(p, "");
		listener_turn_log_over(p->run_dir);
		if (p->o->with_nginx && listener_rotate_log(p->run_dir))
			children_signal_log(&p->children);
	}
}

static bool
prepare(struct parent *p, int ready[2])
{
	if (!sandbox_user(p->conf->user, &p->children.setup.uid, &p->children.setup.gid)) {
		log_error("RELAY_USER: no unprivileged user '%s' on this machine", p->conf->user);
		return false;
	}
	p->children.setup.share = share_make();
	if (!p->children.setup.share || !children_prepare(&p->children) ||
	    pipe2(ready, O_CLOEXEC) != 0) {
		log_error("cannot start: %s", strerror(errno));
		return false;
	}
	p->ready_fd = ready[0];
	p->children.setup.ready_fd = ready[1];
	return make_live(p);
}

/* Who starts nginx and takes other users' numbers can give up little: what nobody here ever calls.
 */
static void
limit_rights(void)
{
	const char *lacks = sandbox_lacks();

	if (lacks)
		log_warn("sandbox: %s", lacks);
	syscalls_forbid();
}

int
pool_run(struct conf *conf, const struct pool_options *o)
{
	auto_free struct parent *p = calloc(1, sizeof(*p));
	int ready[2] = { -1, -1 };
	sigset_t signals;
	bool died;

	if (!p)
		return 1;
	p->o = o;
	p->conf = conf;
	p->port = o->port;
	snprintf(p->run_dir, sizeof(p->run_dir), "%s/run", o->dir);
	p->children.setup = (struct kind_setup){ .conf = conf,
		.with_nginx = o->with_nginx,
		.live = &p->live,
		.dir = o->dir,
		.program_dir = o->program_dir,
		.run_dir = p->run_dir };
	sigemptyset(&signals);
	for (const int *s = (const int[]){ SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGUSR1, 0 };
	     *s; s++)
		sigaddset(&signals, *s);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!prepare(p, ready)) {
		drop_conf(&p->conf);
		return 1;
	}
	notify_open(&p->notify);
	watchdog_open(&p->watchdog);
	limit_rights();
	p->ready_deadline_ms = clock_mono_ms() + READY_DEADLINE_MS;
	children_tend(&p->children);
	loop(p, &signals);
	watchdog_close(&p->watchdog);
	died = p->died;
	children_close(&p->children);
	live_close(&p->live);
	listener_remove(p->run_dir, LISTENER_LIVE);
	close(ready[0]);
	close(ready[1]);
	drop_conf(&p->retired); /* it stopped in the middle of a reload */
	drop_conf(&p->moving);
	drop_conf(&p->conf);
	return died ? 1 : 0;
}
