/* relayctl move-to: all that the relay holds, to a database of the other engine. */
#include "relayctl.h"

#include "clock.h"
#include "move.h"
#include "move_left.h"
#include "secret.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE "move-to postgresql://...|sqlite:PATH | --erase-old ADDRESS | --stay"
#define FILE_WORD "sqlite:"

struct show {
	bool on_terminal;
	int percent; /* that was shown last */
};

struct epoch_plan
ctl_epoch_plan(const struct ctl *c, char name[static CTL_NAME_BYTES])
{
	memset(name, 0, CTL_NAME_BYTES);
	gethostname(name, CTL_NAME_BYTES - 1);
	return (struct epoch_plan){ .length_ms = c->conf.epoch_sec * 1000, .name = name };
}

static void
clear_line(const struct show *s)
{
	if (s->on_terminal)
		fputs("\r\033[K", stderr);
}

/* A bar on a terminal; elsewhere a line each ten percent. */
static void
show_progress(void *arg, const char *table, int64_t rows, int64_t done, int64_t total)
{
	struct show *s = arg;
	const int percent = total > 0 && done < total ? (int)(100 * done / total) : 100;
	char bar[21] = "....................";

	if (s->on_terminal) {
		memset(bar, '#', (size_t)percent / 5);
		fprintf(
		    stderr, "\r[%s] %3d %%  %-20s %" PRId64 "\033[K", bar, percent, table, rows);
	} else if (percent / 10 > s->percent / 10)
		printf("%d %% of all rows\n", percent);
	s->percent = percent;
}

static void
show_compared(void *arg, const char *table, int64_t rows)
{
	clear_line(arg);
	printf("%-20s %10" PRId64 "\n", table, rows);
	fflush(stdout);
}

/* -- addresses --------------------------------------------------------------------------------- */

/* The database of an address; what lies on this machine beside a server's stays where it is. False:
 * it is none. */
static bool
options_at(
    const struct ctl *c, const char *address, char path[static PATH_MAX], struct db_options *out)
{
	*out = db_options_of(&c->conf);
	if (strncmp(address, "postgresql://", 13) == 0 ||
	    strncmp(address, "postgres://", 11) == 0) {
		out->url = address;
		return true;
	}
	if (strncmp(address, FILE_WORD, strlen(FILE_WORD)) != 0)
		return false;
	address += strlen(FILE_WORD);
	if (address[0] != '/' && getcwd(path, PATH_MAX))
		snprintf(path + strlen(path), PATH_MAX - strlen(path), "/%s", address);
	else
		snprintf(path, PATH_MAX, "%s", address);
	out->url = NULL;
	out->path = path;
	return address[0];
}

/* -- what comes next --------------------------------------------------------------------------- */

static void
say_next_on_server(const struct ctl *c)
{
	printf("Now:\n"
	       "1. In %s/.env.local set DATABASE_URL to the address that you gave here.\n"
	       "2. Start the relay and look that all is well (relayctl doctor --text).\n"
	       "3. The old database still holds what people wrote. Erase it:\n"
	       "   relayctl move-to --erase-old " FILE_WORD "%s\n"
	       "   and copies of it that you made; those in %s/backups hold accounts, no texts.\n",
	    c->dir, c->conf.db_path, c->conf.data_dir);
}

static void
say_next_in_file(const struct ctl *c, const char *path)
{
	printf(
	    "Now:\n"
	    "1. In %s/.env.local take DATABASE_URL out%s%s.\n"
	    "2. Start the relay and look that all is well (relayctl doctor --text).\n"
	    "3. The old database still holds what people wrote. Erase the keys of it:\n"
	    "   relayctl move-to --erase-old ADDRESS\n"
	    "   on other machines that used it: shred -u data/bridge.db.epochs, and append their\n"
	    "   data/bridge.db.tombstones to %s.tombstones here. Then drop the database "
	    "(dropdb).\n",
	    c->dir, strcmp(path, c->conf.db_path) == 0 ? "" : " and set BRIDGE_DB_PATH=",
	    strcmp(path, c->conf.db_path) == 0 ? "" : path, path);
}

static int
move_to(struct ctl *c, const char *address)
{
	const struct db_options from = db_options_of(&c->conf);
	char error[DB_ERROR_BYTES], path[PATH_MAX] = "", name[CTL_NAME_BYTES];
	struct show show = { .on_terminal = isatty(STDERR_FILENO) };
	struct db_options to;
	struct move_plan p = { .from = &from,
		.to = &to,
		.epochs = ctl_epoch_plan(c, name),
		.progress = show_progress,
		.compared = show_compared,
		.arg = &show };
	struct move_report report;
	const int64_t start = clock_mono_ms();

	if (!options_at(c, address, path, &to))
		return ctl_usage(USAGE);
	if (!db_move(&p, &report, error)) {
		clear_line(&show);
		return ctl_fail("%s", error);
	}
	if (report.was_done)
		puts("All was moved there before.");
	else
		printf("Moved: %" PRId64 " tables, %" PRId64 " rows, each compared, in %.1f s.\n",
		    report.tables, report.rows, (double)(clock_mono_ms() - start) / 1000);
	if (report.lost)
		printf("%" PRId64 " texts could not be opened: their keys were lost before.\n",
		    report.lost);
	if (path[0])
		say_next_in_file(c, path);
	else
		say_next_on_server(c);
	return 0;
}

/* -- what is left ------------------------------------------------------------------------------ */

static int
erase_old(struct ctl *c, const char *address)
{
	char error[DB_ERROR_BYTES], path[PATH_MAX] = "";
	struct db_options o;

	if (!options_at(c, address, path, &o))
		return ctl_usage(USAGE);
	if (!db_move_erase(&o, error))
		return ctl_fail("%s", error);
	puts(path[0] ? "The old database was overwritten and removed." :
		       "The keys on this machine were overwritten: nothing that is sealed in the "
		       "old database opens here any more. Drop it with its server's tools.");
	return 0;
}

static int
stay(struct ctl *c)
{
	const struct db_options o = db_options_of(&c->conf);
	char error[DB_ERROR_BYTES];

	if (!db_move_stay(&o, error))
		return ctl_fail("%s", error);
	puts("The database is in use again. What was written to the other one is not in it.");
	return 0;
}

int
ctl_move(struct ctl *c)
{
	char no_key[SECRET_ERROR_BYTES];

	if (c->argc == 3 && strcmp(c->argv[1], "--erase-old") == 0)
		return erase_old(c, c->argv[2]);
	if (c->argc != 2 || (c->argv[1][0] == '-' && strcmp(c->argv[1], "--stay") != 0))
		return ctl_usage(USAGE);
	if (!ctl_keep_stopped(c))
		return ctl_fail("the relay is running; stop it first");
	if (strcmp(c->argv[1], "--stay") == 0)
		return stay(c);
	if (!secret_key_load(c->conf.data_dir, false, no_key))
		return ctl_fail("%s", no_key);
	return move_to(c, c->argv[1]);
}
