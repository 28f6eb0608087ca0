/* Lists as relayctl prints them: columns with a header for people, one JSON array for programs. */
#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct table;

/* A list with these columns (a NULL ends them; kept, not copied). NULL: out of memory. */
struct table *table_new(const char *const *columns);

/* Starts a row, then one call a column, in order. Numbers stay numbers in JSON; a time is Unix
 * milliseconds, shown in UTC, 0 is none; bytes are shown in human units. */
void table_row(struct table *t);
void table_text(struct table *t, const char *value);
void table_int(struct table *t, int64_t value);
void table_time(struct table *t, int64_t ms);
void table_bytes(struct table *t, int64_t bytes);

/* Prints everything, in JSON as numbers and texts, and frees the list. Without rows people get
 * `nothing` instead of a header. */
void table_print(struct table *t, bool as_json, const char *nothing);

#endif
