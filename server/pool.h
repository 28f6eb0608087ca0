/* The parent of everything: starts workers, mailer and nginx, replaces what dies, reloads and stops
 * in order. */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "conf.h"

#include <sys/types.h>

struct pool_options {
	const char *dir; /* the operator's folder as the children see it */
	const char *program_dir; /* where relayd and relay-mail lie */
	bool with_nginx;
	int port; /* where nginx listens at first */
	/* called when health responds or never will, at the start and after a move: then `why` is
	 * the first error, or "" */
	void (*on_ready)(const struct conf *c, int port, bool ok, const char *why);
};

/* Runs until TERM or INT; takes `conf` over. Returns the exit status. */
int pool_run(struct conf *conf, const struct pool_options *o);

#endif
