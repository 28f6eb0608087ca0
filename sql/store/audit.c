/* The audit log. */
#include "audit.h"

#include "db_internal.h"

enum db_result
audit_note(struct db *db, int64_t at, const char *actor, const char *action, const char *target)
{
	return db_exec_async(db, ST_AUDIT_INSERT, at, actor, action, target);
}

enum db_result
db_audit_list(
    struct db *db, struct arena *a, int64_t before, int limit, struct audit_entry *out, int *count)
{
	struct db_stmt *st =
	    db_bind(db, ST_AUDIT_LIST, before ? before : INT64_MAX, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct audit_entry *e = &out[(*count)++];

		e->id = db_i64(st, 0);
		e->at = db_i64(st, 1);
		e->actor = db_text(st, 2, a, &ok);
		e->action = db_text(st, 3, a, &ok);
		e->target = db_text(st, 4, a, &ok);
	}
	return ok ? r : DB_FAIL;
}
