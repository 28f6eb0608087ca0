/* Responses: one JSON object each, with "success" in front. */
#ifndef FCGI_RESP_H
#define FCGI_RESP_H

#include "json_write.h"
#include "request.h"

/* Starts a success response and returns its object, which stays the request's: add fields to it. */
struct json_object *resp_ok(struct request *r, int status);

/* Responds with a failure; `code` is the wire's snake_case word, `message` one plain sentence. An
 * earlier response is dropped. */
void resp_error(struct request *r, int status, const char *code, const char *message);

/* The same, for a fault of one request field. */
void resp_field_error(
    struct request *r, int status, const char *code, const char *field, const char *message);

/* 429 with Retry-After up to `retry_at` (Unix milliseconds). */
void resp_limited(struct request *r, const char *message, int64_t retry_at);

/* Responds to every store result that is not a success (DB_ROW, DB_DONE) or one of those that the
 * handler listed and responds to itself: busy and full are a 503 with Retry-After; a caller whose
 * session ended meanwhile is told so; the rest is a 500, and a line in the log when nobody expected
 * it. True when it responded, so that a handler can return. */
#define RESP_NONE (1U << DB_NONE)
bool resp_db_failed_but(struct request *r, enum db_result res, unsigned listed);
bool resp_db_failed(struct request *r, enum db_result res);

/* When the request ran out of memory, the response may lack parts: a 413 replaces it,
 * or a 503 when the whole system is out of memory. For every call, after its handler. */
void resp_memory(struct request *r);

/* Ends a list that comes page by page: has_more, and when there is more where the next one starts.
 */
void resp_page(struct request *r, bool more, int64_t after);
/* 401: the credential is unknown or was ended. */
void resp_unknown_credential(struct request *r);
/* 403: the call is for admins. */
void resp_needs_admin(struct request *r);

/* Responds with 200 and a text that lives as long as the request. */
void resp_text(struct request *r, const char *text);

/* Responds with a file that nginx sends; the strings live as long as the request. */
void resp_file(struct request *r, const struct resp_file *file);

/* A strong entity tag (RFC 9110, section 8.8.3) over a text, in the arena; NULL: no memory. */
char *resp_make_etag(struct request *r, const char *text);

/* Gives the response an entity tag, made from its body when `etag` is NULL; it becomes a 304 when
 * the client named that tag in If-None-Match. */
void resp_etag(struct request *r, char *etag);

/* Sends the response (a 500 when there is none). */
void resp_send(struct request *r);

#endif
