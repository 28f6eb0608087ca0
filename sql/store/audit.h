/* The audit log: what admins did. Nothing of any message ever stands there. */
#ifndef SQL_AUDIT_H
#define SQL_AUDIT_H

#include "arena.h"
#include "db.h"

struct audit_entry {
	int64_t id, at;
	char *actor, *action, *target;
};

/* Inside a write of the store: notes an action. DB_DONE. */
enum db_result
audit_note(struct db *db, int64_t at, const char *actor, const char *action, const char *target);

/* Up to `limit` entries before entry `before` (0: the newest), newest first. DB_DONE. */
enum db_result db_audit_list(
    struct db *db, struct arena *a, int64_t before, int limit, struct audit_entry *out, int *count);

#endif
