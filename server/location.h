/* What nginx needs to know of the routes: a location for each path that is not as most are, with
 * rate, pool and size of bodies, and one for all others below /api/. */
#ifndef SERVER_LOCATION_H
#define SERVER_LOCATION_H

#include "conf.h"
#include "route.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* Sockets of the pools, in the run folder. */
#define LOCATION_MAIN_SOCKET "relay.sock"
#define LOCATION_ASK_SOCKET "ask.sock"
#define LOCATION_LIVE_SOCKET "live.sock"

struct location {
	const char *path; /* of the route; "/api/": all that have no location of their own */
	enum rate rate;
	enum pool pool;
	size_t body_limit; /* bytes that nginx takes; ROUTE_FILE: the body is a file */
	bool asks; /* nginx shows a worker the credential before it reads a large body */
};

#define LOCATION_MAX 32
#define LOCATION_ERROR_BYTES 256

/* The locations of a table that ends with a path of NULL, in its order and the general one last, in
 * `out`; returns how many. -1: nginx cannot hold what the table says, and `error` says why. */
int location_list(const struct route *table, struct location out[static LOCATION_MAX],
    char error[static LOCATION_ERROR_BYTES]);

/* Puts in what stands between "location" and its brace. */
void location_match(const struct location *l, struct text *out);

/* Puts in the sizes of bodies, where they are not those of the server. */
void location_body(const struct location *l, struct text *out);

/* Puts in the limits of a rate; nothing where the settings have none. */
void location_limit(enum rate rate, const struct conf *c, struct text *out);

/* Puts in the zones that those limits count in. */
void location_zones(const struct conf *c, struct text *out);

/* The name of a pool for nginx. */
const char *location_upstream(enum pool pool);

/* Puts in the pools with their sockets in `dir`, which ends with a slash or is empty. */
void location_upstreams(const char *dir, struct text *out);

#endif
