/* Wake-ups between machines on one database: a process that sends on what this machine's workers
 * marked, and marks here what those of others did. */
#ifndef SERVER_BROADCAST_H
#define SERVER_BROADCAST_H

#include "conf.h"
#include "live.h"

#include <sys/types.h>

/* Runs until TERM, as the unprivileged user; returns the status of the process. */
int broadcast_run(const struct conf *c, struct live *l, uid_t uid, gid_t gid, pid_t parent);

#endif
