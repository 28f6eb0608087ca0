/* DIR/run/relayd.lock: held locked by the relay as long as it runs, and says where it listens. */
#ifndef BASE_RUNFILE_H
#define BASE_RUNFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct runfile {
	char url[512]; /* of the relay that wrote it, or unix:SOCKET behind a web server; "" */
	bool has_http; /* it is a URL to ask */
	bool by_environment; /* HOST or PORT came from the environment, not from the settings */
	int64_t written_at; /* Unix milliseconds; 0: there is none */
};

/* What the file of the operator's folder `dir` says. False: it is not there, or says nothing yet.
 */
bool runfile_read(const char *dir, struct runfile *out);

/* Opens it, and makes it when `make`. The caller closes. -1: see errno. */
int runfile_open(const char *dir, bool make);

/* Takes the lock, which ends with this very process, whatever ends it; children do not inherit it.
 * 0: taken; above 0: the process that holds it; -1: see errno. */
pid_t runfile_lock(int fd);

/* The process that holds the lock; 0: nobody does. */
pid_t runfile_holder(const char *dir);

/* Replaces what it says. False: see errno. */
bool runfile_write(int fd, const char *url, bool by_environment);

#endif
