/* Connections by libevent's buffers. */
#include "conn.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#define LEAVE_SEC 5

static int count;

struct bufferevent *
conn_new(struct event_base *base, int fd)
{
	struct bufferevent *c = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	if (c)
		count++;
	else
		evutil_closesocket(fd);
	return c;
}

int
conn_count(void)
{
	return count;
}

void
conn_say(struct bufferevent *c, const char *text)
{
	bufferevent_write(c, text, strlen(text));
}

bool
conn_is_clear(struct bufferevent *c)
{
	return evbuffer_get_length(bufferevent_get_output(c)) == 0;
}

void
conn_close(struct bufferevent *c)
{
	bufferevent_free(c);
	count--;
}

static void
on_written(struct bufferevent *c, void *arg)
{
	(void)arg;
	conn_close(c);
}

static void
on_end(struct bufferevent *c, short what, void *arg)
{
	(void)what, (void)arg;
	conn_close(c);
}

void
conn_leave(struct bufferevent *c)
{
	const struct timeval timeout = { LEAVE_SEC, 0 };

	if (conn_is_clear(c)) {
		conn_close(c);
		return;
	}
	bufferevent_setcb(c, NULL, on_written, on_end, NULL);
	bufferevent_disable(c, EV_READ);
	bufferevent_set_timeouts(c, NULL, &timeout);
	bufferevent_enable(c, EV_WRITE);
}

void
conn_refuse(struct bufferevent *c, const char *status)
{
	char head[160];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
	conn_say(c, head);
	conn_leave(c);
}
