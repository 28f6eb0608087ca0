/* relay-mail: drains the outbox. Started by the pool, woken by it, and never in the way of a
 * request. Mail and Telegram each have a process, so that neither waits for the other's server. */
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "mailer.h"
#include "reason.h"
#include "sandbox.h"
#include "secret.h"
#include "telegram.h"

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
	int64_t pause = FIRST_RETRY_MS,
		longest = mail->message_id ? LONGEST_RETRY_MS : LONGEST_OWN_MS;

	for (int tries = mail->tries; tries > 0 && pause < longest; tries--)
		pause *= 2;
	return pause < longest ? pause : longest;
}

/* One kind of the outbox, with what takes it. */
struct lane {
	enum outbox_kind kind;
	bool on; /* the settings name a server */
	struct db *db;
	struct mailer *mailer;
	struct telegram *telegram;
	int64_t closed_until; /* the server takes nothing before that (monotonic) */
	int closed; /* how often in a row it did not */
	pid_t other; /* process of the other lane that we started, 0: none */
	int wake_fd;
};

static enum mail_result
send_one(struct lane *l, const struct outbox_mail *mail, struct mail_reason *why, int64_t *wait_ms)
{
	*wait_ms = 0;
	return l->kind == OUTBOX_MAIL ? mailer_send(l->mailer, mail, why) :
					telegram_send(l->telegram, mail, why, wait_ms);
}

/* What is kept of the reason: nothing that names the recipient. */
static void
keep_reason(const struct lane *l, const struct outbox_mail *mail, const struct mail_reason *why,
    char out[static 2 * MAILER_REASON_BYTES])
{
	char theirs[MAILER_REASON_BYTES];

	reason_clean(why->theirs, mail->recipient, theirs, sizeof(theirs));
	if (l->kind == OUTBOX_MAIL)
		mailer_join(why->own, theirs, out);
	else if (why->moved_to)
		snprintf(out, 2 * (size_t)MAILER_REASON_BYTES, "%s; the group's new id is %lld",
		    theirs, (long long)why->moved_to);
	else
		snprintf(out, MAILER_REASON_BYTES, "%s", theirs[0] ? theirs : why->own);
}

/* A server that cannot be reached is tried again soon, and then each minute; one that does not let
 * us in, each minute: more often could lock the account. */
static int64_t
closed_pause_ms(struct lane *l, const struct mail_reason *why)
{
	int64_t pause = FIRST_RETRY_MS;

	for (int n = l->closed++; n > 0 && pause < CLOSED_MS; n--)
		pause *= 2;
	if (why->theirs[0] || pause > CLOSED_MS)
		pause = CLOSED_MS;
	l->closed_until = clock_mono_ms() + pause;
	return pause;
}

/* Notes what became of it. The log gets our own words alone. */
static enum db_result
settle(struct lane *l, const struct outbox_mail *mail, enum mail_result result,
    const struct mail_reason *why, int64_t wait_ms)
{
	char reason[2 * MAILER_REASON_BYTES];
	const char *what = l->kind == OUTBOX_MAIL ? "mail" : "Telegram message";
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

/* Sends what is due. Answers the time to sleep until the next one, -1 when there is none. */
static int64_t
drain(struct lane *l, struct arena *a)
{
	while (!mailer_stop) {
		struct mail_reason why = { .own = "" };
		struct outbox_mail mail;
		int64_t next_at = 0, wait_ms = 0, now = clock_ms();
		enum mail_result result;
		enum db_result r = db_outbox_expire(l->db, now);

		arena_reset(a);
		if (r != DB_DONE || !l->on || clock_mono_ms() < l->closed_until)
			return LOOK_MS;
		r = db_outbox_due(l->db, a, l->kind, now, &mail, &next_at);
		if (r != DB_ROW)
			return r == DB_NONE && next_at == 0 ? -1 :
			    r == DB_NONE && next_at > now   ? next_at - now :
							      LOOK_MS;
		result = send_one(l, &mail, &why, &wait_ms);
		r = settle(l, &mail, result, &why, wait_ms);
		if (r != DB_DONE && r != DB_NONE)
			return LOOK_MS;
	}
	return -1;
}

/* True when the process that we started is gone: then we end too, and the pool starts both. */
static bool
is_alone(const struct lane *l)
{
	return l->other && waitpid(l->other, NULL, WNOHANG) == l->other;
}

/* Every write to the pool's descriptor is an edge for each lane: nobody reads it, so no lane takes
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
loop(struct lane *l)
{
	auto_close int wake = wake_open(l->wake_fd);
	struct epoll_event event;
	struct arena a;
	int status = wake < 0;

	arena_init(&a, ARENA_BYTES);
	while (!mailer_stop && status == 0) {
		int64_t wait = drain(l, &a);

		if (is_alone(l)) {
			l->other = 0;
			status = 1;
		} else if (!mailer_stop)
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
}

/* Opens what the lane needs after the fork, works until told to stop, and closes it. */
static int
run_lane(const struct conf *c, struct lane *l)
{
	const struct db_options o = db_options_of(c);
	char error[DB_ERROR_BYTES];
	int status = 1;

	l->db = db_open(&o, error);
	if (l->kind == OUTBOX_MAIL)
		l->mailer = mailer_open(c);
	else
		l->telegram = telegram_open(c);
	if (l->db && (l->mailer || l->telegram)) {
		db_seal(l->db);
		enter_sandbox(c);
		status = loop(l);
	} else {
		log_error("%s", l->db ? "out of memory" : error);
	}
	mailer_close(l->mailer);
	telegram_close(l->telegram);
	db_close(l->db);
	return status;
}

/* Ends the process that we started; if it takes too long, it goes when we do. */
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

/* Telegram in a process of its own, if it is on; mail in this one. */
static int
run_lanes(const struct conf *c, int wake_fd)
{
	struct lane mail = { .kind = OUTBOX_MAIL, .on = c->smtp_host[0], .wake_fd = wake_fd };
	struct lane telegram = { .kind = OUTBOX_TELEGRAM, .on = true, .wake_fd = wake_fd };
	pid_t parent = getpid();
	int status;

	if (c->telegram_api[0])
		mail.other = fork();
	if (mail.other < 0) {
		log_error("cannot fork: %s", strerror(errno));
		return 1;
	}
	if (c->telegram_api[0] && mail.other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return getppid() == parent ? run_lane(c, &telegram) : 0;
	}
	status = run_lane(c, &mail);
	if (mail.other)
		end_other(mail.other);
	return status;
}

static int
run(const struct conf *c, int wake_fd)
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
	sandbox_limit();
	return run_lanes(c, wake_fd);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "wake-fd", required_argument, NULL, 'w' }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	char error[CONF_ERROR_BYTES];
	const char *dir = NULL;
	struct conf c;
	int opt, wake_fd = -1, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'd')
			dir = optarg;
		else if (opt == 'w')
			wake_fd = (int)strtol(optarg, NULL, 10);
		else
			return fputs("Usage: relay-mail --dir DIR [--wake-fd N]\n"
				     "Sends the mails of a relay's outbox; the pool starts it.\n",
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
	if (wake_fd >= 0)
		fcntl(wake_fd, F_SETFD, FD_CLOEXEC);
	status = run(&c, wake_fd);
	curl_global_cleanup();
	conf_free(&c);
	return status;
}
