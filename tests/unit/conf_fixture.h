/* A folder with a .env.local of the test's own, an environment without settings, and what loading
 * them returned. */
#ifndef TEST_CONF_FIXTURE_H
#define TEST_CONF_FIXTURE_H

#include "scratch.h"

#include "conf.h"

static char dir[SCRATCH_BYTES], error[CONF_ERROR_BYTES];
static struct conf c;

static inline void
clear_environment(void)
{
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) unsetenv(#name);
#include "conf.def"
#undef CONF
#undef GROUP
}

static inline int
set_up(void **state)
{
	(void)state;
	clear_environment();
	scratch_make(dir);
	memset(&c, 0, sizeof(c));
	error[0] = '\0';
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	conf_free(&c);
	clear_environment();
	scratch_remove(dir);
	return 0;
}

static inline bool
load(const char *file)
{
	conf_free(&c);
	error[0] = '\0';
	if (file)
		scratch_write(dir, ".env.local", file);
	return conf_load(&c, dir, error);
}

static inline void
loads(const char *file)
{
	if (!load(file))
		fail_msg("refused: %s", error);
}

/* The file is refused with DIR/.env.local:`want`. */
static inline void
refuses(const char *file, const char *want)
{
	char line[CONF_ERROR_BYTES + SCRATCH_BYTES];

	if (load(file))
		fail_msg("accepted, but should say %s", want);
	snprintf(line, sizeof(line), "%s/.env.local:%s", dir, want);
	assert_string_equal(error, line);
}

#endif
