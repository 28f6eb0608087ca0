/* The floor of free disk. */
#include "room.h"

#include "disk.h"
#include "resp.h"

int64_t
room_left(const struct request *r, const char *path)
{
	int64_t room = disk_free(path);

	return room < 0 ? INT64_MIN / 2 : room - r->worker->conf->min_free_bytes;
}

bool
room_check(struct request *r, const char *path, int64_t size)
{
	if (room_left(r, path) >= size)
		return true;
	resp_db_failed(r, DB_FULL);
	return false;
}
