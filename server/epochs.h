/* The process that carries on this machine's part in epochs; see sql/store/epoch.h. */
#ifndef SERVER_EPOCHS_H
#define SERVER_EPOCHS_H

#include "conf.h"

#include <sys/types.h>

/* Before the pool runs, as the unprivileged user: waits until this machine has the key of the
 * current epoch, which another one gives it, but not for ever. False with one line in `error`: its
 * slots have keys of another database. */
bool epochs_begin(const struct conf *c, char error[static CONF_ERROR_BYTES]);

/* Runs until TERM, as the unprivileged user; returns the status of the process. */
int epochs_run(const struct conf *c, uid_t uid, gid_t gid, pid_t parent);

#endif
