/* The floor of free disk: what is kept free so that reading, sign-in and deletion go on. */
#ifndef FCGI_ROOM_H
#define FCGI_ROOM_H

#include "req.h"

/* Is there room for `size` more bytes where `path` lies, above the floor? False: it answered 503.
 */
bool room_check(struct request *r, const char *path, int64_t size);

#endif
