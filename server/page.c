/* The page is copied into the operator's folder, because the checkout may lie where a web server
 * cannot read. A copy is complete before it has its name, so a page that loads meanwhile is whole.
 */
#include "page.h"

#include "cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define auto_dir __attribute__((cleanup(close_dir)))
#define OLD_SEC (30L * 86400)
#define TRIES 3
#define FIRST_PAGE "chat.html"

struct folders {
	char from[PATH_MAX], to[PATH_MAX];
	char *error;
};

static void
close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool
fail(const struct folders *f, const char *name)
{
	const int why = errno;

	snprintf(f->error, CONF_ERROR_BYTES, "%.400s/%.200s: %s", f->to, name, strerror(why));
	errno = why;
	return false;
}

static bool
copy_bytes(int from, int to, off_t size)
{
	while (size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)size);

		if (n <= 0)
			return false;
		size -= n;
	}
	return true;
}

/* Source maps stay where they were built: they are larger than the page. */
static bool
is_served(const char *name)
{
	return name[0] != '.' && !strstr(name, ".map") && strcmp(name, FIRST_PAGE) != 0;
}

/* A file of the same size and time is the same. */
static bool
is_same(const char *path, const struct stat *wanted)
{
	struct stat there;

	return stat(path, &there) == 0 && there.st_size == wanted->st_size &&
	    there.st_mtime == wanted->st_mtime;
}

static bool
copy_file(const struct folders *f, const char *name)
{
	char from[PATH_MAX + NAME_MAX + 2], to[PATH_MAX + NAME_MAX + 2], temp[PATH_MAX + 16];
	auto_close int in = -1, out = -1;
	struct stat st;

	snprintf(from, sizeof(from), "%s/%s", f->from, name);
	snprintf(to, sizeof(to), "%s/%s", f->to, name);
	snprintf(temp, sizeof(temp), "%s/.new", f->to);
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) != 0)
		return fail(f, name);
	if (!S_ISREG(st.st_mode) || is_same(to, &st))
		return true;
	out = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0 || !copy_bytes(in, out, st.st_size) ||
	    futimens(out, (struct timespec[]){ st.st_mtim, st.st_mtim }) != 0 ||
	    rename(temp, to) != 0)
		return fail(f, name);
	return true;
}

static bool
copy_all(const struct folders *f)
{
	auto_dir DIR *dir = opendir(f->from);
	const struct dirent *entry;

	if (!dir)
		return true;
	while ((entry = readdir(dir)))
		if (is_served(entry->d_name) && !copy_file(f, entry->d_name))
			return false;
	return faccessat(dirfd(dir), FIRST_PAGE, R_OK, 0) != 0 || copy_file(f, FIRST_PAGE);
}

/* Removes what the page does not have any more, once nobody can have it open. */
static void
remove_old(const struct folders *f)
{
	auto_dir DIR *dir = opendir(f->to);
	time_t now = time(NULL);
	const struct dirent *entry;
	struct stat st;
	char from[PATH_MAX + NAME_MAX + 2];

	while (dir && (entry = readdir(dir))) {
		snprintf(from, sizeof(from), "%s/%s", f->from, entry->d_name);
		if (entry->d_name[0] == '.' || access(from, F_OK) == 0)
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && now - st.st_ctime > OLD_SEC)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
}

bool
page_publish(const struct conf *c, const char *run_dir, const char *program_dir,
    char error[static CONF_ERROR_BYTES])
{
	struct folders f = { .error = error };

	if (!c->gui)
		return true;
	snprintf(f.from, sizeof(f.from), "%s/../web/dist", program_dir);
	snprintf(f.to, sizeof(f.to), "%s/page", run_dir);
	if (mkdir(f.to, 0755) != 0 && errno != EEXIST)
		return fail(&f, "");
	/* a page that is built anew meanwhile takes its files away */
	for (int tries = 1; !copy_all(&f); tries++)
		if (errno != ENOENT || tries == TRIES)
			return false;
	remove_old(&f);
	return true;
}

bool
page_there(const char *run_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/page/" FIRST_PAGE, run_dir);
	return access(path, R_OK) == 0;
}
