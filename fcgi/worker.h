/* A worker process: opens the store, enters its sandbox, and serves requests until told to stop. */
#ifndef FCGI_WORKER_H
#define FCGI_WORKER_H

#include "conf.h"
#include "share.h"

#include <sys/types.h>

struct worker_options {
	const struct conf *conf;
	struct share *share;
	struct wake *wake; /* without memory: nobody listens */
	struct wake *others; /* likewise, of the machines beside this one */
	bool calls_out; /* it asks engines: it may open connections, and no others may */
	uint32_t generation; /* of the settings */
	int listen_fd, mail_wake_fd,
	    ready_fd; /* one byte is written to ready_fd once it serves; -1 */
	uid_t uid;
	gid_t gid;
	pid_t parent;
};

/* Runs in a forked child; the return value is its exit status. */
int worker_run(const struct worker_options *o);

#endif
