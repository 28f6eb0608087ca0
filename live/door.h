/* Where the web server comes in: each connection asks once, and shows a worker's pass. */
#ifndef LIVE_DOOR_H
#define LIVE_DOOR_H

#include "listeners.h"

#include <event2/event.h>

struct door;

/* Accepts on a listening socket, which is taken over, at most `most` connections at once. `key` is
 * that of the passes. NULL: out of memory. */
struct door *
door_open(struct event_base *base, int fd, struct listeners *all, const uint8_t *key, int most);

/* Accepts no more, and frees it. */
void door_close(struct door *d);

#endif
