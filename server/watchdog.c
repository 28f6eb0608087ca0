/* A question to the pool over FastCGI, without nginx, and the watchdog's food. */
#include "watchdog.h"

#include "clock.h"
#include "listener.h"

#include <errno.h>
#include <stdbool.h>
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TURNS 4 /* questions in the manager's time */
#define LOOK_MS 20
#define ASKED "/api/v1/webchat/config"

/* A record of less than 64 KiB; returns its end. */
static unsigned char *
put_record(unsigned char *p, int type, const void *content, size_t len)
{
	const FCGI_Header head = { .version = FCGI_VERSION_1,
		.type = (unsigned char)type,
		.requestIdB0 = 1,
		.contentLengthB1 = (unsigned char)(len >> 8),
		.contentLengthB0 = (unsigned char)len };

	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), content, len);
	return p + sizeof(head) + len;
}

/* A name and its value, each shorter than 128 bytes. */
static unsigned char *
put_param(unsigned char *p, const char *name, const char *value)
{
	*p++ = (unsigned char)strlen(name);
	*p++ = (unsigned char)strlen(value);
	for (; *name; name++)
		*p++ = (unsigned char)*name;
	for (; *value; value++)
		*p++ = (unsigned char)*value;
	return p;
}

static size_t
make_request(unsigned char out[static 512])
{
	const FCGI_BeginRequestBody begin = { .roleB0 = FCGI_RESPONDER };
	unsigned char params[256], *end = params, *p = out;

	end = put_param(end, "REQUEST_METHOD", "GET");
	end = put_param(end, "DOCUMENT_URI", ASKED);
	end = put_param(end, "REMOTE_ADDR", "127.0.0.1");
	p = put_record(p, FCGI_BEGIN_REQUEST, &begin, sizeof(begin));
	p = put_record(p, FCGI_PARAMS, params, (size_t)(end - params));
	p = put_record(p, FCGI_PARAMS, "", 0);
	p = put_record(p, FCGI_STDIN, "", 0);
	return (size_t)(p - out);
}

/* The socket's name is relative, as paths of sockets end at 107 bytes. */
static void
ask(struct watchdog *w, const char *run_dir)
{
	const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = LISTENER_SOCKET };
	unsigned char request[512];
	const size_t len = make_request(request);

	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0 || chdir(run_dir) != 0 ||
	    connect(w->fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
	    send(w->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		watchdog_close(w);
}

/* True when the response has begun; what is no response ends the probe. */
static bool
has_response(struct watchdog *w)
{
	char response[sizeof(FCGI_Header) + 11];
	const ssize_t n = recv(w->fd, response, sizeof(response), MSG_PEEK);
	const bool waits =
	    n > 0 ? n < (ssize_t)sizeof(response) : n < 0 && (errno == EAGAIN || errno == EINTR);

	if (n == (ssize_t)sizeof(response) && response[1] == FCGI_STDOUT &&
	    memcmp(response + sizeof(FCGI_Header), "Status: 200", 11) == 0)
		return true;
	if (!waits)
		watchdog_close(w);
	return false;
}

void
watchdog_open(struct watchdog *w)
{
	*w = (struct watchdog){ .fd = -1 };
}

void
watchdog_turn(struct watchdog *w, const struct notify *n, const char *run_dir)
{
	const int64_t now = clock_mono_ms();

	if (!n->watchdog_ms)
		return;
	if (w->fd >= 0 && has_response(w)) {
		notify_send(n, "WATCHDOG=1");
		watchdog_close(w);
	}
	if (now < w->next_ms)
		return;
	watchdog_close(w);
	w->next_ms = now + n->watchdog_ms / TURNS;
	ask(w, run_dir);
}

int64_t
watchdog_wait_ms(const struct watchdog *w, const struct notify *n, int64_t most)
{
	const int64_t left = w->fd >= 0 ? LOOK_MS : w->next_ms - clock_mono_ms();

	return n->watchdog_ms && left < most ? left : most;
}

void
watchdog_close(struct watchdog *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
