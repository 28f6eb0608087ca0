/* Room on the disk. */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include <stdint.h>

/* Bytes that an ordinary user may still write where `path` lies; -1: see errno. */
int64_t disk_free(const char *path);

#endif
