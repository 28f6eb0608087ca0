/* The calls of the API as work. */
#ifndef TORTURE_CALLS_H
#define TORTURE_CALLS_H

#include "torture.h"

/* Something is lost after each call: every round must have a problem. */
extern bool calls_spoilt;

#define CALLS_MOST 512

/* Fills `list` (of CALLS_MOST) with a good and a bad example of each route, or of those whose path
 * holds `only`; returns how many. Ends the program when a route has no example. */
int calls_make(struct work *list, const char *only);

#endif
