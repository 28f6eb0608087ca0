/* Records of a user that changed, each with its last position by the clock of the streams. */
#include "record_internal.h"

#include "wakeup.h"
#include "seq.h"

const char *
record_subject_name(enum record_subject s)
{
	static const char *const names[SUBJECT__MAX] = { "profile", "contacts", "blocks", "groups",
		"prefs" };

	return names[s];
}

enum db_result
record_changed(struct db *db, int64_t account_id, enum record_subject s)
{
	int64_t seq = 0;
	enum db_result r = seq_next(db, &seq);

	if (r != DB_ROW)
		return r;
	r = db_exec(db, ST_RECORD_CHANGED, account_id, (int64_t)s, seq);
	if (r == DB_DONE)
		wakeup_for(db, WAKE_POLL, account_id);
	return r == DB_NONE ? DB_DONE : r;
}
