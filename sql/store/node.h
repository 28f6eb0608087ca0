/* A machine's part in epochs: it takes keys out of the boxes that are for it, puts keys that it has
 * into boxes for others, and overwrites what is closed. */
#ifndef SQL_NODE_H
#define SQL_NODE_H

#include "epoch_state.h"

/* Does what is due. DB_DONE. */
enum db_result node_step(struct db *db, const struct epoch_plan *p, int64_t now);

#endif
