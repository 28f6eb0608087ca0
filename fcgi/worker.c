/* The accept loop and the steps of a request. */
#include "worker.h"

#include "auth.h"
#include "cleanup.h"
#include "clock.h"
#include "download.h"
#include "fields.h"
#include "log.h"
#include "req.h"
#include "resp.h"
#include "room.h"
#include "route.h"
#include "sandbox.h"
#include "secret.h"
#include "vapid.h"
#include "wake.h"

#include <errno.h>
#include <fcgiapp.h>
#include <libgen.h>
#include <poll.h>
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

/* Calls of a user are counted wherever they come from. False: it responded. */
static bool
is_within_rate(struct request *r)
{
	const int often = (int)r->worker->conf->api_rate;

	if (r->route->rate == RATE_AUTH || r->route->rate == RATE_LOCAL || r->body_check ||
	    bucket_take(
		&r->worker->share->calls, r->me.id, often, RATE_BURST * often, clock_mono_ms()))
		return true;
	resp_limited(r, "Too many requests of this account; ask again later.", r->now);
	return false;
}

/* Below the floor of free disk nothing new is stored. */
static bool
has_room(struct request *r)
{
	return !(r->route->access & STORES) || room_check(r, r->worker->conf->db_path, 0);
}

/* nginx asks before it reads a large body: who may send it was found out above, how much is
 * found out here. False: it responded, to the check too. Files have more to be asked about. */
static bool
may_send(struct request *r)
{
	const size_t limit = r->route->body_limit;

	if (!r->body_check || limit == ROUTE_FILE)
		return true;
	if (r->route->access == FOR_ANYONE ||
	    (r->content_length >= 0 && (uint64_t)r->content_length > limit && limit > 0))
		resp_error(
		    r, 413, "too_large", "The request body is larger than this call allows.");
	else
		resp_ok(r, 200);
	return false;
}

/* What nginx has to say once a request is over. */
static bool
is_notice(struct request *r)
{
	if (r->upload_end)
		share_upload_end(r->worker->share, r->upload_id);
	else if (*r->file_sent)
		download_end(r);
	return r->upload_end || *r->file_sent;
}

static void
serve_one(struct request *r)
{
	if (req_read(r) && is_notice(r)) {
		resp_ok(r, 200);
	} else if (r->resp.status == 0) {
		r->route = route_find(r);
		if (r->route && auth_check(r) && is_within_rate(r) && has_room(r) && may_send(r) &&
		    fields_read(r))
			r->route->run(r);
	}
	resp_memory(r);
	resp_send(r);
}

static void
on_term(int sig)
{
	(void)sig;
	FCGX_ShutdownPending();
}

/* After FCGX_Init, which installs handlers of its own. */
static void
catch_signals(void)
{
	const struct sigaction term = { .sa_handler = on_term };
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
	wake_notify(arg, kind, accounts, n);
}

static struct db *
open_store(const struct conf *c, struct share *share)
{
	char error[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES];
	const struct db_options o = db_options_of(c);
	struct db *db = db_open(&o, error);

	if (!db) {
		log_error("%s", error);
		share_note_error(share, error);
		return NULL;
	}
	if (!secret_key_load(c->data_dir, false, no_key)) {
		log_error("%s", no_key);
		share_note_error(share, no_key);
		db_close(db);
		return NULL;
	}
	if (c->push && !vapid_load(c->data_dir, no_key)) {
		log_error("%s", no_key);
		share_note_error(share, no_key);
		db_close(db);
		return NULL;
	}
	db_seal(db);
	return db;
}

/* Ends the request at once. libfcgi would shut the connection down and wait for nginx to close it
 * first, so that a peer that still sends is not reset; nothing is under way here once the body was
 * read to its end, and "detached" tells libfcgi just to close. */
static void
finish(struct request *r)
{
	char rest[4096];

	while (FCGX_GetStr(rest, sizeof(rest), r->fcgx->in) == (int)sizeof(rest))
		;
	FCGX_Detach(r->fcgx);
	FCGX_Finish_r(r->fcgx);
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

/* Waits for a request; one that calls out looks after the engine meanwhile. False: the end. */
static bool
next_request(const struct worker_options *o, struct worker *w, FCGX_Request *fcgx)
{
	struct pollfd asked = { .fd = o->listen_fd, .events = POLLIN };

	if (o->calls_out)
		do
			ask_tend(&w->share->ask, w->conf);
		while (poll(&asked, 1, TEND_MS) == 0);
	return FCGX_Accept_r(fcgx) >= 0;
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

/* Returns how many requests it served. */
static int64_t
serve(const struct worker_options *o, struct worker *w)
{
	FCGX_Request fcgx;
	struct request r = { .worker = w, .fcgx = &fcgx };
	int64_t served = 0;
	bool broken = false;

	arena_init(&r.arena, (size_t)o->conf->request_memory);
	FCGX_InitRequest(&fcgx, o->listen_fd, FCGI_FAIL_ACCEPT_ON_INTR);
	/* Where the database or memory is broken a fresh worker is the surest repair. */
	while (!broken && served < o->conf->worker_requests && next_request(o, w, &fcgx)) {
		size_t used;

		serve_one(&r);
		served++;
		used = r.arena.total;
		broken = r.arena.gone || db_is_broken(w->db);
		if (db_is_damaged(w->db))
			atomic_store(&w->share->damaged, true);
		req_reset(&r);
		finish(&r);
		give_back(used);
		if (o->calls_out)
			wipe_freed();
	}
	FCGX_Free(&fcgx, 1);
	arena_free(&r.arena);
	return served;
}

/* Of files, what is the relay's; a worker that calls out also reads what TLS and names need. The
 * others open no connections. */
static void
enter_sandbox(const struct worker_options *o)
{
	auto_free char *ca = strdup(o->conf->engine_ca_file);
	const char *const own[] = { o->conf->data_dir, o->conf->upload_dir, NULL };

	if (!o->calls_out) {
		sandbox_enter(own, NULL);
		sandbox_stay_inside();
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
		.mail_wake_fd = o->mail_wake_fd,
		.started_at = clock_ms() };
	int64_t served;

	if (!sandbox_drop(o->uid, o->gid)) {
		log_error("cannot become user %u: %s", (unsigned)o->uid, strerror(errno));
		return EXIT_START_FAILED;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the drop, which clears it */
	if (getppid() != o->parent)
		return 0;
	sandbox_limit();
	w.db = open_store(o->conf, o->share);
	if (!w.db || FCGX_Init() != 0)
		return EXIT_START_FAILED;
	if (o->wake->share && !db_on_wakeup(w.db, notify, o->wake))
		return EXIT_START_FAILED;
	catch_signals();
	enter_sandbox(o);
	if (o->ready_fd >= 0 && write(o->ready_fd, "", 1) != 1)
		log_warn("nobody waits for the worker: %s", strerror(errno));
	served = serve(o, &w);
	db_close(w.db);
	return served > 0 ? 0 : EXIT_NOTHING_SERVED;
}
