/* Network addresses: which of them are out in the internet. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <sys/socket.h>

/* Is it an address of the public internet? Not: this machine, private and link-local networks,
 * shared and reserved ranges, multicast, and v6 addresses that stand for one of those. */
bool ip_is_public(const struct sockaddr *address);

#endif
