/* What a housekeeping pass has done. */
#ifndef CRON_SWEEP_RESULT_H
#define CRON_SWEEP_RESULT_H

#include "epoch.h"
#include "sweep.h"

struct sweep_result {
	bool drop_lost; /* files that are not there are gone for good: their rows go */
	int64_t cleared[SWEEP__MAX];
	int64_t files_removed; /* bytes whose row was gone */
	int64_t orphans_removed, rows_dropped; /* files without a row, rows without a file */
	int64_t lag_ms; /* how long scrubbed text has been in the WAL, or could be opened; 0: it is
			   gone */
	struct epoch_late late; /* who has keys that should be destroyed */
};

#endif
