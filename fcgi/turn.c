/* Requests that share a commit. */
#include "turn.h"

#include "oom.h"
#include "req.h"
#include "resp.h"
#include "serve.h"

#include <fcgiapp.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define TURN_REPEATS 5
#define TURN_PAUSE_US 2000

bool
turn_make(struct turn *t, struct worker *w, int listen_fd)
{
	*t = (struct turn){ .worker = w,
		.acceptor = { -1, -1, -1 },
		.fcgx = calloc(TURN_REQUESTS, sizeof(*t->fcgx)),
		.requests = calloc(TURN_REQUESTS, sizeof(*t->requests)) };
	if (!t->fcgx || !t->requests || !accept_open(&t->acceptor, listen_fd))
		return false;
	for (int i = 0; i < TURN_REQUESTS; i++) {
		struct request *r = &t->requests[i];

		*r = (struct request){ .worker = w, .fcgx = &t->fcgx[i] };
		arena_init(&r->arena, (size_t)w->conf->request_memory);
		FCGX_InitRequest(r->fcgx, -1, 0);
	}
	return true;
}

void
turn_free(struct turn *t)
{
	for (int i = 0; t->fcgx && t->requests && i < TURN_REQUESTS; i++) {
		FCGX_Free(&t->fcgx[i], 1);
		arena_free(&t->requests[i].arena);
	}
	free(t->fcgx);
	free(t->requests);
	accept_close(&t->acceptor);
}

bool
turn_wait(struct turn *t, int ms)
{
	return t->pending || accept_wait(&t->acceptor, ms);
}

bool
turn_is_due(const struct turn *t)
{
	return t->pending || t->acceptor.held_fd >= 0;
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

/* What met another write at the same time is tried again, after a while that grows and that chance
 * chooses, so that two do not meet again. A file that was stored is not there for a second time. */
static void
run_handler(struct request *r)
{
	const bool admin = route_needs_admin(r->route);
	struct db *db = r->worker->db;

	db_turn_next(db);
	db_act_for(db, r->session.id, admin);
	r->route->run(r);
	for (int i = 0;
	     i < TURN_REPEATS && r->route->body_limit != ROUTE_FILE && db_turn_repeats(db); i++) {
		usleep(randombytes_uniform((uint32_t)TURN_PAUSE_US << i));
		json_object_put(r->resp.body);
		r->resp = (struct response){ .status = 0 };
		db_act_for(db, r->session.id, admin);
		r->route->run(r);
	}
	db_act_for(db, 0, false);
}

/* The first request of a turn is waited for, so the turn begins when its body is there; whoever
 * joins has brought theirs. Workers that call out wait inside of handlers and take no turns. What
 * was read with too little memory may lack parts, and no handler sees it. */
static void
run(struct turn *t, struct request *r, bool first)
{
	if (serve_check(r) && !r->arena.full && !oom_noted()) {
		if (first && !t->worker->calls_out)
			db_turn_begin(t->worker->db);
		run_handler(r);
	}
	resp_memory(r);
}

/* Takes a next one, if there is any that may be served together with those before it. */
static bool
join(struct turn *t, int n, size_t used)
{
	struct request *r = &t->requests[n];

	if (n == TURN_REQUESTS || used > TURN_BYTES || !db_turn_may_grow(t->worker->db) ||
	    !accept_whole(&t->acceptor, r->fcgx))
		return false;
	serve_read(r);
	t->pending = db_turn_is_open(t->worker->db) && !serve_joins(r);
	return !t->pending;
}

/* The first one comes last: of its body something may be on its way that nobody has read. */
static void
respond(struct turn *t, int n)
{
	struct worker *w = t->worker;
	const enum db_result done = db_turn_end(w->db);

	/* before anybody is told of a failure that it explains */
	if (db_is_damaged(w->db))
		atomic_store(&w->share->damaged, true);
	for (int i = n - 1; i >= 0; i--) {
		struct request *r = &t->requests[i];

		if (r->resp.status < 500) /* what failed by itself has said so */
			resp_db_failed(r, done);
		resp_send(r);
		w->broken = w->broken || r->arena.gone;
		req_reset(r);
		finish(r);
	}
	w->broken = w->broken || db_is_broken(w->db);
}

/* What waits to be served becomes the first of the next turn. */
static void
move_to_start(struct turn *t, int n)
{
	const struct request first = t->requests[0];

	t->requests[0] = t->requests[n];
	t->requests[n] = first;
}

int
turn_serve(struct turn *t, size_t *used)
{
	struct request *r = t->requests;
	int n = 0;

	*used = 0;
	if (!t->pending) {
		if (!accept_request(&t->acceptor, r->fcgx))
			return 0;
		serve_read(r);
	}
	t->pending = false;
	run(t, r, true);
	for (*used = r->arena.total, n = 1; join(t, n, *used); n++) {
		run(t, &r[n], false);
		*used += r[n].arena.total;
	}
	respond(t, n);
	if (t->pending)
		move_to_start(t, n);
	return n;
}
