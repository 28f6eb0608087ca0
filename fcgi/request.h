/* One request: what was asked, who asks, and the response. Handlers see validated values only.
 */
#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H

#include "actor.h"
#include "arena.h"
#include "conf.h"
#include "db.h"

#include "session.h"
#include "share.h"
#include "wake.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct FCGX_Request;
struct field;
struct request;

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD__MAX };

/* Who may call: a session of any member, or of an admin; FOR_HOLDER: members, and whoever brings
 * the thing's own token, which the handler checks. Added to it, the scopes of which an API key
 * needs one; without any the call is for sessions alone. STORES: it puts something new on the disk,
 * which is refused below the floor. SILENT: it is no sign of life of the session. */
enum access {
	FOR_ANYONE = 0,
	FOR_HOLDER = 16,
	FOR_MEMBER = 32,
	FOR_ADMIN = 64 | SCOPE_ADMIN,
	STORES = 128,
	SILENT = 256
};

/* How often one client address may call; the web server counts. */
enum rate {
	RATE_API, /* RELAY_API_RATE a second and RATE_BURST times that at once, of each account and
		   * of each address without a credential; RELAY_MAX_CONNECTIONS of an address */
	RATE_AUTH, /* RELAY_AUTH_RATE a minute, and as many at once: what sends mail or tries codes
		    */
	RATE_ASK, /* as RATE_API; how many may wait at once is counted by itself */
	RATE_STREAM, /* as RATE_API to begin with; what stays open is counted by itself */
	RATE_LOCAL, /* not limited, and only on loopback, at RELAY_METRICS_PORT */
	RATE__MAX
};

#define RATE_BURST 2 /* seconds of the API's rate that may come at once */

/* Who responds. */
enum pool {
	POOL_MAIN, /* workers that wait for nothing but the store */
	POOL_ASK, /* workers that wait for an engine; where none is set, the main pool */
	POOL_LIVE, /* relay-live, once one of the main pool said who asks */
	POOL__MAX
};

#define ROUTE_FILE SIZE_MAX
#define ROUTE_SMALL 16384 /* so much of a body is read whoever sends it */
#define ROUTE_BODY 524288 /* so much of whoever has shown a credential; more is said by a route */

struct route {
	enum method method;
	const char
	    *path; /* "*" stands for one path part, handed over in request.args; two at most */
	unsigned access; /* enum access, with enum scope */
	size_t body_limit; /* bytes; 0: a body is ignored; ROUTE_FILE: the body is a file */
	enum rate rate; /* the same for all methods of a path, and so is the pool */
	enum pool pool;
	const struct field *fields; /* of the body, for GET and files of the query; NULL: none */
	size_t in_size; /* of the struct that the fields fill */
	void (*run)(struct request *r); /* no response means 500 */
};

static inline bool
route_needs_admin(const struct route *route)
{
	return (route->access & FOR_ADMIN) == FOR_ADMIN;
}

/* Ends with an entry whose path is NULL. */
extern const struct route routes[];

/* What a worker holds for all of its requests. */
struct worker {
	const struct conf *conf;
	struct db *db;
	struct share *share;
	struct wake *wake; /* without memory: live wake-ups are off */
	bool calls_out; /* it is of the pool that may */
	uint32_t generation; /* of the settings */
	int mail_wake_fd; /* eventfd that wakes the mailer */
	int64_t started_at;
	bool broken; /* it ends after what it has in hand */
};

/* A file that nginx sends (X-Accel-Redirect). */
struct resp_file {
	const char *path; /* as the internal location of nginx knows it */
	const char *mime, *disposition;
	const char *reader; /* who is noted once it was sent whole, see download.h; or NULL */
};

struct response {
	int status; /* 0: no response yet */
	struct json_object *body;
	const char *text; /* sent as text/plain instead of the body when it is set */
	struct resp_file file; /* sent by nginx instead of the body when file.path is set */
	const char *etag;
	const char *allow;
	const char *pass; /* for relay-live; see pass.h */
	int retry_after_sec;
};

struct request {
	struct worker *worker;
	struct FCGX_Request *fcgx;
	struct arena arena;
	int64_t now; /* Unix milliseconds, the same for the whole request */

	enum method method;
	const char *method_name, *path, *query, *id;
	const char *client; /* address of the client, IPv6 cut to its /64: what limits count */
	bool direct_loopback; /* the TCP peer is loopback and no forwarding header is present */
	const char *content_type, *content_encoding, *content_range, *session_token, *authorization,
	    *if_none_match, *if_match;
	char *body;
	size_t body_len;
	bool body_check; /* nginx asks before it reads the body: may it be? */
	bool live_check; /* nginx asks before it lets somebody listen: who is it? */
	pid_t reader; /* nginx's process that reads an upload; 0: unknown */
	uint64_t upload_id; /* the same in all that nginx asks about one upload */
	bool upload_end; /* nginx says that an upload is over, however it ended */
	const char *file_sent, *file_reader; /* nginx says that a file went out; see download.h */
	const char *body_file; /* where nginx put the body; "": it comes through the socket */
	int64_t content_length; /* -1: not given */

	const struct route *route;
	const char *args[2]; /* the parts of the path that the route leaves open */
	void *in; /* the route's input struct, filled by its field table */

	struct account me; /* set for routes that need a member */
	struct session session;

	struct response resp;
};

/* The caller. */
static inline struct actor
request_actor(const struct request *r)
{
	return (struct actor){ .account_id = r->me.id, .session_id = r->session.id };
}

#endif
