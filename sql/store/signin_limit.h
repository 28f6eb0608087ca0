/* Who asks to be signed in, and how often they may. */
#ifndef SQL_SIGNIN_LIMIT_H
#define SQL_SIGNIN_LIMIT_H

#include <stdint.h>

#define SIGNIN_CODE_TTL_MS 600000
#define SIGNIN_CODE_TRIES 5 /* wrong ones of a client */
#define SIGNIN_CODES_ALIVE 3 /* of an address, for one who asks */
#define SIGNIN_STRANGERS_TRIES \
	50 /* in an hour: of codes that others asked for, over all clients \
	    */
#define SIGNIN_SHARES 10 /* so many clients may each use their share for one address */

/* Who asks, and how often they may within an hour; 0: without a limit. */
struct signin_limit {
	const char *email; /* lower case */
	const char *client; /* IP address, IPv6 cut to its /64; NULL: the operator */
	int per_address; /* codes that one client may ask for one address */
	int per_client; /* codes and wrong tries of one client, over all addresses */
	int64_t now;
};

#endif
