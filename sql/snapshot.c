/* The copy that is kept of a database before its schema changes: data/backups/before-vN-TIME.db. */
#include "snapshot.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define COPIES_KEPT 3
#define PREFIX "before-v"
#define ENDING ".db"

static int
is_copy(const struct dirent *e)
{
	size_t len = strlen(e->d_name), ending = strlen(ENDING);

	return strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 && len > ending &&
	    strcmp(e->d_name + len - ending, ENDING) == 0;
}

/* By time, which stands behind the version; the newest first. */
static int
newest_first(const struct dirent **a, const struct dirent **b)
{
	const char *x = strchr((*a)->d_name + strlen(PREFIX), '-'),
		   *y = strchr((*b)->d_name + strlen(PREFIX), '-');

	return strcmp(y ? y : "", x ? x : "");
}

static void
drop_old(const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_copy, newest_first);

	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (i >= COPIES_KEPT &&
		    snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name) <
			(int)sizeof(path) &&
		    unlink(path) != 0)
			log_warn("%s: %s", path, strerror(errno));
		free(list[i]);
	}
	free(list);
}

bool
snapshot_take(const struct db_options *o, int version, char error[static DB_ERROR_BYTES])
{
	int64_t now = clock_ms();
	time_t sec = (time_t)(now / 1000);
	const char *slash = strrchr(o->path, '/');
	char dir[PATH_MAX], path[PATH_MAX], when[32];
	struct tm tm;
	int len;

	snprintf(dir, sizeof(dir), "%.*s/" DB_BACKUPS, slash ? (int)(slash - o->path) : 1,
	    slash ? o->path : ".");
	gmtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	len = snprintf(path, sizeof(path), "%s/" PREFIX "%d-%s.%03d" ENDING, dir, version, when,
	    (int)(now % 1000));
	if (len >= (int)sizeof(path) || (mkdir(dir, 0700) != 0 && errno != EEXIST)) {
		snprintf(error, DB_ERROR_BYTES, "%s: %s", dir,
		    strerror(len >= (int)sizeof(path) ? ENAMETOOLONG : errno));
		return false;
	}
	if (!db_backup(o, path, false, NULL, error))
		return false;
	drop_old(dir);
	log_info("schema %d follows; the database as it was: %s", version, path);
	return true;
}
