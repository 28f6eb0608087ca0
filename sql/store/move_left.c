/* What is to be done with a database that was left. */
#include "move_left.h"

#include "bulk.h"
#include "cleanup.h"
#include "db_internal.h"
#include "epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
refuse(char *error, const char *path, const char *why)
{
	snprintf(error, DB_ERROR_BYTES, "%s: %s", path, why);
	return false;
}

/* Opens a database that was left. NULL with one line in `error`. */
static struct bulk *
open_left(const struct db_options *o, char *error)
{
	struct bulk *b = bulk_open_from(o, error);
	char id[BULK_ID_BYTES] = "";

	if (!b || (bulk_left_by(b, id) && id[0]))
		return b;
	refuse(error, "the database", "it is in use: it was not moved elsewhere");
	bulk_close(b);
	return NULL;
}

bool
db_move_stay(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	struct bulk *b = open_left(o, error);
	bool ok = false;

	if (b) {
		ok = bulk_set_left_by(b, NULL) && bulk_commit(b);
		if (!ok)
			snprintf(error, DB_ERROR_BYTES, "%s", b->error);
	}
	bulk_close(b);
	return ok;
}

/* -- erasing ----------------------------------------------------------------------------------- */

static bool
overwrite(int fd, off_t size)
{
	static const uint8_t zeros[1 << 16];
	off_t at = 0;
	ssize_t n = 1;

	while (at < size && n > 0) {
		const size_t left = (size_t)(size - at);

		n = pwrite(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros), at);
		at += n > 0 ? n : 0;
	}
	return at >= size && fsync(fd) == 0;
}

/* One that is not there is erased. */
static bool
erase_file(const char *path, char *error)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return true;
	return (fd >= 0 && fstat(fd, &st) == 0 && overwrite(fd, st.st_size) && unlink(path) == 0) ||
	    refuse(error, path, strerror(errno));
}

#define ERASED ".erased"

/* Under another name first: what is left of a call that was killed is no database any more. */
static bool
erase_database(const char *path, char *error)
{
	static const char *const endings[] = { "-wal", "-shm", "-journal", ".lock", ERASED };
	char name[PATH_MAX];
	bool ok;

	snprintf(name, sizeof(name), "%s" ERASED, path);
	ok = rename(path, name) == 0 || errno == ENOENT || refuse(error, path, strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(endings) && ok; i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		ok = erase_file(name, error);
	}
	return ok;
}

/* Keys that are of another database stay. */
static bool
erase_keys(const struct db_options *o, char *error)
{
	struct db_options at = *o;
	int64_t slots[SLOTS_COUNT];
	char name[PATH_MAX];
	struct db *db;
	bool ok = true;
	int count;

	at.even_left = true;
	db = db_open(&at, error);
	if (!db)
		return false;
	if (db_epoch_check(db) == DB_DONE) {
		count = slots_list(db->slots, slots);
		for (int i = 0; i < count; i++)
			ok = slots_destroy(db->slots, slots[i]) && ok;
		ok = slots_renew(db->slots) && ok;
		snprintf(name, sizeof(name), "%s.epochs", o->path);
		ok = ok ? erase_file(name, error) :
			  refuse(error, name, "the keys could not be overwritten");
	}
	db_close(db);
	return ok;
}

bool
db_move_erase(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	char erased[PATH_MAX];
	struct bulk *b;

	snprintf(erased, sizeof(erased), "%s" ERASED, o->path);
	if (engine_is_file(o) && access(o->path, F_OK) != 0 && access(erased, F_OK) == 0)
		return erase_database(o->path, error);
	b = open_left(o, error);
	bulk_close(b);
	if (!b)
		return false;
	return engine_is_file(o) ? erase_database(o->path, error) : erase_keys(o, error);
}
