/* Time that stands still, and chance that is always the same: in front of the C library's and the
 * libraries' own. */
#include "splitmix.h"
#include "world.h"

#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

#define STILL 1900000000 /* seconds: some day in 2030 */

static uint64_t chance = 1;
static time_t later;

void
world_later(long sec)
{
	later = sec;
}

void
world_chance(uint64_t number)
{
	chance = number * 0x9e3779b97f4a7c15U + 1;
}

static void
fill(void *out, size_t len)
{
	uint8_t *at = out;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)splitmix(&chance);
}

static const char *
name(void)
{
	return "still";
}

static uint32_t
number(void)
{
	return (uint32_t)splitmix(&chance);
}

static struct randombytes_implementation still = {
	.implementation_name = name, .random = number, .buf = fill
};

__attribute__((constructor)) static void
begin(void)
{
	randombytes_set_implementation(&still);
}

void
uuid_generate_random(uuid_t out)
{
	fill(out, sizeof(uuid_t));
	out[6] = (unsigned char)((out[6] & 0x0f) | 0x40);
	out[8] = (unsigned char)((out[8] & 0x3f) | 0x80);
}

ssize_t
getrandom(void *out, size_t len, unsigned flags)
{
	(void)flags;
	fill(out, len);
	return (ssize_t)len;
}

int
clock_gettime(clockid_t id, struct timespec *out)
{
	*out = (struct timespec){ .tv_sec = id == CLOCK_REALTIME ? STILL + later : 1000 };
	return 0;
}

time_t
time(time_t *out)
{
	if (out)
		*out = STILL + later;
	return STILL + later;
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	(void)zone;
	*out = (struct timeval){ .tv_sec = STILL + later };
	return 0;
}

/* Nobody sleeps. */
int
usleep(useconds_t us)
{
	(void)us;
	return 0;
}

unsigned
sleep(unsigned sec)
{
	(void)sec;
	return 0;
}

int
nanosleep(const struct timespec *want, struct timespec *left)
{
	(void)want, (void)left;
	return 0;
}

/* libfcgi waits up to two seconds for a client to hang up, which here is in the same process. */
int
poll(struct pollfd *fds, nfds_t len, int timeout_ms)
{
	const struct timespec none = { 0 };

	return (int)syscall(SYS_ppoll, fds, len, timeout_ms < 0 ? NULL : &none, NULL, 0);
}

/* A disk that others write to as well. */
int
statvfs(const char *restrict path, struct statvfs *restrict out)
{
	(void)path;
	*out = (struct statvfs){ .f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = 1 << 24,
		.f_bfree = 1 << 23,
		.f_bavail = 1 << 23,
		.f_files = 1 << 20,
		.f_ffree = 1 << 19,
		.f_favail = 1 << 19 };
	return 0;
}
