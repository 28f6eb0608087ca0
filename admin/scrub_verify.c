/* relayctl scrub --verify. */
#include "scrub_verify.h"

#include "cleanup.h"
#include "file.h"
#include "uploads.h"
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define BUFFER_BYTES ((size_t)1 << 20)
#define CHECKPOINT_MS 2000
#define OPEN_FILES 16

enum folder { FOLDER_RELAY, FOLDER_DATABASE, FOLDER_UPLOADS, FOLDER__MAX };

/* nftw hands nothing on, so what it looks for stands here. */
static struct {
	const struct conf *conf;
	struct db *db;
	char *folders[FOLDER__MAX]; /* where they really are */
	char **texts;
	int count, found;
	char *buffer;
	bool failed;
} look;

static void
left(const char *path, const char *what)
{
	printf("%s: %s\n", path, what);
	look.found++;
}

/* Where the tail of one block and the head of the next meet, a text is found too. */
static void
search_file(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t kept = 0;
	ssize_t n;

	if (fd < 0) {
		look.failed |= errno != ENOENT && errno != ENXIO;
		return;
	}
	while ((n = read(fd, look.buffer + kept, BUFFER_BYTES - kept)) > 0) {
		size_t len = kept + (size_t)n, longest = 0;

		for (int i = 0; i < look.count; i++) {
			size_t want = strlen(look.texts[i]);

			if (want > longest)
				longest = want;
			if (want > 0 && memmem(look.buffer, len, look.texts[i], want)) {
				left(path, "holds a text that was given");
				return;
			}
		}
		kept = longest > 1 && len >= longest - 1 ? longest - 1 : 0;
		memmove(look.buffer, look.buffer + len - kept, kept);
	}
	look.failed |= n < 0;
}

static bool
is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static bool
is_in(const char *path, enum folder folder, const char *name)
{
	const char *base = look.folders[folder];
	size_t len = strlen(base);

	return is_below(path, base) && is_below(path + len + 1, name);
}

/* What cannot be looked at may hold anything. */
static void
note_closed(const char *path, int type)
{
	if (type != FTW_DNR && type != FTW_NS)
		return;
	fprintf(stderr, "%s: cannot be read\n", path);
	look.failed = true;
}

static int
visit_search(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	note_closed(path, type);
	if (type == FTW_F && S_ISREG(st->st_mode))
		search_file(path);
	return 0;
}

static uint32_t
big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool
is_blank(const uint8_t *page, size_t size)
{
	return page[0] == 0 && memcmp(page, page + 1, size - 1) == 0;
}

static bool
read_page(int fd, uint32_t number, uint8_t *page, size_t size)
{
	return pread(fd, page, size, (off_t)(number - 1) * (off_t)size) == (ssize_t)size;
}

/* The leaves of one trunk of the free list (file format of SQLite 3, section 1.5); returns the next
 * trunk. */
static uint32_t
check_trunk(int fd, const char *path, const uint8_t *trunk, uint8_t *leaf, size_t size)
{
	uint32_t leaves = big_endian(trunk + 4);

	for (uint32_t i = 0; i < leaves && 8 + 4 * (size_t)i + 4 <= size; i++)
		if (!read_page(fd, big_endian(trunk + 8 + 4 * (size_t)i), leaf, size))
			look.failed = true;
		else if (!is_blank(leaf, size))
			left(path, "a free page that was not overwritten");
	return big_endian(trunk);
}

static void
check_free_pages(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_free uint8_t *pages = malloc((size_t)2 * 65536);
	uint8_t head[100];
	size_t size;
	uint32_t next, left_to_read;

	if (fd < 0 || !pages || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head)) {
		look.failed = true;
		return;
	}
	size = (size_t)(head[16] << 8 | head[17]);
	size = size == 1 ? 65536 : size;
	next = big_endian(head + 32);
	left_to_read = big_endian(head + 36);
	while (next && left_to_read-- > 0 && !look.failed) {
		if (read_page(fd, next, pages, size))
			next = check_trunk(fd, path, pages, pages + 65536, size);
		else
			look.failed = true;
	}
}

static bool
is_database(const char *path)
{
	static const char magic[] = "SQLite format 3";
	char head[sizeof(magic)];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
	    memcmp(head, magic, sizeof(magic)) == 0;
}

/* Another database file than the relay's own: a copy that somebody or something left here. */
static void
check_copy(const char *path)
{
	int64_t keys = 0;

	check_free_pages(path);
	if (db_copy_left(look.db, path, &keys) != DB_DONE) {
		fprintf(stderr, "%s: a database that cannot be read\n", path);
		look.failed = true;
	}
	if (keys > 0)
		left(path, "a copy with keys of what was scrubbed since");
}

static bool
is_own(const struct stat *st)
{
	struct stat own;

	return stat(look.conf->db_path, &own) == 0 && own.st_dev == st->st_dev &&
	    own.st_ino == st->st_ino;
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char id[ID_TEXT_BYTES];
	uint8_t raw[ID_BYTES];

	note_closed(path, type);
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	snprintf(id, sizeof(id), "fil_%.33s", path + at->base);
	if (is_in(path, FOLDER_UPLOADS, UPLOADS_FILES) &&
	    (!id_parse("fil_", id, raw) || !db_file_known(look.db, raw)))
		left(path, "a file that no row names");
	if (!is_own(st) && is_database(path))
		check_copy(path);
	if (is_in(path, FOLDER_RELAY, "run/tmp"))
		left(path, "a temporary file of the web server");
	return 0;
}

static void
check_store(void)
{
	int64_t bodies = 0, files = 0;

	if (db_scrub_left(look.db, &bodies, &files) != DB_ROW)
		look.failed = true;
	if (bodies > 0)
		left(look.conf->db_path, "bodies or keys of scrubbed messages");
	if (files > 0)
		left(look.conf->upload_dir, "files that wait to be removed");
	if (db_sweep_checkpoint(look.db, CHECKPOINT_MS) != DB_DONE)
		left(look.conf->db_path,
		    "the WAL is held by a reader, and may hold what was scrubbed");
}

/* Each folder once: the others are below the relay's own as a rule. */
static void
walk_all(__nftw_func_t each)
{
	for (int i = 0; i < FOLDER__MAX; i++) {
		bool seen = false;

		for (int n = 0; n < i; n++)
			seen |= strcmp(look.folders[i], look.folders[n]) == 0 ||
			    is_below(look.folders[i], look.folders[n]);
		if (!seen && nftw(look.folders[i], each, OPEN_FILES, FTW_PHYS) != 0)
			look.failed = true;
	}
}

/* Links and .. are resolved: what is walked is what lies there. */
static bool
find_folders(const struct conf *c)
{
	look.folders[FOLDER_RELAY] = realpath(c->dir, NULL);
	look.folders[FOLDER_DATABASE] = realpath(c->data_dir, NULL);
	look.folders[FOLDER_UPLOADS] = realpath(c->upload_dir, NULL);
	for (int i = 0; i < FOLDER__MAX; i++)
		if (!look.folders[i])
			return false;
	return true;
}

static void
look_everywhere(void)
{
	check_store();
	walk_all(visit);
	db_close(look.db);
	look.db = NULL;
	check_free_pages(look.conf->db_path);
	if (look.count > 0)
		walk_all(visit_search);
}

/* The store is closed before its files are read: closing a file drops the locks that SQLite has on
 * it in the same process. */
int
scrub_verify(const struct ctl *ctl, char **texts, int count)
{
	auto_free char *buffer = malloc(BUFFER_BYTES);

	look.conf = &ctl->conf;
	look.texts = texts;
	look.count = count;
	look.found = 0;
	look.buffer = buffer;
	look.failed = false;
	look.db = ctl_open(ctl);
	if (look.db && buffer && find_folders(look.conf))
		look_everywhere();
	else
		look.failed = true;
	db_close(look.db);
	for (int i = 0; i < FOLDER__MAX; i++)
		free(look.folders[i]);
	return look.failed ? -1 : look.found;
}
