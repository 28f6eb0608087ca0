/* One housekeeping pass: expiry, retention, files, and an empty WAL at its end. */
#ifndef CRON_SWEEP_PASS_H
#define CRON_SWEEP_PASS_H

#include "conf.h"
#include "sweep.h"
#include "sweep_result.h"

#include <stdbool.h>

#define SWEEP_LEASE_MS 30000 /* longer than any step takes */

/* Up to when each job clears by the settings. */
void sweep_make_plan(const struct conf *c, int64_t now, struct sweep_plan *out);

/* Runs a pass; the lease is taken. What fails is tried again by the next pass. DB_DONE, or what
 * stood in its way. */
enum db_result
sweep_run(const struct conf *c, struct db *db, bool drop_lost, struct sweep_result *out);

#endif
