/* The route table: what the API is made of. The table itself stands with the handlers. */
#ifndef FCGI_ROUTE_H
#define FCGI_ROUTE_H

#include "request.h"

/* Finds the route of a request and sets its args. NULL: it responded with 404 or 405 with Allow. */
const struct route *route_find(struct request *r);

/* The wire's word for a method. */
const char *route_method_name(enum method m);

#endif
