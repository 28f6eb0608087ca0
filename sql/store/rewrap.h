/* Moving what is wrapped under older epochs to the current one. */
#ifndef SQL_REWRAP_H
#define SQL_REWRAP_H

#include "db_internal.h"

/* Wraps all of it anew, a few hundred keys in a transaction. DB_DONE: everything that can be opened
 * is under the current epoch, which this machine must have; *moved: it was not before. DB_BUSY:
 * keys of some older one are with other machines. */
enum db_result rewrap_all(struct db *db, bool *moved);

#endif
