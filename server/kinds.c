/* The table of the parent's children. */
#include "kinds.h"

#include "broadcast.h"
#include "epochs.h"
#include "listener.h"
#include "worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define STOP_GRACE_MS 10000
#define LIVE_GRACE_MS 3000

static int
run_worker(const struct kind_setup *s, enum kind k, pid_t parent)
{
	struct wake nobody_listens = { .share = NULL };
	const struct worker_options o = { .conf = s->conf,
		.share = s->share,
		.wake = live_is_on(s->live, s->conf) ? &s->live->wake : &nobody_listens,
		.others = live_has_others(s->live, s->conf) ? &s->live->others : &nobody_listens,
		.calls_out = k == KIND_ASK,
		.generation = s->generation,
		.listen_fd = s->listen_fd[k],
		.mail_wake_fd = s->bell_fd[KIND_MAILER],
		.ready_fd = k == KIND_WORKER ? s->ready_fd : -1,
		.uid = s->uid,
		.gid = s->gid,
		.parent = parent };

	return worker_run(&o);
}

static int
run_broadcast(const struct kind_setup *s, enum kind k, pid_t parent)
{
	(void)k;
	return broadcast_run(s->conf, s->live, s->uid, s->gid, parent);
}

static int
broadcast_wanted(const struct kind_setup *s)
{
	return live_has_others(s->live, s->conf);
}

static int
run_epochs(const struct kind_setup *s, enum kind k, pid_t parent)
{
	(void)k;
	return epochs_run(s->conf, s->uid, s->gid, parent);
}

static int
epochs_wanted(const struct kind_setup *s)
{
	return s->conf->database_url[0] != '\0';
}

static int
nginx_wanted(const struct kind_setup *s)
{
	return s->with_nginx;
}

static int
workers_wanted(const struct kind_setup *s)
{
	return (int)s->conf->workers;
}

static int
ask_wanted(const struct kind_setup *s)
{
	return conf_asks(s->conf) ? (int)s->conf->ask_workers : 0;
}

static int
one_wanted(const struct kind_setup *s)
{
	(void)s;
	return 1;
}

static int
live_wanted(const struct kind_setup *s)
{
	return live_is_on(s->live, s->conf);
}

static int
sweep_wanted(const struct kind_setup *s)
{
	return (int)s->conf->housekeeping_interval_sec;
}

const struct kind_line kinds[KIND__MAX] = {
	/* Its process group is how its workers are found when it was killed; from its folder the
	 * names of sockets are short. It is stopped first: it takes no more requests and finishes
	 * those under way, which streams are until relay-live ends them. */
	[KIND_NGINX] = { .name = "nginx",
	    .program = "nginx",
	    .words = { { "-e", VALUE_NONE }, { "stderr", VALUE_NONE }, { "-p", VALUE_RUN_DIR },
		{ "-c", VALUE_NONE }, { "nginx.conf", VALUE_NONE } },
	    .wanted = nginx_wanted,
	    .life = LIFE_KEPT,
	    .flags = KIND_OF_PATH | KIND_GROUP | KIND_HOLDS_SIGNALS,
	    .reload_signal = SIGHUP,
	    .log_signal = SIGUSR1,
	    .stop_signal = SIGQUIT,
	    .stop_turn = 1,
	    .grace_ms = STOP_GRACE_MS },
	[KIND_WORKER] = { .name = "worker",
	    .run = run_worker,
	    .socket = LISTENER_SOCKET,
	    .wanted = workers_wanted,
	    .life = LIFE_SETTINGS,
	    .flags = KIND_RENEWS | ENDS_UPLOADS_IF_KILLED,
	    .stop_signal = SIGTERM,
	    .stop_turn = 2,
	    .grace_ms = STOP_GRACE_MS },
	/* They wait for engines, and nobody waits for them. */
	[KIND_ASK] = { .name = "ask worker",
	    .run = run_worker,
	    .socket = LISTENER_ASK,
	    .wanted = ask_wanted,
	    .life = LIFE_SETTINGS,
	    .flags = KIND_RENEWS,
	    .stop_signal = SIGTERM,
	    .stop_turn = 2,
	    .grace_ms = STOP_GRACE_MS },
	[KIND_MAILER] = { .name = "mailer",
	    .program = "relay-mail",
	    .words = { { "--dir", VALUE_DIR }, { "--wake-fd", VALUE_BELL_FD },
		{ "--map-fd", VALUE_WAKE_FD } },
	    .wanted = one_wanted,
	    .life = LIFE_SETTINGS,
	    .flags = KIND_BELL,
	    .stop_signal = SIGTERM,
	    .stop_turn = 2,
	    .grace_ms = STOP_GRACE_MS },
	/* Two at a time would take each other's marks; the next one reads the new settings. */
	[KIND_LIVE] = { .name = "live",
	    .program = "relay-live",
	    .words = { { "--listen-fd", VALUE_LIVE_FD }, { "--map-fd", VALUE_WAKE_FD },
		{ "--bell-fd", VALUE_WAKE_BELL_FD }, { "--most", VALUE_LIVE_MAX },
		{ "--uid", VALUE_UID }, { "--gid", VALUE_GID }, { "--log", VALUE_LOG_LEVEL } },
	    .wanted = live_wanted,
	    .life = LIFE_KEPT,
	    .flags = KIND_BARE | ENDS_STREAMS,
	    .reload_signal = SIGTERM,
	    .stop_signal = SIGTERM,
	    .stop_turn = 1,
	    .grace_ms = LIVE_GRACE_MS },
	/* Wake-ups to and from other machines on the same database. */
	[KIND_BROADCAST] = { .name = "broadcast",
	    .run = run_broadcast,
	    .wanted = broadcast_wanted,
	    .life = LIFE_SETTINGS,
	    .stop_signal = SIGTERM,
	    .stop_turn = 2,
	    .grace_ms = LIVE_GRACE_MS },
	/* Keys of epochs, where the database is a server's. */
	[KIND_EPOCHS] = { .name = "epochs",
	    .run = run_epochs,
	    .wanted = epochs_wanted,
	    .life = LIFE_SETTINGS,
	    .stop_signal = SIGTERM,
	    .stop_turn = 2,
	    .grace_ms = STOP_GRACE_MS },
	/* One housekeeping pass; it drops its rights itself. */
	[KIND_SWEEP] = { .name = "sweep",
	    .program = "relay-sweep",
	    .words = { { "--dir", VALUE_DIR } },
	    .wanted = sweep_wanted,
	    .life = LIFE_PASS,
	    .stop_signal = SIGTERM,
	    .stop_turn = 2,
	    .grace_ms = STOP_GRACE_MS },
};

static int
kept_open(int fd)
{
	fcntl(fd, F_SETFD, 0);
	return fd;
}

static long long
number_of(const struct kind_setup *s, enum kind k, enum kind_value v)
{
	switch (v) {
	case VALUE_BELL_FD:
		return kept_open(s->bell_fd[k]);
	case VALUE_LIVE_FD:
		return kept_open(s->live->listen_fd);
	case VALUE_WAKE_FD:
		return kept_open(s->live->wake.map_fd);
	case VALUE_WAKE_BELL_FD:
		return kept_open(s->live->wake.bell_fd);
	case VALUE_LIVE_MAX:
		return s->conf->live_max;
	case VALUE_LOG_LEVEL:
		return s->conf->log_level;
	case VALUE_UID:
		return s->uid;
	default:
		return s->gid;
	}
}

void
kind_value(const struct kind_setup *s, enum kind k, enum kind_value v, char *out, size_t size)
{
	if (v == VALUE_DIR)
		snprintf(out, size, "%s", s->dir);
	else if (v == VALUE_RUN_DIR)
		snprintf(out, size, "%s/", s->run_dir);
	else
		snprintf(out, size, "%lld", number_of(s, k, v));
}
