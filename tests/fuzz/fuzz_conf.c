/* Fuzzing of the settings' file: loading it never crashes, a refusal is one line that names the
 * file, and what is accepted keeps the promises of conf.h. */
#include "conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[1024], path[1100];
static int fd = -1;

static void
clean(void)
{
	unlink(path);
	rmdir(dir);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *base = getenv("TMPDIR");

	(void)argc, (void)argv;
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) unsetenv(#name);
#include "conf.def"
#undef CONF
#undef GROUP
	snprintf(dir, sizeof(dir), "%s/relay-fuzz-XXXXXX", base && base[0] ? base : P_tmpdir);
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/.env.local", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || atexit(clean) != 0)
		abort();
	return 0;
}

static void
check_text(const char *value)
{
	if (!value)
		abort();
	for (; *value; value++)
		if ((unsigned char)*value < 0x20)
			abort();
}

static void
check_path(const char *value)
{
	check_text(value);
	if (value[0] && value[0] != '/')
		abort();
}

#define CHECK_BOOL(value, min, max) (void)(value)
#define CHECK_INT(value, min, max) \
	if ((value) < (min) || (value) > (max)) \
	abort()
#define CHECK_ENUM(value, min, max) \
	if ((value) < 0 || (value) > 4) \
	abort()
#define CHECK_TEXT(value, min, max) check_text(value)
#define CHECK_LIST(value, min, max) check_text(value)
#define CHECK_PATH(value, min, max) check_path(value)

static void
check_settings(const struct conf *c)
{
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) CHECK_##kind(c->field, min, max);
#include "conf.def"
#undef CONF
#undef GROUP
	if (conf_port(c) < 1 || conf_port(c) > 65535)
		abort();
	check_text(conf_mail_from(c));
	conf_email_admin(c, "ann@example.org");
	conf_email_allowed(c, "ann@example.org");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONF_ERROR_BYTES] = "";
	struct conf c;

	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (conf_load(&c, dir, error))
		check_settings(&c);
	else if (!strstr(error, "/.env.local:") || strchr(error, '\n'))
		abort();
	conf_free(&c);
	conf_free(&c);
	return 0;
}
