/* One connection of the web server: what is written to it, and how it ends. */
#ifndef LIVE_CONN_H
#define LIVE_CONN_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

/* Takes over a socket. NULL: out of memory, and the socket is closed. It ends by conn_close or
 * conn_leave. */
struct bufferevent *conn_new(struct event_base *base, int fd);

/* How many there are, those that leave too. */
int conn_count(void);

/* Writes text. */
void conn_say(struct bufferevent *c, const char *text);

/* Is all written that was said? */
bool conn_is_clear(struct bufferevent *c);

/* Closes it at once, unsent bytes and all. */
void conn_close(struct bufferevent *c);

/* Closes it once all is written, or after some seconds in which nothing was taken. Nobody is told
 * of it any more. */
void conn_leave(struct bufferevent *c);

/* Responds with a status line, such as "503 Service Unavailable", and nothing else, and leaves. */
void conn_refuse(struct bufferevent *c, const char *status);

#endif
