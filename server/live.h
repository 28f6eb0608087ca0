/* What the pool makes for relay-live and keeps while that is started again: its socket, where
 * callers wait meanwhile, and the memory of wakes. */
#ifndef SERVER_LIVE_H
#define SERVER_LIVE_H

#include "conf.h"
#include "wake.h"

#include <stdbool.h>
#include <sys/types.h>

/* All zeros: nothing was made. */
struct live {
	struct wake wake;
	struct wake others; /* marked by our workers, for the machines beside this one */
	int listen_fd;
};

/* Where it goes. */
struct live_setup {
	const char *run_dir, *program_dir;
	uid_t uid;
	gid_t gid;
};

/* Makes what is not there yet, if the settings want it. False: it cannot be made, which the log
 * says, and RELAY_LIVE insists on it. */
bool live_make(struct live *l, const struct conf *c, const struct live_setup *at);

/* Does relay-live run with these settings? */
bool live_is_on(const struct live *l, const struct conf *c);

/* Are there other machines to tell? */
bool live_has_others(const struct live *l, const struct conf *c);

/* Closes the socket, so that nobody waits for a response any more; relay-live has a copy. */
void live_shut(struct live *l);

/* Closes and unmaps all. */
void live_close(struct live *l);

#endif
