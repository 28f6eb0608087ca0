/* The floor of free disk. */
#include "room.h"

#include "resp.h"

#include <sys/statvfs.h>

bool
room_check(struct request *r, const char *path, int64_t size)
{
	struct statvfs fs;

	if (statvfs(path, &fs) == 0 &&
	    (int64_t)(fs.f_bavail * fs.f_frsize) - size >= r->worker->conf->min_free_bytes)
		return true;
	resp_db_failed(r, DB_FULL);
	return false;
}
