/* E-mail addresses and domain names as people type them, in the one form that the relay keeps. */
#ifndef BASE_EMAIL_H
#define BASE_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

#define EMAIL_BYTES 255 /* 254 of an address (RFC 5321), and the NUL */
#define EMAIL_RULE "an e-mail address such as ann@example.com"

/* Writes the kept form of `typed`: no white space around it, lower case (no known server tells
 * local parts by case), the domain as its A-label (IDNA 2008, UTS 46). NULL when that is a
 * plausible address (RFC 5321 dot-atom, no quoting), else what it has to be instead, as in
 * "email must be ...". */
const char *email_clean(const char *typed, char out[static EMAIL_BYTES]);

/* The same for the name of a host or a mail domain: a-z 0-9 . - only. False: it is none. */
bool email_domain_clean(const char *typed, char *out, size_t size);

#endif
