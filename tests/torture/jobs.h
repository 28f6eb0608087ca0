/* What a relay does besides its calls, as work: start, passes, backup, restore, migration. */
#ifndef TORTURE_JOBS_H
#define TORTURE_JOBS_H

#include "torture.h"

/* Prepares job number `i` of all and fills its work. The world is closed, and its folder as it was
 * kept; what the job needs besides is kept with it. False: there are no more. */
bool jobs_make(int i, struct work *out);

/* Its name; NULL: there are no more. */
const char *jobs_name(int i);

#endif
