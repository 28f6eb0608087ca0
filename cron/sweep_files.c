/* Files and rows held against each other. A folder that is not the one that was searched before (a
 * disk that is not mounted, another database) is looked at as a whole first, and nothing is dropped
 * when it does not look like the right one. */
#include "sweep_files.h"

#include "clock.h"
#include "file.h"
#include "log.h"
#include "uploads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_AT_ONCE 256
#define ARRIVING_SEC 900 /* a body that grew by no buffer for so long has no client any more */
#define ORPHAN_AGE_SEC 180 /* between a rename and its row */
#define SEARCH_INTERVAL_MS ((int64_t)600000)

static bool
parse_hex(const char *s, uint8_t id[static ID_BYTES])
{
	char text[ID_TEXT_BYTES];

	return strlen(s) == (size_t)2 * ID_BYTES &&
	    snprintf(text, sizeof(text), "fil_%s", s) < (int)sizeof(text) &&
	    id_parse("fil_", text, id);
}

/* True for a file that lies in `folder` for no reason any more. */
static bool
is_orphan(struct db *db, int dir, const char *name, bool incoming, time_t now)
{
	uint8_t id[ID_BYTES];
	struct stat st;

	if (name[0] == '.' || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || now - st.st_mtime < (incoming ? ARRIVING_SEC : ORPHAN_AGE_SEC))
		return false;
	return incoming || !parse_hex(name, id) || !db_file_known(db, id);
}

/* Counts the orphans of a folder, and removes them. False: the folder is not there or closed to us,
 * and says nothing of its files. */
static bool
walk_orphans(const struct conf *c, struct db *db, const char *folder, bool remove, int64_t *count)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", c->upload_dir, folder);
	dir = opendir(path);
	if (!dir) {
		log_warn("%s: %s", path, strerror(errno));
		return false;
	}
	while ((e = readdir(dir)))
		if (is_orphan(db, dirfd(dir), e->d_name, strcmp(folder, UPLOADS_INCOMING) == 0,
			(time_t)(clock_ms() / 1000)) &&
		    (!remove || unlinkat(dirfd(dir), e->d_name, 0) == 0))
			++*count;
	closedir(dir);
	return true;
}

/* True for a row whose bytes are not there, or not all of them: a power cut. What cannot be looked
 * at may be there all the same. */
static bool
is_lost(const struct conf *c, const struct file_row *f)
{
	char path[PATH_MAX];
	struct stat st;

	if (!uploads_path(c->upload_dir, f->public_id, path, sizeof(path)))
		return false;
	return stat(path, &st) == 0 ? st.st_size != f->size : errno == ENOENT;
}

static enum db_result
drop_rows(const struct conf *c, struct db *db, int64_t *dropped)
{
	struct file_row list[ROWS_AT_ONCE];
	int64_t after = 0;
	int count = 0;
	enum db_result r;

	do {
		r = db_file_walk(db, &after, ROWS_AT_ONCE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			if (!is_lost(c, &list[i]))
				continue;
			r = db_file_drop(db, list[i].id);
			*dropped += r == DB_DONE;
			r = r == DB_NONE ? DB_DONE : r; /* it went a moment ago */
		}
	} while (r == DB_DONE && count == ROWS_AT_ONCE);
	return r;
}

/* How many files have a row, and how many of them are not there at all. */
static enum db_result
count_missing(const struct conf *c, struct db *db, int64_t *rows, int64_t *missing)
{
	struct file_row list[ROWS_AT_ONCE];
	int64_t after = 0;
	int count = 0;
	enum db_result r;

	do {
		r = db_file_walk(db, &after, ROWS_AT_ONCE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			char path[PATH_MAX];

			++*rows;
			*missing +=
			    uploads_path(c->upload_dir, list[i].public_id, path, sizeof(path)) &&
			    access(path, F_OK) != 0;
		}
	} while (r == DB_DONE && count == ROWS_AT_ONCE);
	return r;
}

/* Does the folder look like that of this database? Most files that it should hold are there, and if
 * it holds any, some have a row. DB_DONE, or DB_NONE: it does not, and that was said. */
static enum db_result
recognise(const struct conf *c, struct db *db, const char *path)
{
	int64_t rows = 0, missing = 0, orphans = 0;
	enum db_result r = count_missing(c, db, &rows, &missing);

	if (r != DB_DONE)
		return r;
	walk_orphans(c, db, UPLOADS_FILES, false, &orphans);
	if (missing * 2 <= rows && (rows > missing || orphans == 0))
		return DB_DONE;
	log_error(
	    "%s: %lld of %lld files of the database are not there, and %lld files are not of "
	    "this database: is the right folder mounted? Nothing is dropped; if they are gone "
	    "for good: relay-sweep --dir %s --now --drop-lost",
	    path, (long long)missing, (long long)rows, (long long)orphans, c->dir);
	return DB_NONE;
}

static enum db_result
compare(const struct conf *c, struct db *db, const struct sweep_state *s, const struct stat *st,
    struct sweep_result *out)
{
	enum db_result r = DB_DONE;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", c->upload_dir, UPLOADS_FILES);
	if (!out->drop_lost &&
	    (s->files_dev != (int64_t)st->st_dev || s->files_ino != (int64_t)st->st_ino))
		r = recognise(c, db, path);
	if (r == DB_NONE) /* it is reported again as often as files are searched */
		return db_sweep_searched(db, clock_ms(), s->files_dev, s->files_ino);
	if (r == DB_DONE && walk_orphans(c, db, UPLOADS_FILES, true, &out->orphans_removed))
		r = drop_rows(c, db, &out->rows_dropped);
	return r == DB_DONE ?
	    db_sweep_searched(db, clock_ms(), (int64_t)st->st_dev, (int64_t)st->st_ino) :
	    r;
}

enum db_result
sweep_files(
    const struct conf *c, struct db *db, const struct sweep_state *s, struct sweep_result *out)
{
	int64_t now = clock_ms();
	char path[PATH_MAX];
	struct stat st;

	walk_orphans(c, db, UPLOADS_INCOMING, true, &out->orphans_removed);
	if (!out->drop_lost && now - s->searched_at < SEARCH_INTERVAL_MS && s->searched_at <= now)
		return DB_DONE;
	snprintf(path, sizeof(path), "%s/%s", c->upload_dir, UPLOADS_FILES);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return compare(c, db, s, &st, out);
	log_warn("%s: %s", path, strerror(errno ? errno : ENOTDIR));
	return db_sweep_searched(db, now, s->files_dev, s->files_ino);
}
