/* What the files about groups share inside a write transaction. Not for other folders. */
#ifndef SQL_GROUP_ROWS_H
#define SQL_GROUP_ROWS_H

#include "columns.h"
#include "db_internal.h"
#include "fact.h"
#include "group.h"

/* Loads the group of an act and checks that the actor has at least the role `need` in it: DB_ROW,
 * or DB_DONE with the reason in *result. */
enum db_result group_open(struct db *db, struct arena *a, const struct group_act *act,
    enum group_role need, struct group *g, enum group_result *result);

/* Something happened in a group: a system message to its members of at least `least_role`, or only
 * to `only` when that is not 0. `who` is the account that it is about. */
struct group_event {
	enum fact_type type;
	const struct account *who;
	const struct account *by; /* who did it; NULL: not disclosed to those who read it */
	enum group_role role; /* of types that have one */
	const uint8_t *request; /* that its reader is to decide; or NULL */
	int64_t only;
	enum group_role least_role;
	bool outlives_group; /* the group is about to go */
};
enum db_result
group_notify(struct db *db, const struct group *g, const struct group_event *event, int64_t now);

#define GROUP_ROW_COUNT (GROUP_COLUMN_COUNT + 2) /* with role and request behind them */

/* Reads GROUP_COLUMNS, a role and a request's id from column 0 on; false when the arena is full. */
bool group_read(struct db_stmt *st, struct arena *a, struct group *out);

/* Puts an account in, as `by` did, and notifies everyone. DB_DONE; GROUP_FULL at the limit.
 * Somebody who is in already stays what they are. */
enum db_result group_put_in(struct db *db, struct group *g, const struct account *who,
    const struct account *by, enum group_role role, int64_t now, enum group_result *result);

/* Invites an account, unless it does not want that: then nothing happens. DB_DONE. */
enum db_result invite_put(struct db *db, const struct group *g, const struct account *who,
    const struct account *inviter, enum group_role role, int64_t now);

/* Takes an account out of a group together with all that it could still fetch of it. */
enum db_result group_take_out(struct db *db, const struct group *g, int64_t account_id);

/* Deletes the group with its messages; its members are notified. */
enum db_result
group_remove(struct db *db, const struct group *g, const struct account *by, int64_t now);

#endif
