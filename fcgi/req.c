/* Reading a request from FastCGI. libfcgi's strings die at the next accept; they live long enough
 * for one request. */
#include "req.h"

#include "clock.h"
#include "log.h"
#include "resp.h"
#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FCGX_GetParam compares the whole of each name; most differ at their first letter. */
static const char *
param(const struct request *r, const char *name)
{
	const size_t len = strlen(name);

	for (char **at = r->fcgx->envp; *at; at++)
		if (**at == *name && strncmp(*at, name, len) == 0 && (*at)[len] == '=')
			return *at + len + 1;
	return "";
}

/* The address that limits count by: IPv4 whole, IPv6 by its /64, which is what one customer usually
 * has. */
static const char *
client_key(struct request *r, const char *address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;

	if (inet_pton(AF_INET6, address, &six) != 1)
		return address;
	if (IN6_IS_ADDR_V4MAPPED(&six))
		inet_ntop(AF_INET, &six.s6_addr[12], text, sizeof(text));
	else {
		memset(&six.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &six, text, sizeof(text));
	}
	return arena_strdup(&r->arena, text);
}

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static void
read_method(struct request *r, const char *name)
{
	if (strcmp(name, "HEAD") == 0) /* nginx leaves the body out */
		name = "GET";
	for (int m = 0; m < METHOD__MAX; m++) {
		if (strcmp(name, route_method_name((enum method)m)) == 0) {
			r->method = (enum method)m;
			r->method_name = route_method_name(r->method);
		}
	}
}

/* A Content-Length; -1 when it is none. */
static int64_t
read_length(const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno ? n : -1;
}

/* A number from nginx's id of the request, which is random; never 0. */
static uint64_t
upload_id(const char *request_id)
{
	char part[17];

	snprintf(part, sizeof(part), "%s", request_id);
	return strtoull(part, NULL, 16) | 1;
}

bool
req_read(struct request *r)
{
	r->now = clock_ms();
	r->id = param(r, "REQUEST_ID");
	r->path = param(r, "DOCUMENT_URI");
	r->query = param(r, "QUERY_STRING");
	r->content_type = param(r, "CONTENT_TYPE");
	r->content_encoding = param(r, "CONTENT_ENCODING");
	r->content_range = param(r, "CONTENT_RANGE");
	r->session_token = param(r, "SESSION_TOKEN");
	r->authorization = param(r, "AUTHORIZATION");
	r->if_none_match = param(r, "IF_NONE_MATCH");
	r->if_match = param(r, "IF_MATCH");
	r->body_check = *param(r, "BODY_CHECK") != 0;
	r->live_check = *param(r, "LIVE_CHECK") != 0;
	r->upload_end = *param(r, "UPLOAD_END") != 0;
	r->file_sent = param(r, "FILE_SENT");
	r->file_reader = param(r, "FILE_READER");
	r->upload_id = upload_id(r->id);
	r->reader = (pid_t)read_length(param(r, "READER"));
	r->body_file = param(r, "BODY_FILE");
	r->content_length = read_length(param(r, "BODY_LENGTH"));
	r->direct_loopback = is_loopback(param(r, "TCP_PEER")) && !*param(r, "FORWARDED");
	r->client = client_key(r, param(r, "REMOTE_ADDR"));
	r->body = arena_strdup(&r->arena, "");
	read_method(r, param(r, "REQUEST_METHOD"));
	if (r->client && r->body)
		return true;
	resp_error(r, 500, "internal", "Out of memory.");
	return false;
}

bool
req_read_body(struct request *r, size_t limit)
{
	const char *length = param(r, "CONTENT_LENGTH");
	int64_t n = read_length(length);
	int got;

	if (!*length)
		return true;
	if (n < 0 || (uint64_t)n > limit) {
		resp_error(
		    r, 413, "too_large", "The request body is larger than this call allows.");
		return false;
	}
	r->body = arena_alloc(&r->arena, (size_t)n + 1);
	got = r->body ? FCGX_GetStr(r->body, (int)n, r->fcgx->in) : -1;
	if (got < 0 || got != n) {
		r->body = NULL;
		resp_error(r, 400, "invalid_body", "The body ended early.");
		return false;
	}
	r->body_len = (size_t)n;
	return true;
}

static void
wake_mailer(void *arg, bool stored)
{
	const struct worker *w = arg;
	const uint64_t one = 1;

	if (stored && write(w->mail_wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_warn("cannot wake the mailer: %s", strerror(errno));
}

void
req_wake_mailer(const struct request *r)
{
	db_after(r->worker->db, wake_mailer, r->worker);
}

void
req_reset(struct request *r)
{
	struct arena kept = r->arena;

	json_object_put(r->resp.body);
	arena_reset(&kept);
	*r = (struct request){ .worker = r->worker, .fcgx = r->fcgx, .arena = kept };
}
