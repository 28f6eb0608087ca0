/* What the programs that load a relay share: time, samples, an end with a reason. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Microseconds, kept in the order of their coming until sample_sort. */
struct samples {
	uint32_t *us;
	size_t len, room;
};

static inline void
die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

static inline int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void
sample_note(struct samples *s, int64_t us)
{
	if (s->len == s->room) {
		s->room = s->room ? 2 * s->room : 4096;
		s->us = reallocarray(s->us, s->room, sizeof(*s->us));
		if (!s->us)
			die("memory");
	}
	s->us[s->len++] = us > 0 ? (uint32_t)us : 0;
}

static inline int
sample_compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static inline void
sample_sort(struct samples *s)
{
	if (s->len)
		qsort(s->us, s->len, sizeof(*s->us), sample_compare);
}

/* Of sorted samples, the one below which that share of them is; 0 where there are none. */
static inline uint32_t
sample_at(const struct samples *s, double share)
{
	return s->len ? s->us[(size_t)(share * (double)(s->len - 1))] : 0;
}

/* As many open files as the system lets us have. */
static inline void
raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		die("rlimit");
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

#endif
