/* Addresses of services that the relay calls: where they lead. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

/* http or https, a host, no user name, query or fragment. */
bool url_is_web(const char *url);

/* Not encrypted. */
bool url_is_plain(const char *url);

/* This machine: localhost, 127.0.0.1 or [::1]. */
bool url_is_near(const char *url);

/* stun:HOST[:PORT] or stuns: (RFC 7064); turn:HOST[:PORT][?transport=udp|tcp] or turns: (RFC 7065).
 */
bool url_is_stun(const char *url);
bool url_is_turn(const char *url);

/* Where a push service takes pushes (RFC 8030): https, a host, printable ASCII, no user name and no
 * fragment. */
bool url_is_push(const char *url);

/* Scheme, host and port of an address that url_is_push; false: `size` bytes do not hold them. */
bool url_origin(const char *url, char *out, size_t size);

/* The host and its port, cut to `size` bytes. */
void url_host(const char *url, char *out, size_t size);

#endif
