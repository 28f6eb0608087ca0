/* One child of the parent: starting it, and the pauses between the deaths of one that keeps dying.
 */
#ifndef SERVER_CHILD_H
#define SERVER_CHILD_H

#include "kinds.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	const struct kind_line *line; /* of the table; NULL: this entry is free */
	pid_t pid; /* 0: waits for respawn_at_ms */
	uint32_t generation; /* of the settings it was started with */
	int64_t started_ms, respawn_at_ms; /* monotonic */
	int pause_ms; /* before the next start, growing while it keeps dying */
	int64_t kill_at_ms; /* told to stop: when the time for it is over; 0: not told */
};

/* Starts the child's process; on failure it is planned again after a pause. */
void child_start(struct child *c, const struct kind_setup *s);

/* Notes its death and plans the next start, unless it was told to stop or was a pass: then the
 * entry is free again. */
void child_died(struct child *c, int wait_status, bool stopping);

/* Tells it to stop, again and again on every call, and kills it when its time is over. */
void child_stop(struct child *c, int grace_ms);

#endif
