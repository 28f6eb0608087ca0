/* The steps of a request around its handler, written once. */
#include "serve.h"

#include "auth.h"
#include "clock.h"
#include "download.h"
#include "fields.h"
#include "req.h"
#include "resp.h"
#include "room.h"
#include "route.h"

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

/* Below the floor of free disk nothing new is stored. A server's disk is its own affair. */
static bool
has_room(struct request *r)
{
	const struct conf *c = r->worker->conf;

	return !(r->route->access & STORES) ||
	    room_check(r, c->database_url[0] ? c->data_dir : c->db_path, 0);
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

/* What the web server says of itself is no call, and neither is what responded already. */
void
serve_read(struct request *r)
{
	if (req_read(r) && !r->upload_end && !*r->file_sent)
		r->route = route_find(r);
}

bool
serve_joins(const struct request *r)
{
	return !r->route || (r->method != METHOD_GET && r->route->body_limit != ROUTE_FILE);
}

bool
serve_check(struct request *r)
{
	if (r->resp.status == 0 && is_notice(r))
		resp_ok(r, 200);
	return r->resp.status == 0 && auth_check(r) && is_within_rate(r) && has_room(r) &&
	    may_send(r) && fields_read(r);
}
