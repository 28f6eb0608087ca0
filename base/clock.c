/* The two clocks. */
#include "clock.h"

#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_backoff(int tries, int64_t first, int64_t longest)
{
	int64_t pause = first;

	for (; tries > 0 && pause < longest; tries--)
		pause *= 2;
	return pause < longest ? pause : longest;
}
