/* The life of a worker. */
#include "worker.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "sandbox.h"
#include "secret.h"
#include "turn.h"
#include "vapid.h"
#include "wake.h"

#include <errno.h>
#include <fcgiapp.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define EXIT_START_FAILED 3
#define EXIT_NOTHING_SERVED 4
#define TEND_MS 1000
#define AT_HAND 16 /* blocks of one size; glibc keeps seven */
#define SMALL_BYTES 1048
#define TRIM_BYTES ((size_t)1 << 20) /* after a request of this size freed memory goes back */

static volatile sig_atomic_t stopping;

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
}

/* After FCGX_Init, which installs handlers of its own. */
static void
catch_signals(void)
{
	/* Reading what is in hand goes on, waiting for more does not: epoll_wait is never
	 * restarted. */
	const struct sigaction term = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &ignore,
	    NULL); /* a terminal's Ctrl-C goes to the parent, which stops us in order */
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGUSR1, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
notify(void *arg, enum wake_kind kind, const int64_t *accounts, size_t n)
{
	struct wake *const *maps = arg; /* of this machine, and of the others */

	wake_notify(maps[0], kind, accounts, n);
	wake_notify(maps[1], kind, accounts, n);
}

static struct db *
open_store(const struct conf *c, struct share *share)
{
	char error[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES];
	struct db_options o = db_options_of(c);
	struct db *db;

	o.commits = &share->commits;
	db = db_open(&o, error);
	if (!db) {
		log_error("%s", error);
		share_note_error(share, error);
		return NULL;
	}
	if (!secret_key_load(c->data_dir, false, no_key) ||
	    (c->push && !vapid_load(c->data_dir, no_key))) {
		log_error("%s", no_key);
		share_note_error(share, no_key);
		db_close(db);
		return NULL;
	}
	db_seal(db);
	return db;
}

/* The C library keeps what was freed; after a large request that is most of a worker's size. */
static void
give_back(size_t used)
{
#ifdef __GLIBC__
	if (used >= TRIM_BYTES)
		malloc_trim(0);
#else
	(void)used;
#endif
}

/* Texts for an engine were in memory of libraries, too. What they freed is overwritten by
 * M_PERTURB, but for small blocks that the C library keeps at hand: those are taken out once. */
static void
wipe_freed(void)
{
#ifdef __GLIBC__
	void *blocks[AT_HAND];

	for (size_t size = 24; size <= SMALL_BYTES; size += 16) {
		for (int i = 0; i < AT_HAND; i++) {
			blocks[i] = malloc(size);
			if (blocks[i])
				explicit_bzero(blocks[i], size);
		}
		for (int i = 0; i < AT_HAND; i++)
			free(blocks[i]);
	}
#endif
}

/* Waits for a request; one that calls out looks after the engine meanwhile. */
static bool
wait_for_request(struct turn *t)
{
	struct worker *w = t->worker;

	if (w->calls_out)
		ask_tend(&w->share->ask, w->conf, w->generation);
	return turn_wait(t, w->calls_out ? TEND_MS : -1);
}

/* Returns how many requests it served, or -1. What was taken in hand is served before the end.
 * Where the database or memory is broken a fresh worker is the surest repair. */
static int64_t
serve(const struct worker_options *o, struct worker *w)
{
	struct turn t;
	int64_t served = 0;

	if (!turn_make(&t, w, o->listen_fd)) {
		log_error("no requests can be taken: %s", strerror(errno));
		turn_free(&t);
		return -1;
	}
	while (turn_is_due(&t) || (!w->broken && served < o->conf->worker_requests && !stopping)) {
		size_t used;

		if (!wait_for_request(&t))
			continue;
		served += turn_serve(&t, &used);
		give_back(used);
		if (o->calls_out)
			wipe_freed();
	}
	turn_free(&t);
	return served;
}

/* Of files, what is the relay's; a worker that calls out, or whose database is elsewhere, also
 * reads what TLS and names need. The others open no connections. */
static void
enter_folders(const struct worker_options *o)
{
	auto_free char *ca = strdup(o->conf->engine_ca_file);
	const char *const own[] = { o->conf->data_dir, o->conf->upload_dir, NULL };

	if (!o->calls_out && !syscalls_reach_far(o->conf->database_url)) {
		sandbox_enter(own, NULL);
		return;
	}
	sandbox_enter(own,
	    (const char *const[]){
		"/etc", "/usr", "/lib", "/run", "/dev", ca && ca[0] ? dirname(ca) : NULL, NULL });
#ifdef __GLIBC__
	mallopt(
	    M_PERTURB, 1); /* libraries have texts in memory, too: what is freed is overwritten */
#endif
}

int
worker_run(const struct worker_options *o)
{
	struct worker w = { .conf = o->conf,
		.share = o->share,
		.wake = o->wake,
		.calls_out = o->calls_out,
		.generation = o->generation,
		.mail_wake_fd = o->mail_wake_fd,
		.started_at = clock_ms() };
	struct wake *maps[] = { o->wake, o->others };
	const enum syscalls_program program = o->calls_out ? SYSCALLS_ASK : SYSCALLS_WORKER;
	int64_t served;

	if (!sandbox_drop(o->uid, o->gid)) {
		log_error("cannot become user %u: %s", (unsigned)o->uid, strerror(errno));
		return EXIT_START_FAILED;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the drop, which clears it */
	if (getppid() != o->parent)
		return 0;
	if (o->calls_out)
		prctl(PR_SET_NAME, "relay-ask"); /* beside those of the main pool */
	sandbox_limit(program);
	w.db = open_store(o->conf, o->share);
	if (!w.db || FCGX_Init() != 0)
		return EXIT_START_FAILED;
	if (o->wake->share && !db_on_wakeup(w.db, notify, maps))
		return EXIT_START_FAILED;
	catch_signals();
	enter_folders(o);
	syscalls_enter(program, o->conf->database_url);
	if (o->ready_fd >= 0 && write(o->ready_fd, "", 1) != 1)
		log_warn("nobody waits for the worker: %s", strerror(errno));
	served = serve(o, &w);
	db_close(w.db);
	return served > 0 ? 0 : EXIT_NOTHING_SERVED;
}
