/* What every unit program uses: cmocka, and a folder of its own that is removed with all that lies
 * in it. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A test; `state` is what the group's setup made. */
#define TEST(name) static void name(void **state __attribute__((unused)))

#define SCRATCH_BYTES 1024

/* Makes a folder below TMPDIR; `out` gets its real path. */
static inline void
scratch_make(char out[static SCRATCH_BYTES])
{
	const char *base = getenv("TMPDIR");
	char template[PATH_MAX], real[PATH_MAX];

	snprintf(
	    template, sizeof(template), "%s/relay-unit-XXXXXX", base && base[0] ? base : P_tmpdir);
	assert_non_null(mkdtemp(template));
	assert_non_null(realpath(template, real));
	assert_true(strlen(real) < SCRATCH_BYTES);
	memcpy(out, real, strlen(real) + 1);
}

static inline int
scratch_unlink(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void
scratch_remove(const char *dir)
{
	assert_int_equal(nftw(dir, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of a file in the folder; good until the fourth next call. */
static inline const char *
scratch_path(const char *dir, const char *name)
{
	static char paths[4][PATH_MAX];
	static int next;
	char *path = paths[next++ % 4];

	assert_true(snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX);
	return path;
}

static inline void
scratch_write_bytes(const char *dir, const char *name, const void *data, size_t len, mode_t mode)
{
	const char *path = scratch_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static inline void
scratch_write(const char *dir, const char *name, const char *text)
{
	scratch_write_bytes(dir, name, text, strlen(text), 0600);
}

/* The text of a file, to be freed. */
static inline char *
scratch_read(const char *dir, const char *name)
{
	FILE *f = fopen(scratch_path(dir, name), "re");
	size_t room = 1 << 18, len;
	char *text = malloc(room);

	assert_non_null(f);
	assert_non_null(text);
	len = fread(text, 1, room - 1, f);
	assert_int_equal(ferror(f), 0);
	fclose(f);
	text[len] = '\0';
	return text;
}

static inline bool
scratch_has(const char *dir, const char *name)
{
	return access(scratch_path(dir, name), F_OK) == 0;
}

#endif
