/* The part of a pass that looks after files. */
#ifndef CRON_SWEEP_FILES_H
#define CRON_SWEEP_FILES_H

#include "conf.h"
#include "sweep_result.h"

/* What was left behind while arriving goes each time; every ten minutes (or with out->drop_lost)
 * all files and rows are held against each other. DB_DONE. */
enum db_result sweep_files(
    const struct conf *c, struct db *db, const struct sweep_state *s, struct sweep_result *out);

#endif
