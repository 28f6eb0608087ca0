/* Room on the disk. */
#include "disk.h"

#include <sys/statvfs.h>

int64_t
disk_free(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 ? (int64_t)(fs.f_bavail * fs.f_frsize) : -1;
}
