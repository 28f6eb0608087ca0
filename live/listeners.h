/* All who listen, by the bucket of their account: who is notified of what and when, and how many
 * there may be. */
#ifndef LIVE_LISTENERS_H
#define LIVE_LISTENERS_H

#include "pass.h"
#include "wake.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

struct listeners;

/* Begins to look for marks; at most `most` may listen at once. NULL: out of memory. It lives until
 * listeners_end; `wake` must, too. */
struct listeners *listeners_new(struct event_base *base, struct wake *wake, int most);

/* Takes over the connection of somebody who brought this pass: they listen from now on, or are
 * responded to at once. */
void listeners_admit(struct listeners *l, struct bufferevent *conn, const struct pass *p);

/* Says good-bye to all, looks for no marks any more, and frees it. */
void listeners_end(struct listeners *l);

#endif
