/* What is written to one who listens. */
#include "stream.h"

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
	stream_kill(arg);
}

struct stream *
stream_new(struct bufferevent *conn, int64_t account, bool long_poll,
    void (*gone)(struct stream *s, void *arg), void *arg)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct stream){ .conn = conn,
		.account = account,
		.long_poll = long_poll,
		.told_ms = -GAP_MS,
		.gone = gone,
		.gone_arg = arg };
	bufferevent_setcb(conn, NULL, NULL, on_gone, s);
	bufferevent_set_timeouts(conn, NULL, NULL);
	return s;
}

/* Gives the connection back and frees the rest. */
static struct bufferevent *
let_go(struct stream *s)
{
	struct bufferevent *conn = s->conn;

	s->gone(s, s->gone_arg);
	free(s);
	return conn;
}

void
stream_end(struct stream *s)
{
	conn_leave(let_go(s));
}

void
stream_kill(struct stream *s)
{
	conn_close(let_go(s));
}

void
stream_hello(struct stream *s, int reconnect_ms)
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
stream_tell(struct stream *s, unsigned kinds, int64_t now_ms)
{
	if (conn_is_clear(s->conn))
		s->unsent = 0;
	s->due |= kinds & ~s->unsent;
	if (s->due && now_ms - s->told_ms < GAP_MS)
		return false;
	if (s->due & STREAM_NEWS)
		conn_say(s->conn, "data: {\"type\":\"wake\"}\n\n");
	if (s->due & STREAM_RECEIPTS)
		conn_say(s->conn, "data: {\"type\":\"wake\",\"for\":\"receipts\"}\n\n");
	if (s->due)
		s->told_ms = now_ms;
	s->unsent |= s->due;
	s->due = 0;
	return true;
}

bool
stream_beat(struct stream *s, int64_t now_ms)
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
stream_answer_now(struct bufferevent *conn, bool wake, int64_t place)
{
	char body[96], text[320];
	int n = snprintf(body, sizeof(body), "{\"success\":true,\"wake\":%s,\"after\":\"%lld\"}",
	    wake ? "true" : "false", (long long)place);

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
	    "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
	    n, body);
	conn_say(conn, text);
	conn_leave(conn);
}

void
stream_answer(struct stream *s, bool wake, int64_t place)
{
	stream_answer_now(let_go(s), wake, place);
}

void
stream_bye(struct stream *s, int reconnect_ms)
{
	char text[96];

	snprintf(
	    text, sizeof(text), "data: {\"type\":\"bye\",\"reconnect_ms\":%d}\n\n", reconnect_ms);
	conn_say(s->conn, text);
	stream_end(s);
}
