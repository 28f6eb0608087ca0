/* Telling devices that there is something to fetch, by push services (RFC 8030): how one is asked.
 * A push is empty, whoever it is for. */
#ifndef MAIL_PUSH_H
#define MAIL_PUSH_H

#include "conf.h"

#include <stdint.h>

enum push_result {
	PUSH_SENT,
	PUSH_LATER, /* it may go another time */
	PUSH_GONE /* nobody is reached by this address any more */
};

#define PUSH_AT_ONCE 16

struct push_call {
	const char *endpoint;
	enum push_result result;
	int64_t wait_ms; /* how long the service wants to be left alone; 0: it did not say */
	long status; /* of HTTP; 0: there was no response */
};

/* Sends `count` empty pushes, at most PUSH_AT_ONCE, side by side and within ten seconds; all but
 * `endpoint` is filled. Nothing goes to an address that is not of the public internet, but to hosts
 * of RELAY_PUSH_PRIVATE_HOSTS. */
void push_send(const struct conf *c, struct push_call *calls, int count);

/* The process of pushes: looks for those that are due until mailer_stop is set. `map_fd`: who
 * listens to live wake-ups, which say more than a push (see wake.h); below 1: nobody can. Returns
 * the status of the process. */
int push_run(const struct conf *c, int map_fd);

#endif
