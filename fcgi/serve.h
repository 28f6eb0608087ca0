/* The steps of a request before its handler. Sending is left to whoever knows that what was written
 * is on the disk. */
#ifndef FCGI_SERVE_H
#define FCGI_SERVE_H

#include "request.h"

/* Reads the parameters that libfcgi has got and finds the route. */
void serve_read(struct request *r);

/* May it be served while others' writes are open? Not what only reads, which would hold the lock
 * for nothing, and not what moves a file. */
bool serve_joins(const struct request *r);

/* Credential, rates, room, and the body with its fields: waits for the body. True: the handler may
 * run; false: it responded. */
bool serve_check(struct request *r);

#endif
