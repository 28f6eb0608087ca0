/* What an engine is made of: one table of functions each, which engine.c calls. See engine.h for
 * what each does. */
#ifndef SQL_ENGINE_INTERNAL_H
#define SQL_ENGINE_INTERNAL_H

#include "engine.h"

/* What is said of a database that was moved. */
#define ENGINE_LEFT \
	"it was moved to another database, which the settings must name; relayctl move-to --stay " \
	"takes it back into use"

struct engine_driver {
	const char *name; /* as people know it */
	bool is_file;
	int64_t turn_us; /* see engine_turn_us */
	/* The database as a whole. */
	bool (*is_there)(const struct db_options *o, char error[static DB_ERROR_BYTES]);
	bool (*migrate)(const struct db_options *o, char error[static DB_ERROR_BYTES]);
	bool (*is_keyed)(const struct db_options *o);
	bool (*note_keyed)(const struct db_options *o, char error[static DB_ERROR_BYTES]);
	bool (*backup)(const struct db_options *o, const char *path, bool with_content,
	    void (*step)(int left, int total), char error[static DB_ERROR_BYTES]);
	enum db_result (*quick_check)(
	    const struct db_options *o, char error[static DB_ERROR_BYTES]);
	/* A connection. */
	struct engine *(*open)(const struct db_options *o, char error[static DB_ERROR_BYTES]);
	void (*close)(struct engine *e);
	bool (*check)(struct engine *e, char error[static DB_ERROR_BYTES]); /* NULL: open did */
	void (*seal)(struct engine *e);
	bool (*is_broken)(const struct engine *e);
	bool (*is_damaged)(const struct engine *e);
	bool (*leads)(struct engine *e, int role); /* NULL: there is only one machine */
	/* What relays tell each other; NULL: likewise. */
	struct db_broadcast *(*broadcast_open)(
	    const struct db_options *o, char error[static DB_ERROR_BYTES]);
	int (*broadcast_fd)(const struct db_broadcast *b);
	bool (*broadcast_send)(struct db_broadcast *b, const char *text);
	bool (*broadcast_take)(
	    struct db_broadcast *b, void (*each)(const char *text, void *arg), void *arg);
	void (*broadcast_close)(struct db_broadcast *b);
	/* Statements. */
	struct db_stmt *(*bind)(struct engine *e, enum stmt which, va_list ap);
	enum db_result (*step)(struct engine *e, struct db_stmt *st);
	enum db_result (*send)(struct engine *e, struct db_stmt *st); /* NULL: as step */
	void (*prefetch)(struct engine *e, struct db_stmt *st); /* NULL: nothing is far away */
	void (*reset)(struct db_stmt *st);
	int64_t (*changes)(const struct engine *e, struct db_stmt *st);
	int64_t (*i64)(struct db_stmt *st, int column);
	bool (*is_null)(struct db_stmt *st, int column);
	const char *(*text)(struct db_stmt *st, int column, size_t *len);
	const void *(*blob)(struct db_stmt *st, int column, size_t *len);
	/* Transactions. */
	enum db_result (*begin)(struct engine *e, int timeout_ms);
	enum db_result (*end)(struct engine *e, bool commit);
	enum db_result (*save)(struct engine *e);
	enum db_result (*save_end)(struct engine *e, bool keep);
	enum db_result (*wait)(struct engine *e); /* NULL: nothing is ever under way */
	bool (*is_writing)(const struct engine *e);
	bool (*take_conflict)(struct engine *e); /* NULL: there are none */
	/* The file and its log of writes. */
	bool (*sync)(struct engine *e);
	int64_t (*bytes)(struct engine *e);
	int64_t (*log_bytes)(const struct engine *e);
	enum db_result (*checkpoint)(struct engine *e, int timeout_ms);
	enum db_result (*rebuild)(struct engine *e, const struct db_options *o);
	enum db_result (*seal_file)(struct engine *e);
	const struct bulk_driver *bulk; /* see bulk.h */
};

/* The engine of these options. NULL with one line in `error` (or NULL): this program has none
 * such. */
const struct engine_driver *engine_driver_of(const struct db_options *o, char *error);

/* What an engine keeps of it begins with this. */
struct db_broadcast {
	const struct engine_driver *driver;
};

extern const struct engine_driver engine_sqlite;
/* Only in programs that were built with it (make PG=1): elsewhere its address is NULL. */
extern const struct engine_driver engine_pgsql __attribute__((weak));

#endif
