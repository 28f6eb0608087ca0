/* Empty pushes to push services (RFC 8030). */
#ifndef MAIL_PUSH_SEND_H
#define MAIL_PUSH_SEND_H

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

#endif
