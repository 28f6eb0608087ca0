/* The accept loop and the seven steps of a request. */
#include "worker.h"

#include "auth.h"
#include "cleanup.h"
#include "clock.h"
#include "fields.h"
#include "log.h"
#include "req.h"
#include "resp.h"
#include "route.h"
#include "sandbox.h"
#include "secret.h"

#include <errno.h>
#include <fcgiapp.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define ARENA_BYTES ((size_t)8 << 20)
#define EXIT_START_FAILED 3

static void
serve_one(struct request *r)
{
	if (req_read(r)) {
		r->route = route_find(r);
		if (r->route && auth_check(r) && fields_read(r))
			r->route->run(r);
	}
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
fence(const struct conf *c)
{
#ifndef __SANITIZE_ADDRESS__ /* the leak checker reads /proc at exit */
	auto_free char *db_copy = strdup(c->db_path);
	const char *const none[] = { NULL };
	const char *writable[] = { db_copy ? dirname(db_copy) : NULL, c->upload_dir, NULL };
	int abi = sandbox_fence(writable, none);

	log_debug("worker fenced in: landlock ABI %d%s", abi, abi ? "" : " (this kernel has none)");
#else
	(void)c;
#endif
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
	if (!secret_key_load(c->db_path, false, no_key)) {
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

static void
serve(const struct worker_options *o, struct worker *w)
{
	FCGX_Request fcgx;
	struct request r = { .worker = w, .fcgx = &fcgx };
	int64_t left = o->conf->worker_requests;

	arena_init(&r.arena, ARENA_BYTES);
	FCGX_InitRequest(&fcgx, o->listen_fd, FCGI_FAIL_ACCEPT_ON_INTR);
	while (left-- > 0 && FCGX_Accept_r(&fcgx) >= 0) {
		bool broken;

		serve_one(&r);
		broken = r.resp.status == 500;
		if (db_is_damaged(w->db))
			atomic_store(&w->share->damaged, true);
		req_reset(&r);
		finish(&r);
		if (broken) /* a fresh worker is the surest repair */
			break;
	}
	FCGX_Free(&fcgx, 1);
	arena_free(&r.arena);
}

int
worker_run(const struct worker_options *o)
{
	struct worker w = { .conf = o->conf,
		.share = o->share,
		.mail_wake_fd = o->mail_wake_fd,
		.started_at = clock_ms() };

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
	catch_signals();
	fence(o->conf);
	if (write(o->ready_fd, "", 1) != 1)
		log_warn("nobody waits for the worker: %s", strerror(errno));
	serve(o, &w);
	db_close(w.db);
	return 0;
}
