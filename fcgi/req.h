/* Reading a request from FastCGI. */
#ifndef FCGI_REQ_H
#define FCGI_REQ_H

#include "request.h"

/* Fills the request from FastCGI. False: it responded with an error itself. */
bool req_read(struct request *r);

/* Reads the body up to `limit` bytes; false: it responded with 413 or 400. */
bool req_read_body(struct request *r, size_t limit);

/* Wakes the mailer once what was written to the outbox is on the disk, so that it leaves at once.
 */
void req_wake_mailer(const struct request *r);

/* Releases everything of the request but one small chunk of memory. */
void req_reset(struct request *r);

#endif
