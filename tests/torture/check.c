/* Looking at what a call left. */
#include "check.h"

#include "cleanup.h"
#include "db_internal.h"
#include "torture.h"
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 64
#define TABLES 128

struct sum {
	uint64_t n;
	FILE *dump; /* or NULL */
};

/* FNV-1a. */
static void
mix(struct sum *s, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		s->n = (s->n ^ at[i]) * 0x100000001b3U;
}

#define POSITIONS INT64_C(1000000000000000) /* microseconds: what is larger is one */

static bool any_order;

void
check_any_order(bool any)
{
	any_order = any;
}

static void
add_column(struct sum *s, sqlite3_stmt *st, int i)
{
	const void *data = sqlite3_column_blob(st, i);
	const int type = sqlite3_column_type(st, i),
		  len = any_order && sqlite3_column_int64(st, i) > POSITIONS &&
		type == SQLITE_INTEGER ?
	    0 :
	    sqlite3_column_bytes(st, i);

	mix(s, &type, sizeof(type));
	mix(s, &len, sizeof(len));
	mix(s, data ? data : "", (size_t)len);
	if (!s->dump)
		return;
	fputc(i ? ' ' : '\t', s->dump);
	if (type == SQLITE_BLOB)
		for (int b = 0; b < len; b++)
			fprintf(s->dump, "%02x", ((const unsigned char *)data)[b]);
	else
		fprintf(s->dump, "%.*s", len, data ? (const char *)data : "NULL");
}

static void
add_table(struct sum *s, sqlite3 *h, const char *name)
{
	char sql[256];
	sqlite3_stmt *st = NULL;
	uint64_t rows = 0;

	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", name);
	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK)
		give_up("%s: %s", sql, sqlite3_errmsg(h));
	mix(s, name, strlen(name));
	if (s->dump)
		fprintf(s->dump, "%s\n", name);
	while (sqlite3_step(st) == SQLITE_ROW) {
		struct sum row = { 0xcbf29ce484222325U, s->dump };

		for (int i = 0; i < sqlite3_column_count(st); i++)
			add_column(&row, st, i);
		if (s->dump)
			fputc('\n', s->dump);
		rows += row.n;
	}
	mix(s, &rows, sizeof(rows));
	if (sqlite3_finalize(st) != SQLITE_OK)
		mix(s, "broken", 6);
}

static sqlite3 *
open_other(void)
{
	sqlite3 *h = NULL;

	if (sqlite3_open_v2(world.conf.db_path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		give_up("%s: %s", world.conf.db_path, sqlite3_errmsg(h));
	return h;
}

static void
add_tables(struct sum *s)
{
	char names[TABLES][64];
	int len = 0;
	sqlite3 *h = open_other();
	sqlite3_stmt *st = NULL;

	sqlite3_prepare_v2(h,
	    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' "
	    "AND name <> 'file_gone' "
	    "ORDER BY name",
	    -1, &st, NULL);
	while (len < TABLES && sqlite3_step(st) == SQLITE_ROW)
		snprintf(
		    names[len++], sizeof(names[0]), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	for (int i = 0; i < len; i++)
		add_table(s, h, names[i]);
	sqlite3_close(h);
}

/* Of each file that has a row, whether its bytes are there. Bytes without a row, and rows that say
 * so, are housekeeping's. */
static void
add_uploads(struct sum *s)
{
	sqlite3 *h = open_other();
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(
		h, "SELECT lower(hex(public_id)) FROM file ORDER BY 1", -1, &st, NULL) != SQLITE_OK)
		mix(s, "none", 4); /* an older schema */
	while (st && sqlite3_step(st) == SQLITE_ROW) {
		char path[WORLD_PATH * 2];
		struct stat about = { 0 };
		bool there;

		snprintf(path, sizeof(path), "%s/pchat_uploads/files/%s", world.dir,
		    (const char *)sqlite3_column_text(st, 0));
		there = stat(path, &about) == 0;
		mix(s, &there, sizeof(there));
		mix(s, &about.st_size, sizeof(about.st_size));
		if (s->dump)
			fprintf(s->dump, "%s %ld\n", path, there ? (long)about.st_size : -1);
	}
	sqlite3_finalize(st);
	sqlite3_close(h);
}

/* Names and sizes of all uploads, whether or not they have a row. */
static uint64_t
sum_names(uint64_t n)
{
	char path[WORLD_PATH * 2];
	struct sum s = { n, NULL };
	struct dirent **list = NULL;
	int len;

	snprintf(path, sizeof(path), "%s/pchat_uploads/files", world.dir);
	len = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < len; i++) {
		char file[WORLD_PATH * 3];
		struct stat st = { 0 };

		snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
			mix(&s, list[i]->d_name, strlen(list[i]->d_name));
			mix(&s, &st.st_size, sizeof(st.st_size));
		}
		free(list[i]);
	}
	free(list);
	return s.n;
}

static uint64_t
sum_all(FILE *dump)
{
	struct sum s = { 0xcbf29ce484222325U, dump };

	add_tables(&s);
	add_uploads(&s);
	return s.n;
}

/* -- one look ---------------------------------------------------------------------------------- */

#define LOOKS 8192

/* What was found of files of the same bytes before, by any process. */
static struct look {
	_Atomic uint64_t bytes; /* 0: free */
	uint64_t state;
	char why[CHECK_BYTES];
} * looks;

/* Eight bytes at a time: nobody tries to get around this one. */
static uint64_t
sum_bytes(uint64_t n, const char *path)
{
	static uint64_t data[1 << 17];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = 0;

	while (fd >= 0 && (len = read(fd, data, sizeof(data))) > 0) {
		memset((char *)data + len, 0, 8);
		for (ssize_t i = 0; i < (len + 7) / 8; i++)
			n = (n ^ data[i]) * 0x9e3779b97f4a7c15U, n ^= n >> 29;
		n += (uint64_t)len;
		if (len < (ssize_t)sizeof(data) - 8)
			break;
	}
	return (n * 31) ^ (uint64_t)(fd >= 0);
}

static bool is_whole(char why[static CHECK_BYTES]);

bool
check_look(uint64_t *state, char why[static CHECK_BYTES])
{
	char path[WORLD_PATH * 2];
	struct look *l;
	uint64_t n;

	snprintf(path, sizeof(path), "%s-wal", world.conf.db_path);
	n = sum_names(sum_bytes(sum_bytes(1, world.conf.db_path), path));
	for (l = looks; l < looks + LOOKS && l->bytes; l++)
		if (l->bytes == n)
			break;
	if (l == looks + LOOKS)
		l = looks;
	if (l->bytes != n) {
		l->state = sum_all(NULL);
		l->why[0] = '\0';
		if (is_whole(l->why))
			l->why[0] = '\0';
		l->bytes = n;
	}
	*state = l->state;
	snprintf(why, CHECK_BYTES, "%s", l->why);
	return !why[0];
}

void
check_begin(void)
{
	looks = torture_shared(LOOKS * sizeof(*looks));
}

void
check_dump(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return;
	sum_all(f);
	fclose(f);
}

static bool
is_whole(char why[static CHECK_BYTES])
{
	sqlite3 *h = open_other();
	sqlite3_stmt *st = NULL;
	bool ok = false;

	snprintf(why, CHECK_BYTES, "the database is not whole");
	if (sqlite3_prepare_v2(h, "PRAGMA integrity_check(1)", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		snprintf(
		    why, CHECK_BYTES, "the database: %s", (const char *)sqlite3_column_text(st, 0));
		ok = strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
	}
	sqlite3_finalize(st);
	sqlite3_close(h);
	return ok;
}

void
check_spoil(void)
{
	sqlite3 *h = open_other();

	if (sqlite3_exec(h, "DELETE FROM idempotency", NULL, NULL, NULL) != SQLITE_OK)
		give_up("%s", sqlite3_errmsg(h));
	sqlite3_close(h);
}

bool
check_free(char why[static CHECK_BYTES])
{
	char path[WORLD_PATH * 2];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "%s.lock", world.conf.db_path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		snprintf(why, CHECK_BYTES, "the writers' lock is kept");
	else if (world.is_open && engine_is_writing(world.worker.db->engine))
		snprintf(why, CHECK_BYTES, "a transaction is left open");
	else
		return true;
	return false;
}

int
check_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* -- another process that has the database open: without it the last one to close its own would
 * remove the files beside it, which the processes of the rounds share ----------------------------
 */

/* SQLite's own, of its file format: who reads holds these. */
#define SHARED_FIRST (0x40000000 + 2)
#define SHARED_SIZE 510
#define DEAD_MAN 128

static pid_t keeper;

static void
share_lock(const char *path, off_t from, off_t len)
{
	struct flock lock = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = len
	};

	if (fcntl(open(path, O_RDWR | O_CLOEXEC), F_SETLK, &lock) != 0)
		give_up("%s: %s", path, strerror(errno));
}

void
check_hold(void)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) != 0)
		give_up("pipe: %s", strerror(errno));
	keeper = fork();
	if (keeper == 0) {
		char log[WORLD_PATH * 2];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(log, sizeof(log), "%s-shm", world.conf.db_path);
		share_lock(world.conf.db_path, SHARED_FIRST, SHARED_SIZE);
		share_lock(log, DEAD_MAN, 1);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		give_up("nobody holds the database");
	close(ready[0]);
}

void
check_let_go(void)
{
	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
}

/* -- the folder, as it was --------------------------------------------------------------------- */

static struct {
	char path[WORLD_PATH * 2];
	char *data;
	size_t len;
	ino_t inode;
} kept[FILES];
static int kept_len;

static void
each_file(const char *folder, void (*run)(const char *path))
{
	char path[WORLD_PATH * 2];
	DIR *dir;
	struct dirent *e;

	snprintf(path, sizeof(path), "%s/%s", world.dir, folder);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char file[WORLD_PATH * 3];
		struct stat st;

		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			run(file);
	}
	if (dir)
		closedir(dir);
}

static void
keep_file(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (kept_len == FILES || fd < 0 || fstat(fd, &st) != 0)
		give_up("%s: %s", path, strerror(errno));
	snprintf(kept[kept_len].path, sizeof(kept[0].path), "%s", path);
	kept[kept_len].len = (size_t)st.st_size;
	kept[kept_len].inode = st.st_ino;
	kept[kept_len].data = malloc((size_t)st.st_size + 1);
	if (read(fd, kept[kept_len].data, (size_t)st.st_size) != st.st_size)
		give_up("%s: %s", path, strerror(errno));
	kept_len++;
}

static const char *const folders[] = { "data", "data/backups", "pchat_uploads/files",
	"pchat_uploads/incoming" };

void
check_keep(void)
{
	for (int i = 0; i < kept_len; i++)
		free(kept[i].data);
	kept_len = 0;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		each_file(folders[i], keep_file);
}

static void
drop_unknown(const char *path)
{
	for (int i = 0; i < kept_len; i++)
		if (strcmp(kept[i].path, path) == 0)
			return;
	unlink(path);
}

void
check_put_back(void)
{
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		each_file(folders[i], drop_unknown);
	for (int i = 0; i < kept_len; i++) {
		auto_close int fd = open(kept[i].path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) != 0 ||
		    pwrite(fd, kept[i].data, kept[i].len, 0) != (ssize_t)kept[i].len ||
		    ftruncate(fd, (off_t)kept[i].len) != 0)
			give_up("%s: %s", kept[i].path, strerror(errno));
		if (world.is_open && st.st_ino != kept[i].inode &&
		    strncmp(kept[i].path, world.conf.db_path, strlen(world.conf.db_path)) == 0)
			give_up("%s is another file now", kept[i].path);
		kept[i].inode = st.st_ino;
	}
}
