/* The pool's loop: signals, deaths, respawns, reloads, and an orderly end. */
#include "pool.h"

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "listener.h"
#include "live.h"
#include "log.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TICK_MS 1000
#define STOP_TICK_MS 20
#define STOP_GRACE_MS 10000
#define LIVE_GRACE_MS 3000
#define LIVE_TROUBLE_MS 1000 /* a pause so long says that it cannot run */
#define MOVE_GRACE_MS 1000 /* for requests under way at the old address */
#define READY_DEADLINE_MS 15000

struct pool {
	const struct pool_options *o;
	struct conf *conf,
	    *retired; /* the settings in force, and those that old workers still use */
	struct conf *moving; /* settings with another HOST or PORT: they wait until nginx let go */
	int port; /* where nginx listens */
	struct child_setup setup;
	struct live live;
	struct child children[CHILD_MAX];
	char run_dir[PATH_MAX];
	int generation, ready_fd;
	int64_t ready_deadline_ms; /* 0: told already */
	int64_t sweep_at_ms; /* next housekeeping pass, monotonic */
	bool stopping, died;
	bool reload_again; /* asked for while one was under way */
};

static struct child *
add_child(struct pool *p, enum child_kind kind)
{
	for (int i = 0; i < CHILD_MAX; i++) {
		struct child *c = &p->children[i];

		if (c->kind != CHILD_NONE)
			continue;
		*c = (struct child){ .kind = kind, .generation = p->generation };
		child_start(c, &p->setup);
		return c;
	}
	log_error("no room for another %s", child_name(kind));
	return NULL;
}

static void
add_pool(struct pool *p)
{
	for (int i = 0; i < (int)p->conf->workers; i++)
		add_child(p, CHILD_WORKER);
	add_child(p, CHILD_MAILER);
}

static bool
has_child(const struct pool *p, enum child_kind kind)
{
	for (int i = 0; i < CHILD_MAX; i++)
		if (p->children[i].kind == kind)
			return true;
	return false;
}

/* A housekeeping pass each interval, one at a time. */
static void
sweep(struct pool *p)
{
	int64_t now = clock_mono_ms();

	if (!p->conf->housekeeping_interval_sec || now < p->sweep_at_ms ||
	    has_child(p, CHILD_SWEEP))
		return;
	p->sweep_at_ms = now + p->conf->housekeeping_interval_sec * 1000;
	add_child(p, CHILD_SWEEP);
}

/* One that dies again and again is not offered to clients. */
static void
note_live_death(struct pool *p, const struct child *c)
{
	atomic_store(&p->live.wake.share->streams, 0);
	if (c->pause_ms >= LIVE_TROUBLE_MS)
		atomic_store(&p->live.wake.share->serving, false);
}

/* What a web server that died was reading never ends; and a worker that is killed may take with it
 * the word that an upload ended, which nobody says again. What is still on its way is then held
 * against the quota when it is stored. */
static bool
takes_ends_along(const struct child *c, int status)
{
	return c->kind == CHILD_NGINX || (c->kind == CHILD_WORKER && WIFSIGNALED(status));
}

static void
bury(struct pool *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < CHILD_MAX; i++) {
			bool lost = takes_ends_along(&p->children[i], status);
			bool live = p->children[i].kind == CHILD_LIVE;

			if (p->children[i].kind == CHILD_NONE || p->children[i].pid != pid)
				continue;
			child_died(&p->children[i], status, p->stopping);
			if (live)
				note_live_death(p, &p->children[i]);
			if (lost)
				share_upload_end_all(p->setup.share);
		}
}

/* For the figures: how many workers are alive. */
static void
count_workers(const struct pool *p)
{
	int alive = 0;

	for (int i = 0; i < CHILD_MAX; i++)
		alive += p->children[i].kind == CHILD_WORKER && p->children[i].pid > 0;
	atomic_store(&p->setup.share->workers, alive);
}

static void
respawn(struct pool *p)
{
	int64_t now = clock_mono_ms();

	for (int i = 0; i < CHILD_MAX; i++) {
		struct child *c = &p->children[i];

		if (c->kind == CHILD_NONE || c->pid != 0 || now < c->respawn_at_ms)
			continue;
		child_start(c, &p->setup);
	}
}

/* Another generation does not replace these: they are told of the settings. */
static bool
is_of_any_generation(const struct child *c)
{
	return c->kind == CHILD_NGINX || c->kind == CHILD_LIVE;
}

/* Stops the children of a kind (CHILD_NONE: of all) or, when `older`, those that run with older
 * settings; answers how many are still there. */
static int
stop_children(struct pool *p, enum child_kind kind, bool older, int grace_ms)
{
	int left = 0;

	for (int i = 0; i < CHILD_MAX; i++) {
		struct child *c = &p->children[i];

		if (c->kind == CHILD_NONE || (kind != CHILD_NONE && c->kind != kind) ||
		    (older && (is_of_any_generation(c) || c->generation == p->generation)))
			continue;
		child_stop(c, grace_ms);
		left += c->kind != CHILD_NONE;
	}
	return left;
}

/* relay-live runs while the settings want it, one at a time: two would take each other's marks. */
static void
tend_live(struct pool *p)
{
	if (!live_is_on(&p->live, p->conf))
		stop_children(p, CHILD_LIVE, false, LIVE_GRACE_MS);
	else if (!has_child(p, CHILD_LIVE))
		add_child(p, CHILD_LIVE);
}

static void
signal_kind(struct pool *p, enum child_kind kind, int sig)
{
	for (int i = 0; i < CHILD_MAX; i++)
		if (p->children[i].kind == kind && p->children[i].pid > 0)
			kill(p->children[i].pid, sig);
}

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
write_front(const struct pool *p, const struct conf *c, int port, char *error)
{
	const struct pool_options *o = p->o;

	return o->with_nginx ? listener_write(c, p->run_dir, o->program_dir, port, error) :
			       listener_write_includes(c, p->run_dir, o->program_dir, error);
}

static bool
make_live(struct pool *p)
{
	return live_make(&p->live, p->conf,
	    &(struct live_place){ .run_dir = p->run_dir,
		.program_dir = p->o->program_dir,
		.uid = p->setup.uid,
		.gid = p->setup.gid });
}

/* New settings: new workers first, then the old ones may go, so that somebody always accepts. Takes
 * `fresh` over, whose files nginx has. */
static void
adopt(struct pool *p, struct conf *fresh)
{
	p->retired = p->conf;
	p->conf = fresh;
	p->setup.conf = fresh;
	p->generation++;
	log_setup("relayd", (enum log_level)fresh->log_level);
	make_live(p);
	add_pool(p);
	signal_kind(p, CHILD_LIVE, SIGTERM); /* the next one reads them */
	log_info("settings reloaded");
}

/* The settings as they are now. Whose nginx it is was settled at the start. nginx cannot take
 * another address for the port that it holds already, so for a move it ends first. */
static void
reload(struct pool *p)
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
	} else if (write_front(p, fresh, p->port, error)) {
		adopt(p, fresh);
		signal_kind(p, CHILD_NGINX, SIGHUP);
	} else {
		log_error("not reloaded: %s", error);
		drop_conf(&fresh);
	}
}

/* The second half of a move, once the old nginx is gone. What cannot be had leaves the relay where
 * it was. */
static void
finish_move(struct pool *p)
{
	char error[CONF_ERROR_BYTES];
	struct conf *fresh = p->moving;
	int port;

	if (!fresh || stop_children(p, CHILD_NGINX, false, MOVE_GRACE_MS) > 0)
		return;
	port = listener_port(fresh, error);
	p->moving = NULL;
	if (port && write_front(p, fresh, port, error)) {
		p->port = port;
		adopt(p, fresh);
		p->ready_deadline_ms = clock_mono_ms() + READY_DEADLINE_MS;
	} else {
		log_error("not reloaded: %s", error);
		drop_conf(&fresh);
	}
	add_child(p, CHILD_NGINX);
}

static void
finish_reload(struct pool *p)
{
	if (!p->retired || stop_children(p, CHILD_NONE, true, STOP_GRACE_MS) > 0)
		return;
	drop_conf(&p->retired);
	if (p->reload_again)
		reload(p);
}

/* Health answers: say so; it never does: stop. */
static void
watch_ready(struct pool *p)
{
	struct pollfd ready = { .fd = p->ready_fd, .events = POLLIN };
	bool up;

	if (!p->ready_deadline_ms)
		return;
	up = poll(&ready, 1, 0) > 0 && (!p->o->with_nginx || listener_answers(p->conf, p->port));
	if (!up && clock_mono_ms() < p->ready_deadline_ms)
		return;
	p->ready_deadline_ms = 0;
	p->o->on_ready(p->conf, p->port, up, share_error(p->setup.share));
	if (!up) {
		p->stopping = true;
		p->died = true;
	}
}

static void
take_signal(struct pool *p, int sig)
{
	if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
		p->stopping = true;
	else if (sig == SIGHUP && !p->stopping)
		reload(p);
	else if (sig == SIGUSR1)
		signal_kind(p, CHILD_NGINX, SIGUSR1);
}

static int
tick_ms(const struct pool *p)
{
	int64_t now = clock_mono_ms(), wait = TICK_MS;

	if (p->stopping || p->retired || p->moving)
		return STOP_TICK_MS;
	if (p->ready_deadline_ms)
		return 2;
	for (int i = 0; i < CHILD_MAX; i++) {
		const struct child *c = &p->children[i];

		if (c->kind != CHILD_NONE && c->pid == 0 && c->respawn_at_ms - now < wait)
			wait = c->respawn_at_ms - now;
	}
	return wait < 1 ? 1 : (int)wait;
}

static void
loop(struct pool *p, const sigset_t *signals)
{
	for (;;) {
		int ms = tick_ms(p);
		const struct timespec wait = { ms / 1000, (long)(ms % 1000) * 1000000 };
		int sig = sigtimedwait(signals, NULL, &wait);

		if (sig > 0)
			take_signal(p, sig);
		bury(p);
		count_workers(p);
		if (p->stopping) {
			/* nginx first: it takes no more requests and finishes those under way,
			 * which streams are until relay-live ends them */
			live_shut(&p->live);
			if (stop_children(p, CHILD_NGINX, false, STOP_GRACE_MS) +
				    stop_children(p, CHILD_LIVE, false, LIVE_GRACE_MS) ==
				0 &&
			    stop_children(p, CHILD_NONE, false, STOP_GRACE_MS) == 0)
				return;
			continue;
		}
		finish_move(p);
		respawn(p);
		tend_live(p);
		sweep(p);
		finish_reload(p);
		watch_ready(p);
		listener_turn_log_over(p->run_dir);
		if (p->o->with_nginx && listener_rotate_log(p->run_dir))
			signal_kind(p, CHILD_NGINX, SIGUSR1);
	}
}

static bool
prepare(struct pool *p, int ready[2])
{
	if (!sandbox_user(p->conf->user, &p->setup.uid, &p->setup.gid)) {
		log_error("RELAY_USER: no unprivileged user '%s' on this machine", p->conf->user);
		return false;
	}
	p->setup.share = share_make();
	p->setup.listen_fd = listener_socket(p->run_dir, LISTENER_SOCKET, p->setup.uid,
	    p->setup.gid, (enum conf_socket_access)p->conf->socket_access);
	p->setup.mail_wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!p->setup.share || p->setup.listen_fd < 0 || p->setup.mail_wake_fd < 0 ||
	    pipe2(ready, O_CLOEXEC) != 0) {
		log_error("cannot start: %s", strerror(errno));
		return false;
	}
	p->ready_fd = ready[0];
	p->setup.ready_fd = ready[1];
	return make_live(p);
}

int
pool_run(struct conf *conf, const struct pool_options *o)
{
	auto_free struct pool *p = calloc(1, sizeof(*p));
	int ready[2] = { -1, -1 };
	sigset_t signals;
	bool died;

	if (!p)
		return 1;
	p->o = o;
	p->conf = conf;
	p->port = o->port;
	snprintf(p->run_dir, sizeof(p->run_dir), "%s/run", o->dir);
	p->setup = (struct child_setup){ .conf = conf,
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
	p->ready_deadline_ms = clock_mono_ms() + READY_DEADLINE_MS;
	if (o->with_nginx)
		add_child(p, CHILD_NGINX);
	add_pool(p);
	tend_live(p);
	loop(p, &signals);
	listener_clean(p->run_dir);
	died = p->died;
	close(p->setup.listen_fd);
	close(p->setup.mail_wake_fd);
	live_close(&p->live);
	close(ready[0]);
	close(ready[1]);
	drop_conf(&p->retired); /* it stopped in the middle of a reload */
	drop_conf(&p->moving);
	drop_conf(&p->conf);
	return died ? 1 : 0;
}
