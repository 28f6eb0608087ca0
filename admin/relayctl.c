/* relayctl: reads its words and hands over to the command. */
#include "relayctl.h"

#include "cleanup.h"
#include "log.h"
#include "secret.h"
#include "syscalls.h"
#include "version.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "Usage: relayctl [--dir DIR] COMMAND\n"
    "Looks after a WebChat relay.\n"
    "\n"
    "  check                     settings, folders, disk, clock, database and socket\n"
    "  doctor [--url URL] [--mail] [--text]   the same and more: asks the running relay over HTTP\n"
    "                            (URL: the address that people use) and the mail server; a\n"
    "                            report as JSON or, with --text, for people\n"
    "  user list                 all users\n"
    "  user promote|demote|block|unblock|hide|unhide WHO   WHO: e-mail or chat address\n"
    "  user delete WHO           erase the account and all that hangs on it, for good\n"
    "  user sessions WHO         where WHO is signed in\n"
    "  user logout WHO           end all of WHO's sessions and API keys\n"
    "  group list                all groups\n"
    "  group delete GROUP_ID     delete a group; its members are told\n"
    "  invite [--uses N] [--days N] [--url URL]   a link that lets N addresses sign in past the\n"
    "                            allow-list (1, 7 days); URL: the address that people use\n"
    "  invite list               links that are still good\n"
    "  invite delete ID          revoke one; who is in stays\n"
    "  code EMAIL                issue a fresh sign-in code and print it\n"
    "  mail                      mails that wait, and why\n"
    "  mail test ADDRESS         send a test mail now\n"
    "  backup FILE               copy the live database into a new file, without what people "
    "wrote\n"
    "  backup --with-keys FILE   with what is not yet scrubbed of it\n"
    "  restore FILE              put a backup back; what was erased since stays erased\n"
    "  restore --replay [FILE]   a PostgreSQL database was put back by its own tools: what was "
    "erased\n"
    "                            since is erased again; FILE: the tombstones of another machine\n"
    "  move-to ADDRESS           move all that the relay holds to postgresql://... or "
    "sqlite:PATH;\n"
    "                            the relay must be stopped\n"
    "  move-to --erase-old ADDRESS   overwrite what is left of the database that was moved\n"
    "  move-to --stay            take the database that was moved back into use\n"
    "  scrub --verify [TEXT...]  look for what was scrubbed, and for TEXT, in every file\n"
    "  machine forget NAME       wait no more for a machine on the same PostgreSQL database that\n"
    "                            never comes back; its disk must be destroyed\n"
    "  stats                     counts\n"
    "  settings --get NAME       the value in force of a setting\n"
    "  settings --example        print .env.example\n"
    "  settings --markdown       print docs/settings.md\n"
    "\n"
    "  --json       of a list: as JSON\n"
    "  --dir DIR    the relay's folder (default: relay/ beside the programs)\n"
    "  --help, --version\n";

int
ctl_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("relayctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

int
ctl_usage(const char *usage)
{
	fprintf(stderr, "relayctl: usage: relayctl %s\n", usage);
	return 2;
}

int
ctl_db_failed(enum db_result r)
{
	return ctl_fail("%s",
	    r == DB_BUSY     ? "the database is busy; try again" :
		r == DB_FULL ? "the disk is full; nothing was changed" :
			       "the database could not do this");
}

bool
ctl_json(struct ctl *c)
{
	bool found = false;
	int kept = 0;

	for (int i = 0; i < c->argc; i++) {
		bool here = strcmp(c->argv[i], "--json") == 0;

		found = found || here;
		if (!here)
			c->argv[kept++] = c->argv[i];
	}
	c->argc = kept;
	return found;
}

struct db *
ctl_open(const struct ctl *c)
{
	const struct db_options o = db_options_of(&c->conf);
	char error[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES];
	struct db *db = db_open(&o, error);

	if (!db) {
		ctl_fail("%s", error);
		return NULL;
	}
	if (!secret_key_load(c->conf.data_dir, false, no_key)) {
		ctl_fail("%s", no_key);
		db_close(db);
		return NULL;
	}
	db_seal(db);
	return db;
}

static int
get_setting(struct ctl *c, const char *name)
{
	char error[CONF_ERROR_BYTES];
	int status = 0;

	if (!conf_load(&c->conf, c->dir, error))
		status = ctl_fail("%s", error);
	else if (!conf_write_value(&c->conf, name, stdout))
		status = ctl_fail("there is no setting '%s' that may be shown", name);
	conf_free(&c->conf);
	return status;
}

static int
settings(struct ctl *c)
{
	const char *word = c->argc > 1 ? c->argv[1] : "";

	if (c->argc == 3 && strcmp(word, "--get") == 0)
		return get_setting(c, c->argv[2]);
	if (c->argc == 2 && strcmp(word, "--example") == 0)
		conf_write_example(stdout);
	else if (c->argc == 2 && strcmp(word, "--markdown") == 0)
		conf_write_markdown(stdout);
	else
		return ctl_usage("settings --get NAME | settings --example|--markdown");
	return 0;
}

static int
dispatch(struct ctl *c)
{
	static const struct {
		const char *name;
		int (*run)(struct ctl *c);
	} commands[] = { { "user", ctl_user }, { "group", ctl_group }, { "invite", ctl_invite },
		{ "code", ctl_code }, { "mail", ctl_mail }, { "backup", ctl_backup },
		{ "restore", ctl_restore }, { "scrub", ctl_scrub }, { "machine", ctl_machine },
		{ "stats", ctl_stats }, { "move-to", ctl_move } };
	char error[CONF_ERROR_BYTES];
	int status = -1;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(c->argv[0], commands[i].name) != 0)
			continue;
		status =
		    conf_load(&c->conf, c->dir, error) ? commands[i].run(c) : ctl_fail("%s", error);
		conf_free(&c->conf);
	}
	return status >= 0 ? status :
			     ctl_fail("unknown command '%s'; see relayctl --help", c->argv[0]) + 1;
}

static void
default_dir(char *out, size_t size)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = '\0';
	snprintf(out, size, "%s/../relay", dirname(exe));
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { 0 } };
	char dir[PATH_MAX + 16];
	struct ctl c = { .dir = dir };
	int opt;

	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0077);
	default_dir(dir, sizeof(dir));
	log_setup("relayctl", LOG_LEVEL_WARN);
	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (opt == 'd')
			c.dir = optarg;
		else if (opt == 'h')
			return fputs(help, stdout) < 0;
		else if (opt == 'v')
			return puts("relayctl " RELAY_VERSION) < 0;
		else
			return 2;
	}
	c.argc = argc - optind;
	c.argv = argv + optind;
	if (c.argc == 0) {
		fputs(help, stderr);
		return 2;
	}
	if (!secret_init())
		return ctl_fail("no randomness to be had");
	syscalls_forbid();
	if (strcmp(c.argv[0], "settings") == 0)
		return settings(&c);
	if (strcmp(c.argv[0], "check") == 0)
		return ctl_check(&c);
	if (strcmp(c.argv[0], "doctor") == 0)
		return ctl_doctor(&c);
	return dispatch(&c);
}
