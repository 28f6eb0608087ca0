/* One who listens: a stream of events, or a long poll, which is one response that waits. */
#ifndef LIVE_SUBSCRIBER_H
#define LIVE_SUBSCRIBER_H

#include "ring.h"

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdint.h>

/* Comments go out so often, a third of the web server's timeout; a long poll waits so long. */
#define SUBSCRIBER_BEAT_SEC 20
#define SUBSCRIBER_POLL_MS 25000

/* What it can be notified of, as bits. */
#define SUBSCRIBER_WAKE 1U
#define SUBSCRIBER_RECEIPTS 2U

struct subscriber {
	struct ring in_bucket, in_time, in_late; /* the owner's */
	struct bufferevent *conn;
	int64_t account;
	int64_t ends_ms; /* monotonic */
	int64_t notified_ms; /* when it was last notified */
	unsigned due; /* waits for the gap after that to end */
	unsigned unsent; /* was said and may not have left yet */
	int stuck; /* heartbeats in a row at which something had not left */
	bool long_poll;
	void (*gone)(struct subscriber *s, void *arg); /* before it is freed, whoever ended it */
	void *gone_arg;
};

/* Takes over the connection of a caller of `account`. NULL: out of memory, and the connection is
 * the caller's still. It frees itself when its end comes; `gone` takes it out of its rings. */
struct subscriber *subscriber_new(struct bufferevent *conn, int64_t account, bool long_poll,
    void (*gone)(struct subscriber *s, void *arg), void *arg);

/* The head of a stream's response, and the event that it is open. */
void subscriber_hello(struct subscriber *s, int reconnect_ms);

/* Notifies it (SUBSCRIBER_ bits), at once or not yet. What is still unsent says all that another
 * one could. False: something is due and waits for the gap to end; then call again with no bits. */
bool subscriber_notify(struct subscriber *s, unsigned kinds, int64_t now_ms);

/* A comment, so that both ends know that the other is there. False: it has not read for three
 * heartbeats, or its time is over. */
bool subscriber_beat(struct subscriber *s, int64_t now_ms);

/* Responds to a long poll and frees it. `cursor` is what the next call brings. */
void subscriber_respond(struct subscriber *s, bool wake, int64_t cursor);

/* The response alone, for a caller who need not wait. Takes the connection over. */
void subscriber_respond_now(struct bufferevent *conn, bool wake, int64_t cursor);

/* Says that the process ends. */
void subscriber_bye(struct subscriber *s, int reconnect_ms);

/* Ends it once all is written and frees it. */
void subscriber_end(struct subscriber *s);

/* Ends it at once and frees it. */
void subscriber_kill(struct subscriber *s);

#endif
