/* One request: what was asked, who asks, and what is answered. Handlers see validated values only.
 */
#ifndef FCGI_REQ_H
#define FCGI_REQ_H

#include "account.h"
#include "arena.h"
#include "conf.h"
#include "db.h"
#include "share.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct FCGX_Request;

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD__MAX };

/* What a worker holds for all of its requests. */
struct worker {
	const struct conf *conf;
	struct db *db;
	struct share *share;
	int mail_wake_fd; /* eventfd that wakes the mailer */
	int64_t started_at;
};

/* A file that nginx sends (X-Accel-Redirect). */
struct resp_file {
	const char *path; /* as the internal location of nginx knows it */
	const char *mime, *disposition;
};

struct response {
	int status; /* 0: nothing was answered yet */
	struct json_object *body;
	const char *text; /* sent as text/plain instead of the body when it is set */
	struct resp_file file; /* sent by nginx instead of the body when file.path is set */
	const char *etag;
	const char *allow;
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
	uint64_t upload_id; /* the same in all that nginx asks about one upload */
	bool upload_end; /* nginx says that an upload is over, however it ended */
	const char *body_file; /* where nginx put the body; "": it comes through the socket */
	int64_t content_length; /* -1: not given */

	const struct route *route;
	const char *args[2]; /* the parts of the path that the route leaves open */
	void *in; /* the route's input struct, filled by its field table */

	struct account me; /* set for routes that need a member */
	struct session session;

	struct response resp;
};

/* Fills the request from FastCGI. False: it answered an error itself. */
bool req_read(struct request *r);

/* Reads the body up to `limit` bytes; false: it answered 413 or 400. */
bool req_read_body(struct request *r, size_t limit);

/* Wakes the mailer after a commit that put something in the outbox, so that it leaves at once. */
void req_wake_mailer(const struct request *r);

/* Releases everything of the request but one small chunk of memory. */
void req_reset(struct request *r);

#endif
