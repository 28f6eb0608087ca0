/* The floor of free disk. */
#include "room.h"

#include "resp.h"

#include <sys/statvfs.h>

int64_t
room_left(const struct request *r, const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return INT64_MIN / 2;
	return (int64_t)(fs.f_bavail * fs.f_frsize) - r->worker->conf->min_free_bytes;
}

bool
room_check(struct request *r, const char *path, int64_t size)
{
	if (room_left(r, path) >= size)
		return true;
	resp_db_failed(r, DB_FULL);
	return false;
}
