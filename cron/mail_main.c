/* relay-mail: drains the outbox. Started by the pool, woken by it, and never in the way of a
 * request. */
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "mailer.h"
#include "sandbox.h"
#include "secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define LOOK_MS 1000 /* for what relayctl or another program put into the outbox */
#define FIRST_RETRY_MS 2000
#define LONGEST_RETRY_MS 600000
#define ARENA_BYTES ((size_t)1 << 20)

static volatile sig_atomic_t stopping;

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
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
retry_pause_ms(int tries)
{
	int64_t pause = FIRST_RETRY_MS;

	while (tries-- > 0 && pause < LONGEST_RETRY_MS)
		pause *= 2;
	return pause < LONGEST_RETRY_MS ? pause : LONGEST_RETRY_MS;
}

/* Sends what is due. Answers the time to sleep until the next mail, -1 when the outbox is empty. */
static int64_t
drain(struct db *db, struct mailer *m, struct arena *a)
{
	while (!stopping) {
		char reason[MAILER_REASON_BYTES];
		struct outbox_mail mail;
		int64_t next_at = 0, now = clock_ms();
		enum db_result r;

		arena_reset(a);
		r = db_outbox_due(db, a, now, &mail, &next_at);
		if (r != DB_ROW)
			return r == DB_NONE && next_at == 0 ? -1 :
			    r == DB_NONE && next_at > now   ? next_at - now :
							      LOOK_MS;
		if (mailer_send(m, &mail, reason)) {
			r = db_outbox_sent(db, mail.id);
			log_info("mail %lld sent", (long long)mail.id);
		} else {
			int64_t pause = retry_pause_ms(mail.tries);

			log_warn("mail %lld not sent (try %d, again in %lld s): %s",
			    (long long)mail.id, mail.tries + 1, (long long)pause / 1000, reason);
			r = db_outbox_retry(db, mail.id, clock_ms() + pause, reason);
		}
		if (r != DB_DONE && r != DB_NONE)
			return LOOK_MS;
	}
	return -1;
}

static void
loop(const struct conf *c, struct db *db, struct mailer *m, int wake_fd)
{
	struct pollfd wake = { .fd = wake_fd, .events = POLLIN };
	struct arena a;
	uint64_t count;

	arena_init(&a, ARENA_BYTES);
	while (!stopping) {
		int64_t wait = c->smtp_host[0] ? drain(db, m, &a) : -1;

		if (wait < 0 || wait > LOOK_MS)
			wait = LOOK_MS;
		if (poll(&wake, 1, (int)wait) > 0 && read(wake_fd, &count, sizeof(count)) < 0 &&
		    errno != EAGAIN)
			wake.fd = -1;
	}
	arena_free(&a);
}

/* The network stays open; of files only what TLS and name look-ups read, and the database's folder.
 */
static void
fence(const struct conf *c)
{
#ifndef __SANITIZE_ADDRESS__
	auto_free char *copy = strdup(c->db_path), *ca = strdup(c->smtp_ca_file);
	const char *writable[] = { copy ? dirname(copy) : NULL, NULL };
	const char *readable[] = { "/etc", "/usr", "/lib", "/run", "/dev",
		ca && ca[0] ? dirname(ca) : NULL, NULL };

	log_debug("mailer fenced in: landlock ABI %d", sandbox_fence(writable, readable));
#else
	(void)c;
#endif
}

static int
run(const struct conf *c, int wake_fd)
{
	const struct db_options o = db_options_of(c);
	char error[DB_ERROR_BYTES];
	pid_t parent = getppid();
	struct mailer *m;
	struct db *db;
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
	db = db_open(&o, error);
	m = mailer_open(c);
	if (!db || !m) {
		log_error("%s", db ? "out of memory" : error);
		db_close(db);
		mailer_close(m);
		return 1;
	}
	db_seal(db);
	fence(c);
	loop(c, db, m, wake_fd);
	mailer_close(m);
	db_close(db);
	return 0;
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
