/* What clients may know of pushes. */
#ifndef HANDLERS_PUSH_H
#define HANDLERS_PUSH_H

#include "request.h"

/* Adds the key that devices subscribe for; returns whether there are pushes. */
bool push_show(struct request *r, struct json_object *o);

#endif
