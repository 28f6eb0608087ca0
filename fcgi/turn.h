/* Turns: a worker that has written and not yet committed serves those who came meanwhile in the
 * same transaction, commits once, and then sends all responses. */
#ifndef FCGI_TURN_H
#define FCGI_TURN_H

#include "accept.h"
#include "request.h"

#define TURN_REQUESTS 32
#define TURN_BYTES ((size_t)1 << 20) /* with more in hand no other request is taken */

struct turn {
	struct worker *worker;
	struct acceptor acceptor;
	struct FCGX_Request *fcgx; /* TURN_REQUESTS of each */
	struct request *requests;
	bool pending; /* the first one was read, but not served yet */
};

/* False: see errno. The caller ends it with turn_free. */
bool turn_make(struct turn *t, struct worker *w, int listen_fd);
void turn_free(struct turn *t);

/* Is there a request to serve, now or within `ms` (-1: for ever)? */
bool turn_wait(struct turn *t, int ms);

/* Is one in hand that has to be served, whatever else? */
bool turn_is_due(const struct turn *t);

/* Serves what is there; *used is set to the bytes it took. Returns how many requests. */
int turn_serve(struct turn *t, size_t *used);

#endif
