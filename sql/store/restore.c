/* Putting a backup back. All work is done on a copy beside the database; when that is whole it is
 * named ready, and from then on it is put in place, by whoever comes next if need be. Before, the
 * database is as it was. So a restore may be killed anywhere. */
#include "db_internal.h"

#include "cleanup.h"
#include "snapshot.h"
#include "log.h"
#include "tombstone.h"
#include "account_internal.h"
#include "replay_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)4 << 20)
#define COPY ".restored"
#define READY ".ready"
#define KEY_PART "server.key."
#define VAPID_PART "vapid.key."

static enum db_result
retire(void *arg, const void *mac, size_t len)
{
	return len == TOMBSTONE_MAC_BYTES ? account_retire_address(arg, mac) : DB_DONE;
}

/* Everything in one transaction: a restore is done or not. `records` NULL: nothing ever went. */
static enum db_result
reap_all(struct db *db, FILE *records, const char *replaced, int *applied)
{
	uint8_t record[TOMBSTONE_BYTES];
	/* a store that cannot be read tells nothing: then the tombstones alone count */
	enum db_result r = engine_walk_retired(replaced, retire, db);
	struct arena a;

	if (r == DB_FAIL)
		r = DB_DONE;

	arena_init(&a, ARENA_BYTES);
	while (records && !db_failed(r) && fread(record, sizeof(record), 1, records) == 1)
		r = replay_record(db, &a, record, applied);
	if (!db_failed(r))
		r = db_exec(db, ST_SESSION_END_EVERY);
	arena_free(&a);
	return db_failed(r) ? r : DB_DONE;
}

/* Opens the copy as a store of its own and holds it against the tombstones. */
static bool
replay(const struct db_options *o, const char *copy, int *applied, char *error)
{
	struct db_options at = *o;
	char name[4200];
	auto_file FILE *records = NULL;
	struct db *db;
	enum db_result r;

	at.path = copy;
	snprintf(name, sizeof(name), "%s.tombstones", o->path);
	records = fopen(name, "re");
	if (!records && errno != ENOENT) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", name, strerror(errno));
		return false;
	}
	if (!db_migrate(&at, error))
		return false;
	db = db_open(&at, error);
	if (!db)
		return false;
	r = db_begin(db);
	if (r == DB_DONE)
		r = db_end(db, reap_all(db, records, o->path, applied));
	if (r == DB_DONE)
		r = engine_seal_file(db->engine);
	db_close(db);
	if (r != DB_DONE)
		snprintf(error, DB_ERROR_BYTES, "%s: the tombstones could not be applied", copy);
	return r == DB_DONE;
}

static void
drop_copy(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", ".lock", ".tombstones",
		"-journal" };
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
}

/* The folder of the database, in `copy`. */
static char *
folder_of(const char *path, char copy[static PATH_MAX])
{
	snprintf(copy, PATH_MAX, "%s", path);
	return dirname(copy);
}

static bool
sync_folder(const char *path)
{
	char copy[PATH_MAX];
	auto_close int fd = open(folder_of(path, copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

/* The copy is written out, belongs to whom the database belongs, and is ready. */
static bool
make_ready(const struct db_options *o, const char *copy, const char *ready, char *error)
{
	auto_close int fd = open(copy, O_RDWR | O_CLOEXEC);
	char folder[PATH_MAX];
	struct stat st;

	if (fd >= 0 && geteuid() == 0 &&
	    (stat(o->path, &st) == 0 || stat(folder_of(o->path, folder), &st) == 0) &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		log_warn("%s: %s", copy, strerror(errno));
	if (fd >= 0 && fsync(fd) == 0 && rename(copy, ready) == 0)
		return true;
	snprintf(error, DB_ERROR_BYTES, "%s: %s", copy, strerror(errno));
	return false;
}

/* The files beside the old database go first: they must not be taken for the new one's. */
static bool
install(const struct db_options *o, const char *ready, char *error)
{
	static const char *const endings[] = { "-wal", "-shm", "-journal" };
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		snprintf(name, sizeof(name), "%s%s", o->path, endings[i]);
		unlink(name);
	}
	if (sync_folder(o->path) && rename(ready, o->path) == 0 && sync_folder(o->path))
		return true;
	snprintf(error, DB_ERROR_BYTES, "%s: %s", o->path, strerror(errno));
	return false;
}

/* The file of a backup that is not whole, or one that SQLite makes beside it; one that is still
 * written has a lock. */
static bool
is_dead_part(int dir, const char *name)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	const char *part = strstr(name, DB_PART);
	char file[NAME_MAX + 1];
	bool known = false;
	auto_close int fd = -1;

	for (size_t i = 0; part && i < ARRAY_LEN(endings); i++)
		known |= strcmp(part + strlen(DB_PART), endings[i]) == 0;
	if (!known)
		return false;
	snprintf(file, sizeof(file), "%.*s" DB_PART, (int)(part - name), name);
	fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* `part` and the number of the process that made it. */
static bool
is_half_a_key(const char *name, const char *part)
{
	return strncmp(name, part, strlen(part)) == 0 && isdigit((unsigned char)name[strlen(part)]);
}

/* Something that a killed program of ours left. */
static bool
is_leftover(int dir, const char *base, const char *name)
{
	size_t len = strlen(base);

	if (strncmp(name, base, len) == 0 && strncmp(name + len, COPY, strlen(COPY)) == 0)
		return true;
	if (is_half_a_key(name, KEY_PART) || is_half_a_key(name, VAPID_PART))
		return true;
	return is_dead_part(dir, name);
}

static void
drop_leftovers(const char *folder, const char *base)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_leftover(dirfd(dir), base, e->d_name) &&
		    unlinkat(dirfd(dir), e->d_name, 0) == 0)
			log_warn(
			    "%s/%s: left by something that was killed; removed", folder, e->d_name);
	if (dir)
		closedir(dir);
}

bool
db_recover(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	char copy[PATH_MAX], backups[PATH_MAX], ready[PATH_MAX];
	const char *slash = strrchr(o->path, '/'), *folder = folder_of(o->path, copy);

	snprintf(ready, sizeof(ready), "%s" READY, o->path);
	if (access(ready, F_OK) == 0) {
		log_warn("%s: a restore was killed; it is brought to its end", o->path);
		if (!install(o, ready, error))
			return false;
	}
	drop_leftovers(folder, slash ? slash + 1 : o->path);
	snprintf(backups, sizeof(backups), "%s/" DB_BACKUPS, folder);
	drop_leftovers(backups, "/");
	return engine_is_there(o, error);
}

bool
db_restore(
    const struct db_options *o, const char *path, int *applied, char error[static DB_ERROR_BYTES])
{
	char copy[PATH_MAX], ready[PATH_MAX];
	int fd;
	bool ok;

	*applied = 0;
	if (!engine_is_file(o)) {
		snprintf(error, DB_ERROR_BYTES,
		    "the database is a server's: its own tools put a backup back");
		return false;
	}
	snprintf(copy, sizeof(copy), "%s" COPY, o->path);
	snprintf(ready, sizeof(ready), "%s" READY, o->path);
	if (!db_recover(o, error))
		return false;
	fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", copy, strerror(errno));
		return false;
	}
	close(fd);
	ok = engine_copy_in(path, copy, error) && replay(o, copy, applied, error) &&
	    make_ready(o, copy, ready, error) && install(o, ready, error);
	drop_copy(copy);
	return ok;
}
