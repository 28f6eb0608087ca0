/* Who asks: the credential of a request against the sessions of the store. */
#ifndef FCGI_AUTH_H
#define FCGI_AUTH_H

#include "request.h"

/* Checks what the request's route demands and fills r->me and r->session. False: it responded with
 * 401, 403 or 503. */
bool auth_check(struct request *r);

#endif
