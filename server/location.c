/* From routes to nginx's locations. */
#include "location.h"

#include <stdio.h>
#include <string.h>

#define API "/api/"
#define STREAMS_PER_CLIENT 200
#define ACCOUNTS_PER_ADDRESS 20LL /* so many times the rate of one, for all at an address */
#define ASK_WAITING 16 /* calls that wait for the engine, of all */
#define ASK_PER_CLIENT 8
#define ASK_MARGIN_SEC 5 /* more than the slower engine has */

/* One socket, named several times: only then nginx may ask again, which it does where the server
 * block says so. */
static const struct {
	const char *name, *socket;
	int times;
} pools[POOL__MAX] = { [POOL_MAIN] = { "webchat_relay", LOCATION_MAIN_SOCKET, 4 },
	[POOL_ASK] = { "webchat_ask", LOCATION_ASK_SOCKET, 1 },
	[POOL_LIVE] = { "webchat_live", LOCATION_LIVE_SOCKET, 1 } };

/* The zones in which requests and connections are counted. */
static const struct {
	bool calls; /* counted by RELAY_API_RATE; the workers do so for each account */
	const char *connections; /* NULL: not counted */
} rates[RATE__MAX] = { [RATE_API] = { true, "connections" },
	[RATE_AUTH] = { false, "connections" },
	[RATE_ASK] = { true, "ask_client" },
	[RATE_STREAM] = { true, "live" },
	[RATE_LOCAL] = { false, NULL } };

static int
fail(char *error, const char *path, const char *why)
{
	snprintf(error, LOCATION_ERROR_BYTES, "%s: %s", path, why);
	return -1;
}

static bool
is_file(const struct location *l)
{
	return l->body_limit == ROUTE_FILE;
}

/* Credentials are asked for, except where some method needs none, or holders of a token of the
 * thing's own may call. */
static bool
asks(const struct route *r)
{
	return (r->access & FOR_MEMBER) || (r->access & FOR_ADMIN) == FOR_ADMIN;
}

/* Adds one more method of its path; false: one location cannot be as both want it. */
static bool
merge(struct location *l, const struct route *r)
{
	if (l->rate != r->rate || l->pool != r->pool ||
	    (is_file(l) != (r->body_limit == ROUTE_FILE)))
		return false;
	if (r->body_limit > l->body_limit)
		l->body_limit = r->body_limit;
	l->asks = l->asks && asks(r);
	return true;
}

/* What nginx reads before a worker has seen who sends it, and after. */
static size_t
body_limit(const struct location *l)
{
	const size_t least = l->asks ? ROUTE_BODY : ROUTE_SMALL;

	return l->body_limit > least ? l->body_limit : least;
}

static bool
is_general(const struct location *l)
{
	return strncmp(l->path, API, strlen(API)) == 0 && l->rate == RATE_API &&
	    l->pool == POOL_MAIN && l->asks && l->body_limit == ROUTE_BODY;
}

/* Has the path stood in the table before this line? */
static bool
was_before(const struct route *table, const struct route *r)
{
	for (const struct route *e = table; e < r; e++)
		if (strcmp(e->path, r->path) == 0)
			return true;
	return false;
}

static bool
is_one_of_a_kind(const struct location *l)
{
	return is_file(l) || l->pool == POOL_LIVE;
}

/* Uploads and streams have locations beside them, which are made for one path. */
static bool
is_one_too_many(const struct location *l, const struct location *all, int n)
{
	if (!is_one_of_a_kind(l))
		return false;
	for (int i = 0; i < n; i++)
		if (is_one_of_a_kind(&all[i]) && is_file(l) == is_file(&all[i]))
			return true;
	return strchr(l->path, '*') != NULL;
}

int
location_list(const struct route *table, struct location out[static LOCATION_MAX],
    char error[static LOCATION_ERROR_BYTES])
{
	int n = 0;

	for (const struct route *r = table; r->path; r++) {
		struct location l = { r->path, r->rate, r->pool, r->body_limit, asks(r) };

		if (was_before(table, r))
			continue;
		for (const struct route *more = r + 1; more->path; more++)
			if (strcmp(more->path, r->path) == 0 && !merge(&l, more))
				return fail(error, r->path,
				    "its methods differ in rate, pool or kind of body");
		if (r->path[strspn(r->path, "abcdefghijklmnopqrstuvwxyz0123456789-_/*")])
			return fail(
			    error, r->path, "a path that nginx may take for something else");
		l.body_limit = body_limit(&l);
		if (is_general(&l))
			continue;
		if (is_one_too_many(&l, out, n))
			return fail(error, r->path,
			    "uploads have one path, and so have streams, without open parts");
		if (n == LOCATION_MAX - 1)
			return fail(error, r->path, "too many locations");
		out[n++] = l;
	}
	out[n++] = (struct location){ API, RATE_API, POOL_MAIN, ROUTE_BODY, true };
	return n;
}

void
location_match(const struct location *l, struct text *out)
{
	if (strcmp(l->path, API) == 0) {
		text_printf(out, "%s", l->path);
		return;
	}
	if (!strchr(l->path, '*')) {
		text_printf(out, "= %s", l->path);
		return;
	}
	text_printf(out, "~ ^");
	for (const char *p = l->path; *p; p++)
		text_printf(out, *p == '*' ? "[^/]+" : "%c", *p);
	text_printf(out, "$");
}

void
location_body(const struct location *l, struct text *out)
{
	if (l->body_limit > ROUTE_SMALL)
		text_printf(out,
		    "            client_max_body_size %zu;\n"
		    "            client_body_buffer_size %zu;",
		    l->body_limit, l->body_limit);
}

/* So many of each address. */
static long long
connections(enum rate rate, const struct conf *c)
{
	return rate == RATE_STREAM ? STREAMS_PER_CLIENT :
	    rate == RATE_ASK       ? ASK_PER_CLIENT :
				     (long long)c->max_connections;
}

/* Of the engines that are set; all of them share the workers. */
static long long
longest_ask_sec(const struct conf *c)
{
	const long long translate = (long long)(c->translate_timeout_ms + 999) / 1000,
			transcribe = (long long)c->transcribe_timeout_sec;

	return c->transcribe_url[0] && transcribe > translate ? transcribe : translate;
}

void
location_limit(enum rate rate, const struct conf *c, struct text *out)
{
	const long long often = (long long)c->api_rate, auth = (long long)c->auth_rate;

	if (rate == RATE_AUTH && auth)
		text_printf(out, "            limit_req zone=auth burst=%lld nodelay;\n", auth);
	if (rates[rate].calls && often)
		text_printf(out,
		    "            limit_req zone=strangers burst=%lld nodelay;\n"
		    "            limit_req zone=addresses burst=%lld nodelay;\n",
		    RATE_BURST * often, ACCOUNTS_PER_ADDRESS * RATE_BURST * often);
	if (rates[rate].connections && c->max_connections)
		text_printf(out, "            limit_conn %s %lld;\n", rates[rate].connections,
		    connections(rate, c));
	if (rate == RATE_ASK)
		text_printf(out,
		    "            limit_conn ask %d;\n"
		    "            limit_conn_status 503;\n"
		    "            fastcgi_read_timeout %llds;",
		    ASK_WAITING, longest_ask_sec(c) + ASK_MARGIN_SEC);
}

void
location_zones(const struct conf *c, struct text *out)
{
	if (c->api_rate)
		text_printf(out,
		    "    limit_req_zone $limit_stranger zone=strangers:10m rate=%lldr/s;\n"
		    "    limit_req_zone $limit_client zone=addresses:10m rate=%lldr/s;\n",
		    (long long)c->api_rate, ACCOUNTS_PER_ADDRESS * (long long)c->api_rate);
	if (c->auth_rate)
		text_printf(out, "    limit_req_zone $limit_client zone=auth:10m rate=%lldr/m;\n",
		    (long long)c->auth_rate);
	if (c->max_connections)
		text_printf(out,
		    "    limit_conn_zone $limit_client zone=connections:10m;\n"
		    "    limit_conn_zone $limit_client zone=ask_client:10m;\n"
		    "    limit_conn_zone $limit_client zone=live:10m;\n");
	text_printf(out, "    limit_conn_zone ask zone=ask:64k;");
}

const char *
location_upstream(enum pool pool)
{
	return pools[pool].name;
}

void
location_upstreams(const char *dir, struct text *out)
{
	for (int p = 0; p < POOL__MAX; p++) {
		text_printf(out, "    upstream %s {\n", pools[p].name);
		for (int i = 0; i < pools[p].times; i++)
			text_printf(out, "        server \"unix:%s%s\" max_fails=0;\n", dir,
			    pools[p].socket);
		text_printf(out, "    }\n");
	}
}
