/* What the files that carry epochs on share. */
#ifndef SQL_EPOCH_INTERNAL_H
#define SQL_EPOCH_INTERNAL_H

#include "db_internal.h"
#include "epoch.h"
#include "id.h"

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
enum db_result epoch_list(struct db *db, struct epoch_list *out);

/* NULL: none is in that state, or has that number. */
const struct epoch_row *epoch_in(const struct epoch_list *l, enum epoch_state state);
const struct epoch_row *epoch_of(const struct epoch_list *l, int64_t number);

/* So long one machine waits for another. */
int64_t epoch_patience(const struct epoch_plan *p);

/* Is the key of an epoch in this machine's slots? */
bool epoch_is_in_slots(struct db *db, int64_t number);

/* Which machine this is. */
struct db_blob epoch_node(const struct db *db);

#endif
