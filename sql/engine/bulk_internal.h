/* What an engine does for bulk.h: one table of functions each. Texts of statements are common
 * ground unless they stand in the engine's own file. */
#ifndef SQL_BULK_INTERNAL_H
#define SQL_BULK_INTERNAL_H

#include "bulk.h"

struct bulk_driver {
	enum bulk_found (*look)(
	    const struct db_options *o, const char *id, char error[static DB_ERROR_BYTES]);
	struct bulk *(*open)(
	    const struct db_options *o, bool fill, char error[static DB_ERROR_BYTES]);
	void (*close)(struct bulk *b);
	bool (*commit)(struct bulk *b);
	void (*analyze)(const struct db_options *o);
	bool (*tables)(struct bulk *b, struct bulk_list *out); /* NULL: ask the other side */
	/* Runs a statement; `ask` has the first column of its first row as text, "" for NULL and
	 * for none. */
	bool (*run)(struct bulk *b, const char *sql);
	bool (*ask)(struct bulk *b, const char *sql, char out[static BULK_ID_BYTES]);
	bool (*read)(struct bulk *b, const struct bulk_table *t);
	enum db_result (*next)(struct bulk *b, struct bulk_row *row);
	bool (*write)(struct bulk *b, const struct bulk_table *t);
	bool (*put)(struct bulk *b, const struct bulk_row *row);
	bool (*written)(struct bulk *b);
	bool (*last_number)(struct bulk *b, const struct bulk_table *t, int64_t *number);
	bool (*set_last_number)(struct bulk *b, const struct bulk_table *t, int64_t number);
};

/* Tables that are a database's own: no move copies them, and what they hold is no relay's. */
#define BULK_OWN_TABLES \
	"'this_database', 'tombstone_file', 'epoch', 'node', 'node_epoch', 'schema_step', " \
	"'last_commit'"
/* And those that a new one has a row of. */
#define BULK_NEW_TABLES "'meta', 'sweep'"

#define BULK_LEFT_BY "SELECT left_by FROM this_database"
#define BULK_FILLED_BY "SELECT filled_by FROM this_database"

extern const struct bulk_driver bulk_sqlite;
extern const struct bulk_driver bulk_pgsql;

#endif
