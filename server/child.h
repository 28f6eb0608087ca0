/* The pool's children: starting them, and the pauses between the deaths of one that keeps dying. */
#ifndef SERVER_CHILD_H
#define SERVER_CHILD_H

#include "conf.h"
#include "live.h"
#include "share.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum child_kind { CHILD_NONE, CHILD_WORKER, CHILD_MAILER, CHILD_SWEEP, CHILD_NGINX, CHILD_LIVE };

#define CHILD_MAX 160 /* twice the most workers, for a reload, and a few */

struct child {
	enum child_kind kind;
	pid_t pid; /* 0: waits for respawn_at_ms */
	int generation; /* of the settings it was started with */
	int64_t started_ms, respawn_at_ms; /* monotonic */
	int pause_ms; /* before the next start, growing while it keeps dying */
	int64_t kill_at_ms; /* told to stop: when patience ends; 0: not told */
};

/* What children are started from. */
struct child_setup {
	const struct conf *conf;
	struct share *share;
	struct live *live;
	const char *dir, *program_dir, *run_dir;
	int listen_fd, mail_wake_fd, ready_fd;
	uid_t uid;
	gid_t gid;
};

/* Starts the child's process; on failure it is planned again after a pause. */
void child_start(struct child *c, const struct child_setup *s);

/* Notes its death and plans the next start, unless it was told to stop: then the entry is free
 * again. */
void child_died(struct child *c, int wait_status, bool stopping);

/* Tells it to stop, again and again on every call, and kills it when its time is over. */
void child_stop(struct child *c, int grace_ms);

/* The word for log lines. */
const char *child_name(enum child_kind k);

#endif
