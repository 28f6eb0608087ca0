/* Feeding the service manager's watchdog: only while the parent's loop turns and a worker responds.
 */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include "notify.h"

#include <stdint.h>

struct watchdog {
	int fd; /* the question under way; -1: none */
	int64_t next_ms; /* when the next one is asked, monotonic */
};

/* Nothing under way yet. */
void watchdog_open(struct watchdog *w);

/* Asks the main pool at its socket in the run folder for something that the store is not needed
 * for, four times in the manager's time, and feeds the watchdog when it responds. Never waits: call
 * it on every turn of the loop. A probe without a response is given up for the next. */
void watchdog_turn(struct watchdog *w, const struct notify *n, const char *run_dir);

/* Milliseconds until it wants to be called again; `most` when that is sooner. */
int64_t watchdog_wait_ms(const struct watchdog *w, const struct notify *n, int64_t most);

/* Gives up what is under way. */
void watchdog_close(struct watchdog *w);

#endif
