/* relay-mail: drains the outbox. Started by the pool, woken by it, and never in the way of a
 * request. Each carrier has a process, so that none waits for another's server. */
#include "carrier.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "mailer.h"
#include "push.h"
#include "reason.h"
#include "sandbox.h"
#include "secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 1000 /* for what relayctl or another program put into the outbox */
#define FIRST_RETRY_MS 2000
#define LONGEST_RETRY_MS 600000
#define LONGEST_OWN_MS 60000 /* for the relay's own mails: a code lives ten minutes */
#define CLOSED_MS 60000 /* nothing is tried at a server that takes nobody's mail */
#define ARENA_BYTES ((size_t)1 << 20)
#define END_MS 2000 /* for the other process, when we end */
#define END_STEP_US 20000
#define PUSHES ARRAY_LEN(carriers) /* of the other processes the one that sends pushes */

static void
on_term(int sig)
{
	(void)sig;
	mailer_stop = 1;
}

static void
catch_signals(void)
{
	const struct sigaction term = { .sa_handler = on_term }, ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static int64_t
retry_pause_ms(const struct outbox_mail *mail)
{
	return clock_backoff(
	    mail->tries, FIRST_RETRY_MS, mail->message_id ? LONGEST_RETRY_MS : LONGEST_OWN_MS);
}

/* By their kinds. */
static const struct carrier *const carriers[] = {
#define CHANNEL(name, word, needs, units)
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) [kind] = &sender##_carrier,
#include "channel.def"
#undef CHANNEL
#undef CARRIED
};

/* One kind of the outbox, with what takes it. */
struct carrier_run {
	enum outbox_kind kind;
	const struct carrier *carrier;
	bool on; /* the settings name a server */
	struct db *db;
	void *sender;
	int64_t closed_until; /* the server takes nothing before that (monotonic) */
	int closed; /* how often in a row it did not */
	pid_t others[ARRAY_LEN(carriers) + 1]; /* processes that we started; 0: none */
	int wake_fd;
};

/* What the pool hands over; -1: nothing. */
struct descriptors {
	int wake_fd; /* rung at news in the outbox */
	int map_fd; /* who listens to live wake-ups */
};

/* What is kept of the reason: nothing that names the recipient. */
static void
keep_reason(const struct carrier_run *l, const struct outbox_mail *mail,
    const struct mail_reason *why, char out[static 2 * MAILER_REASON_BYTES])
{
	char theirs[MAILER_REASON_BYTES];

	reason_clean(why->theirs, mail->recipient, theirs, sizeof(theirs));
	if (l->carrier->keep)
		l->carrier->keep(why, theirs, out);
	else
		snprintf(out, MAILER_REASON_BYTES, "%s", theirs[0] ? theirs : why->own);
}

/* A server that cannot be reached is tried again soon, and then each minute; one that does not let
 * us in, each minute: more often could lock the account. */
static int64_t
closed_pause_ms(struct carrier_run *l, const struct mail_reason *why)
{
	int64_t pause = clock_backoff(l->closed++, FIRST_RETRY_MS, CLOSED_MS);

	if (why->theirs[0])
		pause = CLOSED_MS;
	l->closed_until = clock_mono_ms() + pause;
	return pause;
}

/* Notes what became of it. The log gets our own words alone. */
static enum db_result
record_result(struct carrier_run *l, const struct outbox_mail *mail, enum mail_result result,
    const struct mail_reason *why, int64_t wait_ms)
{
	char reason[2 * MAILER_REASON_BYTES];
	const char *what = l->carrier->what;
	int64_t pause = result == MAIL_CLOSED ? closed_pause_ms(l, why) :
	    wait_ms                           ? wait_ms :
						retry_pause_ms(mail);

	if (result != MAIL_CLOSED)
		l->closed = 0;
	keep_reason(l, mail, why, reason);
	if (result == MAIL_SENT) {
		log_info("%s %lld sent", what, (long long)mail->id);
		return db_outbox_sent(l->db, mail);
	}
	if (result == MAIL_REFUSED) {
		log_warn("%s %lld refused: %s", what, (long long)mail->id, why->own);
		return db_outbox_refused(l->db, mail, reason);
	}
	log_warn("%s %lld not sent (try %d, again in %lld s): %s", what, (long long)mail->id,
	    mail->tries + 1, (long long)pause / 1000, why->own);
	return db_outbox_retry(l->db, mail->id, clock_ms() + pause, reason);
}

/* Sends what is due. Returns the time to sleep until the next one, -1 when there is none. */
static int64_t
drain(struct carrier_run *l, struct arena *a)
{
	while (!mailer_stop) {
		struct mail_reason why = { .own = "" };
		struct outbox_mail mail;
		int64_t next_at = 0, wait_ms = 0, now = clock_ms();
		enum mail_result result;
		enum db_result r = db_outbox_expire(l->db, now);

		arena_reset(a);
		if (!db_leads(l->db, l->kind)) /* another machine sends them */
			return LOOK_MS;
		if (r != DB_DONE || !l->on || clock_mono_ms() < l->closed_until)
			return LOOK_MS;
		r = db_outbox_due(l->db, a, l->kind, now, &mail, &next_at);
		if (r != DB_ROW)
			return r == DB_NONE && next_at == 0 ? -1 :
			    r == DB_NONE && next_at > now   ? next_at - now :
							      LOOK_MS;
		result = l->carrier->send(l->sender, &mail, &why, &wait_ms);
		r = record_result(l, &mail, result, &why, wait_ms);
		if (r != DB_DONE && r != DB_NONE)
			return LOOK_MS;
	}
	return -1;
}

/* True when a process that we started is gone: then we end too, and the pool starts all. */
static bool
is_short_of_one(struct carrier_run *l)
{
	for (size_t i = 0; i < ARRAY_LEN(l->others); i++)
		if (l->others[i] && waitpid(l->others[i], NULL, WNOHANG) == l->others[i]) {
			l->others[i] = 0;
			return true;
		}
	return false;
}

/* Every write to the pool's descriptor is an edge for each process: nobody reads it, so none takes
 * the word from the other. -1: see errno. */
static int
wake_open(int wake_fd)
{
	struct epoll_event edge = { .events = EPOLLIN | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || (wake_fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, wake_fd, &edge) != 0))
		log_error("cannot wait for news: %s", strerror(errno));
	return fd;
}

static int
loop(struct carrier_run *l)
{
	auto_close int wake = wake_open(l->wake_fd);
	struct epoll_event event;
	struct arena a;
	int status = wake < 0;

	arena_init(&a, ARENA_BYTES);
	while (!mailer_stop && status == 0) {
		int64_t wait = drain(l, &a);

		if (is_short_of_one(l))
			status = 1;
		else if (!mailer_stop)
			epoll_wait(
			    wake, &event, 1, wait < 0 || wait > LOOK_MS ? LOOK_MS : (int)wait);
	}
	arena_free(&a);
	return status;
}

/* The network stays open; of files only what TLS and name look-ups read, and the database's folder.
 */
static void
enter_sandbox(const struct conf *c)
{
	auto_free char *ca = strdup(c->smtp_ca_file);

	sandbox_enter((const char *const[]){ c->data_dir, NULL },
	    (const char *const[]){
		"/etc", "/usr", "/lib", "/run", "/dev", ca && ca[0] ? dirname(ca) : NULL, NULL });
	syscalls_enter(SYSCALLS_MAIL, c->database_url);
}

/* Opens what the carrier needs after the fork, works until told to stop, and closes it. */
static int
run_carrier(const struct conf *c, struct carrier_run *l)
{
	const struct db_options o = db_options_of(c);
	char error[DB_ERROR_BYTES];
	int status = 1;

	l->db = db_open(&o, error);
	l->sender = l->carrier->open(c);
	if (l->db && l->sender) {
		db_seal(l->db);
		enter_sandbox(c);
		status = loop(l);
	} else {
		log_error("%s", l->db ? "out of memory" : error);
	}
	if (l->sender)
		l->carrier->close(l->sender);
	db_close(l->db);
	return status;
}

/* Ends a process that we started; if it takes too long, it goes when we do. */
static void
end_other(pid_t other)
{
	kill(other, SIGTERM);
	for (int64_t end = clock_mono_ms() + END_MS; clock_mono_ms() < end;) {
		if (waitpid(other, NULL, WNOHANG) != 0)
			return;
		usleep(END_STEP_US);
	}
}

/* A process for the carrier; 0 in there. -1: see errno. */
static pid_t
start_other(pid_t parent)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
	}
	return pid;
}

/* Starts the process of that slot among the others; 0 in there, -1: none was to be had. */
static pid_t
start_at(struct carrier_run *first, size_t slot, pid_t parent)
{
	pid_t pid = start_other(parent);

	if (pid < 0)
		log_error("cannot fork: %s", strerror(errno));
	first->others[slot] = pid > 0 ? pid : 0;
	return pid;
}

/* The first kind in this process, on or not; the others, if they are, and pushes in processes of
 * their own. */
static int
run_carriers(const struct conf *c, const struct descriptors *d)
{
	struct carrier_run first = { .kind = 0, .carrier = carriers[0], .wake_fd = d->wake_fd };
	const pid_t parent = getpid();
	pid_t pid = 1;
	int status = 0;

	for (int i = 0; i < CHANNEL_COUNT && pid > 0; i++) {
		const struct channel *ch = &channel_list[i];

		if (ch->kind == first.kind)
			first.on = channel_is_carried(ch, c);
		if (ch->kind <= first.kind || !channel_is_carried(ch, c))
			continue;
		pid = start_at(&first, (size_t)ch->kind, parent);
		if (pid == 0)
			return run_carrier(c,
			    &(struct carrier_run){ .kind = ch->kind,
				.carrier = carriers[ch->kind],
				.on = true,
				.wake_fd = d->wake_fd });
	}
	if (pid > 0 && c->push)
		pid = start_at(&first, PUSHES, parent);
	if (pid == 0)
		return push_run(c, d->map_fd);
	status = pid > 0 ? run_carrier(c, &first) : 1;
	for (size_t i = 0; i < ARRAY_LEN(first.others); i++)
		if (first.others[i])
			end_other(first.others[i]);
	return status;
}

static int
run(const struct conf *c, const struct descriptors *d)
{
	pid_t parent = getppid();
	uid_t uid;
	gid_t gid;

	if (!sandbox_user(c->user, &uid, &gid) || !sandbox_drop(uid, gid)) {
		log_error("cannot become user %s", c->user);
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* the drop cleared what the pool had set */
	if (getppid() != parent)
		return 0;
	sandbox_limit(SYSCALLS_MAIL);
	return run_carriers(c, d);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "wake-fd", required_argument, NULL, 'w' },
		{ "map-fd", required_argument, NULL, 'm' }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	struct descriptors d = { .wake_fd = -1, .map_fd = -1 };
	char error[CONF_ERROR_BYTES];
	const char *dir = NULL;
	struct conf c;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'd')
			dir = optarg;
		else if (opt == 'w')
			d.wake_fd = (int)strtol(optarg, NULL, 10);
		else if (opt == 'm')
			d.map_fd = (int)strtol(optarg, NULL, 10);
		else
			return fputs("Usage: relay-mail --dir DIR [--wake-fd N] [--map-fd N]\n"
				     "Sends mails, Telegram messages and pushes of a relay; the "
				     "pool starts it.\n",
				   opt == 'h' ? stdout : stderr) < 0 ||
				opt != 'h' ?
			    2 :
			    0;
	}
	setlocale(LC_CTYPE, "C.UTF-8");
	log_setup("relay-mail", LOG_LEVEL_INFO);
	catch_signals();
	if (!dir || !conf_load(&c, dir, error) || !secret_init() ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		log_error("%s", dir ? error : "--dir is missing");
		return 1;
	}
	log_setup("relay-mail", (enum log_level)c.log_level);
	if (d.wake_fd >= 0)
		fcntl(d.wake_fd, F_SETFD, FD_CLOEXEC);
	if (d.map_fd > 0)
		fcntl(d.map_fd, F_SETFD, FD_CLOEXEC);
	status = run(&c, &d);
	curl_global_cleanup();
	conf_free(&c);
	return status;
}
