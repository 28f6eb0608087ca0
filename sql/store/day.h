/* Figures of days (UTC): how much was sent, how many people were here. Housekeeping counts them,
 * so that they outlive the messages; nothing in them is of anybody. */
#ifndef SQL_DAY_H
#define SQL_DAY_H

#include "db.h"

struct day_figures {
	int64_t starts_at; /* Unix milliseconds */
	int64_t messages; /* texts and voice notes of users */
	int64_t users; /* accounts with a session that was seen then */
	int64_t accounts; /* as many as there were at its end */
};

/* Counts messages that are new since it was called last, some thousands in one step. DB_DONE, or
 * DB_NONE: there is no more. */
enum db_result db_day_count(struct db *db);

/* Notes for the day of `now` how many accounts there are and how many of them were here, and drops
 * days of more than a year ago; writes nothing where nothing changed. DB_DONE. */
enum db_result db_day_note(struct db *db, int64_t now);

/* Up to `limit` days that began at `since` or later, in order; a day of which nothing is known is
 * left out. DB_DONE. */
enum db_result
db_day_list(struct db *db, int64_t since, int limit, struct day_figures *out, int *count);

#endif
