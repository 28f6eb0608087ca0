/* Which epochs there are, and what became of them; see epoch.h. */
#ifndef SQL_EPOCH_STATE_H
#define SQL_EPOCH_STATE_H

#include "db.h"
#include "id.h"

enum epoch_state {
	EPOCH_NEXT, /* machines are given its key */
	EPOCH_CURRENT, /* keys are wrapped under it */
	EPOCH_OLD, /* what is wrapped under it moves to the current one */
	EPOCH_CLOSED, /* nothing is under it; machines overwrite its key */
	EPOCH_DESTROYED /* no machine has it any more */
};

struct epoch_plan {
	int64_t length_ms; /* of an epoch */
	const char *name; /* of this machine, for people */
};

#define EPOCH_TIMEOUT_MS 60000 /* so long machines wait for one that says nothing */
#define EPOCH_QUIET_PART 4 /* this part of it an old epoch stays once nothing is under it */

#define EPOCHS_MAX 8

struct epoch_row {
	int64_t number, since;
	enum epoch_state state;
};

/* Those that are not closed. */
struct epoch_list {
	struct epoch_row list[EPOCHS_MAX];
	int count;
};

/* DB_DONE. */
enum db_result epoch_state_list(struct db *db, struct epoch_list *out);

/* NULL: none is in that state, or has that number. */
const struct epoch_row *epoch_state_in(const struct epoch_list *l, enum epoch_state state);
const struct epoch_row *epoch_state_of(const struct epoch_list *l, int64_t number);

/* So long one machine waits for another. */
int64_t epoch_state_timeout(const struct epoch_plan *p);

/* Is the key of an epoch in this machine's slots? */
bool epoch_state_is_in_slots(struct db *db, int64_t number);

/* Which machine this is. */
const uint8_t *epoch_state_node(const struct db *db); /* ID_BYTES */

#endif
