/* What is written to one who listens. */
#include "subscriber.h"

#include "conn.h"

#include <stdio.h>
#include <stdlib.h>

#define GAP_MS 100 /* two wakes of one stream are at least so far apart */
#define STUCK_BEATS 3

/* The web server went, or whoever it spoke for. */
static void
on_gone(struct bufferevent *c, short what, void *arg)
{
	(void)c, (void)what;
	subscriber_kill(arg);
}

struct subscriber *
subscriber_new(struct bufferevent *conn, int64_t account, bool long_poll,
    void (*gone)(struct subscriber *s, void *arg), void *arg)
{
	struct subscriber *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct subscriber){ .conn = conn,
		.account = account,
		.long_poll = long_poll,
		.notified_ms = -GAP_MS,
		.gone = gone,
		.gone_arg = arg };
	bufferevent_setcb(conn, NULL, NULL, on_gone, s);
	bufferevent_set_timeouts(conn, NULL, NULL);
	return s;
}

/* Gives the connection back and frees the rest. */
static struct bufferevent *
let_go(struct subscriber *s)
{
	struct bufferevent *conn = s->conn;

	s->gone(s, s->gone_arg);
	free(s);
	return conn;
}

void
subscriber_end(struct subscriber *s)
{
	conn_leave(let_go(s));
}

void
subscriber_kill(struct subscriber *s)
{
	conn_close(let_go(s));
}

void
subscriber_hello(struct subscriber *s, int reconnect_ms)
{
	char text[320];

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
	    "X-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
	    "retry: %d\ndata: {\"type\":\"hello\",\"reconnect_ms\":%d}\n\n",
	    reconnect_ms, reconnect_ms);
	conn_say(s->conn, text);
}

bool
subscriber_notify(struct subscriber *s, unsigned kinds, int64_t now_ms)
{
	if (conn_is_clear(s->conn))
		s->unsent = 0;
	s->due |= kinds & ~s->unsent;
	if (s->due && now_ms - s->notified_ms < GAP_MS)
		return false;
	if (s->due & SUBSCRIBER_WAKE)
		conn_say(s->conn, "data: {\"type\":\"wake\"}\n\n");
	if (s->due & SUBSCRIBER_RECEIPTS)
		conn_say(s->conn, "data: {\"type\":\"wake\",\"for\":\"receipts\"}\n\n");
	if (s->due)
		s->notified_ms = now_ms;
	s->unsent |= s->due;
	s->due = 0;
	return true;
}

bool
subscriber_beat(struct subscriber *s, int64_t now_ms)
{
	if (!conn_is_clear(s->conn)) {
		s->stuck++;
	} else {
		s->stuck = 0;
		conn_say(s->conn, ":\n\n");
	}
	return s->stuck < STUCK_BEATS && now_ms < s->ends_ms;
}

void
subscriber_respond_now(struct bufferevent *conn, bool wake, int64_t cursor)
{
	char body[96], text[320];
	int n = snprintf(body, sizeof(body), "{\"success\":true,\"wake\":%s,\"after\":\"%lld\"}",
	    wake ? "true" : "false", (long long)cursor);

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
	    "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
	    n, body);
	conn_say(conn, text);
	conn_leave(conn);
}

void
subscriber_respond(struct subscriber *s, bool wake, int64_t cursor)
{
	subscriber_respond_now(let_go(s), wake, cursor);
}

void
subscriber_bye(struct subscriber *s, int reconnect_ms)
{
	char text[96];

	snprintf(
	    text, sizeof(text), "data: {\"type\":\"bye\",\"reconnect_ms\":%d}\n\n", reconnect_ms);
	conn_say(s->conn, text);
	subscriber_end(s);
}
