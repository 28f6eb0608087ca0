/* Reading requests. Only one header of them matters, and no byte of it is the client's. */
#include "door.h"

#include "conn.h"

#include <event2/buffer.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_BYTES 2048
#define REQUEST_SEC 5
#define HEADER "X-Live-Account:"
#define REST_US 100000 /* when no more sockets can be had */

struct door {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *rest;
	struct listeners *all;
	const uint8_t *key;
	int most;
};

/* The pass in the head of a request, which is cut up. NULL: there is none. */
static const char *
find_pass(char *head)
{
	char *rest = head;

	for (char *line; (line = strsep(&rest, "\n"));) {
		line[strcspn(line, "\r")] = '\0';
		if (strncasecmp(line, HEADER, sizeof(HEADER) - 1) == 0)
			return line + sizeof(HEADER) - 1 + strspn(line + sizeof(HEADER) - 1, " ");
	}
	return NULL;
}

static void
respond(struct door *d, struct bufferevent *c, char *head)
{
	const char *text = find_pass(head);
	struct pass p;

	if (text && pass_read(d->key, text, &p))
		listeners_admit(d->all, c, &p);
	else
		conn_refuse(c, "503 Service Unavailable");
}

static void
on_bytes(struct bufferevent *c, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(c);
	char head[REQUEST_BYTES + 1];
	ev_ssize_t n = evbuffer_copyout(in, head, REQUEST_BYTES);

	head[n > 0 ? n : 0] = '\0';
	if (strstr(head, "\r\n\r\n")) {
		evbuffer_drain(in, evbuffer_get_length(in));
		respond(arg, c, head);
	} else if (n >= REQUEST_BYTES || (size_t)n != strlen(head)) {
		conn_close(c);
	}
}

static void
on_end(struct bufferevent *c, short what, void *arg)
{
	(void)what, (void)arg;
	conn_close(c);
}

static void
on_accept(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *at, int len, void *arg)
{
	const struct timeval timeout = { REQUEST_SEC, 0 };
	struct door *d = arg;
	struct bufferevent *c = conn_new(d->base, fd);

	(void)listener, (void)at, (void)len;
	if (!c)
		return;
	if (conn_count() > d->most) {
		conn_close(c);
		return;
	}
	bufferevent_setcb(c, on_bytes, NULL, on_end, d);
	bufferevent_setwatermark(c, EV_READ, 0, REQUEST_BYTES);
	bufferevent_set_timeouts(c, &timeout, NULL);
	bufferevent_enable(c, EV_READ | EV_WRITE);
}

/* Without sockets to be had, libevent would ask again at once, for ever. */
static void
on_error(struct evconnlistener *listener, void *arg)
{
	const struct timeval rest = { 0, REST_US };
	struct door *d = arg;

	evconnlistener_disable(listener);
	event_add(d->rest, &rest);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct door *d = arg;

	(void)fd, (void)what;
	evconnlistener_enable(d->listener);
}

struct door *
door_open(struct event_base *base, int fd, struct listeners *all, const uint8_t *key, int most)
{
	struct door *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	*d = (struct door){ .base = base, .all = all, .key = key, .most = most };
	d->rest = event_new(base, -1, 0, on_rested, d);
	d->listener = evconnlistener_new(
	    base, on_accept, d, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!d->rest || !d->listener) {
		door_close(d);
		return NULL;
	}
	evconnlistener_set_error_cb(d->listener, on_error);
	return d;
}

void
door_close(struct door *d)
{
	if (d->listener)
		evconnlistener_free(d->listener);
	if (d->rest)
		event_free(d->rest);
	free(d);
}
