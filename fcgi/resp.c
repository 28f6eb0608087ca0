/* Building and sending responses. */
#include "resp.h"

#include "cleanup.h"
#include "log.h"
#include "oom.h"
#include "secret.h"

#include <fcgiapp.h>
#include <string.h>

#define ETAG_BYTES 16
#define RETRY_BUSY_SEC 1
#define RETRY_FULL_SEC 30

static struct json_object *
start(struct request *r, int status, bool success)
{
	json_object_put(r->resp.body);
	r->resp = (struct response){ .status = status, .body = json_new_object() };
	json_add_bool(r->resp.body, "success", success);
	return r->resp.body;
}

struct json_object *
resp_ok(struct request *r, int status)
{
	return start(r, status, true);
}

void
resp_error(struct request *r, int status, const char *code, const char *message)
{
	struct json_object *o = start(r, status, false);

	json_add_text(o, "error", code);
	json_add_text(o, "message", message);
}

void
resp_field_error(
    struct request *r, int status, const char *code, const char *field, const char *message)
{
	resp_error(r, status, code, message);
	json_add_text(r->resp.body, "field", field);
}

void
resp_limited(struct request *r, const char *message, int64_t retry_at)
{
	int64_t wait_ms = retry_at - r->now;

	resp_error(r, 429, "rate_limited", message);
	r->resp.retry_after_sec = wait_ms > 1000 ? (int)(wait_ms / 1000) : 1;
}

void
resp_memory(struct request *r)
{
	if (oom_take())
		r->arena.gone = true;
	if (r->arena.gone) {
		resp_error(r, 503, "busy", "The relay is out of memory; try again.");
		r->resp.retry_after_sec = RETRY_BUSY_SEC;
	} else if (r->arena.full) {
		resp_error(r, 413, "too_large",
		    "This call needs more memory than one request may take; ask for less at once.");
	}
}

void
resp_unknown_credential(struct request *r)
{
	resp_error(r, 401, "credential_invalid",
	    "The credential is unknown or has been revoked; sign in again.");
}

void
resp_needs_admin(struct request *r)
{
	resp_error(r, 403, "forbidden", "This call needs an admin of the relay.");
}

/* The account or session that asks may have gone, or lost its rights, after it was looked up. True:
 * that was the response. */
static bool
caller_is_refused(struct request *r)
{
	enum db_result res = DB_ROW;

	if (r->session.id)
		res = db_session_by_id(
		    r->worker->db, &r->arena, r->session.public_id, &r->session, &r->me);
	if (res == DB_NONE || (res == DB_ROW && r->me.blocked))
		resp_unknown_credential(r);
	else if (res == DB_ROW && route_needs_admin(r->route) && r->me.role != ROLE_ADMIN)
		resp_needs_admin(r);
	else
		return false;
	return true;
}

/* Nothing that the handler knows how to respond to. */
static void
unlisted(struct request *r, enum db_result res)
{
	if (res == DB_NONE || res == DB_ORPHAN) {
		if (caller_is_refused(r))
			return;
		if (res == DB_ORPHAN) {
			resp_error(r, 503, "busy",
			    "Something that this belongs to was just deleted; try again.");
			r->resp.retry_after_sec = RETRY_BUSY_SEC;
			return;
		}
	}
	if (res != DB_FAIL)
		log_error("%s %s: an answer of the store that nobody expects here (%d)", r->id,
		    r->route ? r->route->path : "-", (int)res);
	resp_error(r, 500, "internal", "The relay could not do this; its log says why.");
}

bool
resp_db_failed_but(struct request *r, enum db_result res, unsigned listed)
{
	if (res == DB_ROW || res == DB_DONE || (listed & 1U << res))
		return false;
	switch (res) {
	case DB_BUSY:
		resp_error(r, 503, "busy", "The database is busy; try again.");
		r->resp.retry_after_sec = RETRY_BUSY_SEC;
		break;
	case DB_FULL:
		resp_error(r, 503, "storage_full", "The relay's disk is full; nothing was stored.");
		r->resp.retry_after_sec = RETRY_FULL_SEC;
		break;
	default:
		unlisted(r, res);
	}
	return true;
}

bool
resp_db_failed(struct request *r, enum db_result res)
{
	return resp_db_failed_but(r, res, 0);
}

void
resp_page(struct request *r, bool more, int64_t after)
{
	json_add_bool(r->resp.body, "has_more", more);
	if (more)
		json_add_text(
		    r->resp.body, "after", arena_printf(&r->arena, "%lld", (long long)after));
}

void
resp_text(struct request *r, const char *text)
{
	resp_ok(r, 200);
	r->resp.text = text;
}

void
resp_file(struct request *r, const struct resp_file *file)
{
	resp_ok(r, 200);
	r->resp.file = *file;
}

char *
resp_make_etag(struct request *r, const char *text)
{
	uint8_t hash[SECRET_HASH_BYTES];
	char tag[2 * ETAG_BYTES + 1];

	secret_hash(text, hash);
	secret_hex(hash, ETAG_BYTES, tag);
	return arena_printf(&r->arena, "\"%s\"", tag);
}

void
resp_etag(struct request *r, char *etag)
{
	if (!etag) {
		const char *text = json_text(r->resp.body, NULL);

		etag = text ? resp_make_etag(r, text) : NULL;
	}
	if (!etag)
		return;
	r->resp.etag = etag;
	if (strcmp(r->if_none_match, "*") == 0 || strstr(r->if_none_match, etag))
		r->resp.status = 304;
}

/* Reason phrases of RFC 9110 for the statuses of the relay. */
static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = { { 200, "OK" }, { 202, "Accepted" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 409, "Conflict" },
		{ 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 503, "Service Unavailable" } };

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Internal Server Error";
}

/* Only where the file lies and what it is: nginx sends the bytes, ranges and all. */
static void
send_file(FCGX_Stream *out, const struct resp_file *f)
{
	FCGX_FPrintF(out,
	    "Status: 200 OK\r\nCache-Control: private, no-cache\r\nContent-Type: %s\r\n"
	    "Content-Disposition: %s\r\nX-Accel-Redirect: %s\r\nX-File-Reader: %s\r\n\r\n",
	    f->mime, f->disposition, f->path, f->reader ? f->reader : "");
}

/* Where not even a refusal could be built. */
static void
send_no_memory(struct request *r)
{
	static const char body[] = "{\"success\":false,\"error\":\"busy\",\"message\":"
				   "\"The relay is out of memory; try again.\"}";

	oom_take();
	r->resp.status = 503;
	r->arena.gone = true;
	FCGX_FPrintF(r->fcgx->out,
	    "Status: 503 %s\r\nCache-Control: no-store\r\nRetry-After: %d\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    reason(503), RETRY_BUSY_SEC, (int)sizeof(body) - 1, body);
}

static void
send_json(struct request *r)
{
	FCGX_Stream *out = r->fcgx->out;
	size_t len = 0;
	const char *body = json_text(r->resp.body, &len);

	if (!body) {
		send_no_memory(r);
		return;
	}
	FCGX_FPrintF(out, "Status: %d %s\r\nCache-Control: no-store\r\n", r->resp.status,
	    reason(r->resp.status));
	if (r->resp.etag)
		FCGX_FPrintF(out, "ETag: %s\r\n", r->resp.etag);
	if (r->resp.allow)
		FCGX_FPrintF(out, "Allow: %s\r\n", r->resp.allow);
	if (r->resp.retry_after_sec)
		FCGX_FPrintF(out, "Retry-After: %d\r\n", r->resp.retry_after_sec);
	if (r->resp.pass)
		FCGX_FPrintF(out, "X-Live-Account: %s\r\n", r->resp.pass);
	if ((r->body_check || r->live_check) && r->resp.status >= 400)
		FCGX_FPrintF(out, "X-Refusal: %s\r\n", body);
	if (r->resp.status != 304)
		FCGX_FPrintF(
		    out, "Content-Type: application/json\r\nContent-Length: %d\r\n", (int)len);
	FCGX_PutS("\r\n", out);
	if (r->resp.status != 304)
		FCGX_PutStr(body, (int)len, out);
}

void
resp_send(struct request *r)
{
	if (r->resp.status == 0)
		resp_error(r, 500, "internal", "The call was not answered.");
	if (oom_noted())
		send_no_memory(r);
	else if (r->resp.text)
		FCGX_FPrintF(r->fcgx->out,
		    "Status: 200 OK\r\nCache-Control: no-store\r\nContent-Type: text/plain; "
		    "version=0.0.4; charset=utf-8\r\n\r\n%s",
		    r->resp.text);
	else if (r->resp.file.path)
		send_file(r->fcgx->out, &r->resp.file);
	else
		send_json(r);
	share_count(r->worker->share, r->route ? (int)(r->route - routes) : SHARE_ROUTES - 1,
	    r->resp.status);
	log_line(r->resp.status >= 500 && r->resp.status != 503 ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG,
	    "%s %s %s %d", r->id, r->method_name ? r->method_name : "?",
	    r->route ? r->route->path : "-", r->resp.status);
}
