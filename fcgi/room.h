/* The floor of free disk: what is kept free so that reading, sign-in and deletion go on. */
#ifndef FCGI_ROOM_H
#define FCGI_ROOM_H

#include "request.h"

/* Bytes that are free where `path` lies, above the floor; less than none when below it. */
int64_t room_left(const struct request *r, const char *path);

/* Is there room for `size` more bytes where `path` lies, above the floor? False: it
 * responded with 503. */
bool room_check(struct request *r, const char *path, int64_t size);

#endif
