/* relayctl backup, restore and scrub: copies of the database, and proof that what is gone is gone.
 */
#include "relayctl.h"

#include "clock.h"
#include "replay.h"
#include "runfile.h"
#include "scrub_verify.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
show_progress(int left, int total)
{
	if (isatty(STDERR_FILENO))
		fprintf(
		    stderr, "\r%d %% ", total > 0 ? (int)(100LL * (total - left) / total) : 100);
}

int
ctl_backup(struct ctl *c)
{
	const struct db_options o = db_options_of(&c->conf);
	bool with_keys = c->argc == 3 && strcmp(c->argv[1], "--with-keys") == 0;
	const char *file = c->argv[c->argc - 1];
	char error[DB_ERROR_BYTES];
	struct stat st;

	if ((c->argc != 2 && !with_keys) || file[0] == '-')
		return ctl_usage("backup [--with-keys] FILE");
	if (!db_backup(&o, file, with_keys, show_progress, error))
		return ctl_fail("%s", error);
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
	printf("%s: %lld bytes%s\n", file, stat(file, &st) == 0 ? (long long)st.st_size : 0LL,
	    with_keys ? ", with what people wrote" : "");
	return 0;
}

bool
ctl_keep_stopped(const struct ctl *c)
{
	int fd = runfile_open(c->conf.dir, false);

	return fd < 0 || runfile_lock(fd) == 0;
}

static int
say_restored(int applied)
{
	printf(
	    "Restored. %d message%s or account%s that went since stay%s gone; everybody signs in "
	    "again.\n",
	    applied, applied == 1 ? "" : "s", applied == 1 ? "" : "s", applied == 1 ? "s" : "");
	return 0;
}

/* Of a server's database, which its own tools have put back. */
static int
replay(struct ctl *c)
{
	const struct db_options o = db_options_of(&c->conf);
	char error[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES], name[CTL_NAME_BYTES];
	const struct epoch_plan plan = ctl_epoch_plan(c, name);
	int applied = 0;

	if (!o.url || !o.url[0])
		return ctl_fail("--replay is for PostgreSQL; restore FILE does it by itself here");
	if (!secret_key_load(c->conf.data_dir, false, no_key))
		return ctl_fail("%s", no_key);
	if (!db_replay(&o, &plan, NULL, &applied, error) ||
	    (c->argc == 3 && !db_replay(&o, &plan, c->argv[2], &applied, error)))
		return ctl_fail("%s", error);
	return say_restored(applied);
}

int
ctl_restore(struct ctl *c)
{
	const struct db_options o = db_options_of(&c->conf);
	char error[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES];
	int applied = 0;

	if (c->argc >= 2 && c->argc <= 3 && strcmp(c->argv[1], "--replay") == 0)
		return replay(c);
	if (c->argc != 2)
		return ctl_usage("restore FILE | restore --replay [TOMBSTONES]");
	if (!ctl_keep_stopped(c))
		return ctl_fail("the relay is running; stop it first");
	if (!secret_key_load(c->conf.data_dir, false, no_key))
		return ctl_fail("%s", no_key);
	if (!db_restore(&o, c->argv[1], &applied, error))
		return ctl_fail("%s", error);
	return say_restored(applied);
}

int
ctl_scrub(struct ctl *c)
{
	int found;

	if (c->argc < 2 || strcmp(c->argv[1], "--verify") != 0)
		return ctl_usage("scrub --verify [TEXT...]");
	if (c->conf.database_url[0])
		return ctl_fail("a PostgreSQL server keeps traces of what is deleted in its own "
				"files, which are not looked into; see docs/several-machines.md");
	found = scrub_verify(c, c->argv + 2, c->argc - 2);
	if (found < 0)
		return ctl_fail("the folder of the relay could not be searched");
	if (found > 0)
		return ctl_fail("%d place%s where something is left", found, found == 1 ? "" : "s");
	puts("Nothing of what was scrubbed is left.");
	return 0;
}
