/* relay-live: wakes clients when something is there for them. Started by the pool, which hands over
 * a listening socket, the shared memory of wakes and its bell. It knows account numbers and
 * connections: no message, no name, no token, no database and no file. */
#include "conn.h"
#include "door.h"
#include "listeners.h"
#include "log.h"
#include "sandbox.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SPARE_CONNECTIONS 256 /* that ask, or leave, beside all that listen */
#define SPARE_FILES 64
#define END_TICK_US 10000
#define END_TICKS 100

struct options {
	int listen_fd, map_fd, bell_fd, most;
	uid_t uid;
	gid_t gid;
};

struct live {
	struct event_base *base;
	struct wake wake;
	struct listeners *all;
	struct door *door;
	struct event *term, *end_timer;
	int end_ticks;
};

/* Who was refused goes first, for up to a second. */
static void
on_end_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval tick = { 0, END_TICK_US };
	struct live *v = arg;

	(void)fd, (void)what;
	if (conn_count() == 0 || v->end_ticks++ >= END_TICKS)
		event_base_loopbreak(v->base);
	else
		event_add(v->end_timer, &tick);
}

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	struct live *v = arg;

	if (!v->door)
		return;
	door_close(v->door);
	v->door = NULL;
	listeners_end(v->all);
	on_end_tick(sig, what, arg);
}

/* As many files as are wanted, or as there may be. Returns how many may listen then. */
static int
raise_limit(int most)
{
	rlim_t want = (rlim_t)most + SPARE_CONNECTIONS + SPARE_FILES;
	struct rlimit limit = { want, want };

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return most;
	if (limit.rlim_max < want)
		want = limit.rlim_max;
	limit.rlim_cur = want;
	setrlimit(RLIMIT_NOFILE, &limit);
	if ((rlim_t)most + SPARE_CONNECTIONS + SPARE_FILES <= want)
		return most;
	most = (int)want - SPARE_CONNECTIONS - SPARE_FILES;
	log_warn("the limit of open files leaves room for %d streams", most);
	return most;
}

/* Gives up all rights but those to the descriptors at hand. False: it said why. */
static bool
drop_rights(const struct options *o, pid_t parent)
{
	const char *const nothing[] = { NULL };

	if (!sandbox_drop(o->uid, o->gid)) {
		log_error("cannot become user %u: %s", (unsigned)o->uid, strerror(errno));
		return false;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* after the drop, which clears it */
	if (getppid() != parent)
		return false;
	sandbox_limit(SYSCALLS_LIVE);
	sandbox_enter(nothing, NULL);
	return true;
}

static bool
make_base(struct live *v)
{
	struct event_config *config = event_config_new();

	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		v->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return v->base != NULL;
}

static int
run(const struct options *o)
{
	pid_t parent = getppid();
	int most = raise_limit(o->most);
	struct live v = { .base = NULL };

	if (!wake_join(&v.wake, o->map_fd, o->bell_fd)) {
		log_error("no shared memory: %s", strerror(errno));
		return 1;
	}
	if (!make_base(&v) || !drop_rights(o, parent))
		return 1;
	v.all = listeners_new(v.base, &v.wake, most);
	v.door = v.all ?
	    door_open(v.base, o->listen_fd, v.all, v.wake.share->key, most + SPARE_CONNECTIONS) :
	    NULL;
	v.term = evsignal_new(v.base, SIGTERM, on_term, &v);
	v.end_timer = event_new(v.base, -1, 0, on_end_tick, &v);
	if (!v.door || !v.term || !v.end_timer || event_add(v.term, NULL) != 0) {
		log_error("out of memory");
		return 1;
	}
	syscalls_enter(SYSCALLS_LIVE, "");
	atomic_store(&v.wake.share->serving, true);
	event_base_dispatch(v.base);
	atomic_store(&v.wake.share->streams, 0);
	event_free(v.term);
	event_free(v.end_timer);
	event_base_free(v.base);
	wake_close(&v.wake);
	return 0;
}

static int
number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text && !*end && n >= 0 && n <= INT32_MAX ? (int)n : -1;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "listen-fd", required_argument, NULL, 'l' },
		{ "map-fd", required_argument, NULL, 'm' },
		{ "bell-fd", required_argument, NULL, 'b' },
		{ "most", required_argument, NULL, 'n' }, { "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' }, { "log", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	int values[128] = { 0 }, opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == '?' || opt == 'h' || (values[opt] = number(optarg)) < 0)
			return fputs("Usage: relay-live --listen-fd N --map-fd N --bell-fd N "
				     "--most N --uid N --gid N --log N\n"
				     "Tells clients of a relay that there is news; the pool "
				     "starts it.\n",
				   opt == 'h' ? stdout : stderr) < 0 ||
				opt != 'h' ?
			    2 :
			    0;
	}
	if (!values['l'] || !values['m'] || !values['b'] || !values['n'] || !secret_init()) {
		fputs("relay-live: see relay-live --help\n", stderr);
		return 2;
	}
	log_setup("relay-live", (enum log_level)values['v']);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (const char *fd = "lmb"; *fd; fd++)
		fcntl(values[(int)*fd], F_SETFD, FD_CLOEXEC);
	fcntl(values['l'], F_SETFL, O_NONBLOCK);
	return run(&(struct options){ .listen_fd = values['l'],
	    .map_fd = values['m'],
	    .bell_fd = values['b'],
	    .most = values['n'],
	    .uid = (uid_t)values['u'],
	    .gid = (gid_t)values['g'] });
}
