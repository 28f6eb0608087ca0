/* Notifying devices that there is something to fetch, by push services. A push is empty, whoever it
 * is for. */
#ifndef MAIL_PUSH_H
#define MAIL_PUSH_H

#include "conf.h"

/* The process of pushes: looks for those that are due until mailer_stop is set. `map_fd`: who
 * listens to live wake-ups, which say more than a push (see wake.h); below 1: nobody can. Returns
 * the status of the process. */
int push_run(const struct conf *c, int map_fd);

#endif
