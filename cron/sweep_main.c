/* relay-sweep: one housekeeping pass, started by cron, by a timer, or by the pool. */
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "sandbox.h"
#include "secret.h"
#include "sweep_pass.h"
#include "text.h"

#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

struct options {
	const char *dir;
	bool dry_run, verbose, now, drop_lost;
};

static void
print_usage(FILE *out)
{
	fputs("Usage: relay-sweep --dir DIR [--now] [--drop-lost] [--dry-run] [--verbose]\n"
	      "One housekeeping pass of a relay: what has expired goes, what is delivered is "
	      "scrubbed.\n"
	      "Run early, or while another pass is under way, it does nothing and says nothing.\n\n"
	      "  --dir DIR   the relay's folder\n"
	      "  --now       also when the last pass was a moment ago\n"
	      "  --drop-lost the upload folder is the right one though most files are not there: "
	      "forget them\n"
	      "  --dry-run   say what would be cleared, and clear nothing\n"
	      "  --verbose   say what was cleared\n"
	      "  --help\n",
	    out);
}

/* -1: go on; else the exit status. */
static int
read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = { { "dir", required_argument, NULL, 'd' },
		{ "dry-run", no_argument, NULL, 'n' }, { "verbose", no_argument, NULL, 'v' },
		{ "now", no_argument, NULL, 'f' }, { "drop-lost", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (opt == 'd')
			o->dir = optarg;
		else if (opt == 'n')
			o->dry_run = true;
		else if (opt == 'v')
			o->verbose = true;
		else if (opt == 'f')
			o->now = true;
		else if (opt == 'l')
			o->drop_lost = true;
		else {
			print_usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (o->dir && optind == argc)
		return -1;
	fputs(o->dir ? "relay-sweep: it takes no arguments; see --help\n" :
		       "relay-sweep: --dir is missing; see --help\n",
	    stderr);
	return 2;
}

static int
dry_run(const struct conf *c, struct db *db)
{
	struct sweep_plan plan;

	sweep_make_plan(c, clock_ms(), &plan);
	for (int job = 0; job < SWEEP__MAX; job++) {
		int64_t count = 0;

		if (db_sweep_count(db, &plan, (enum sweep_job)job, &count) != DB_ROW)
			return 1;
		printf("%-18s %lld\n", sweep_job_name((enum sweep_job)job), (long long)count);
	}
	return 0;
}

/* One line, if something happened. */
static void
report(const struct sweep_result *res, const struct sweep_state *s, bool verbose)
{
	char line[512];
	struct text t;

	text_init(&t, line, sizeof(line));
	for (int job = 0; job < SWEEP__MAX; job++)
		if (res->cleared[job])
			text_printf(&t, " %s %lld", sweep_job_name((enum sweep_job)job),
			    (long long)res->cleared[job]);
	if (res->files_removed)
		text_printf(&t, " files_removed %lld", (long long)res->files_removed);
	if (res->orphans_removed)
		text_printf(&t, " orphans %lld", (long long)res->orphans_removed);
	if (res->rows_dropped)
		text_printf(&t, " rows_without_file %lld", (long long)res->rows_dropped);
	if (res->late.since)
		log_warn("keys of scrubbed texts are not destroyed yet%s%s; scrub_lag_seconds %lld",
		    res->late.names[0] ? ": they are still on " : "", res->late.names,
		    (long long)(res->lag_ms + 999) / 1000);
	else if (res->lag_ms)
		log_warn(
		    "scrubbed text is still in the WAL: a reader holds it; scrub_lag_seconds %lld",
		    (long long)(res->lag_ms + 999) / 1000);
	if (t.len)
		log_info("cleared:%s, in %lld ms", line, (long long)s->duration_ms);
	if (verbose)
		printf("cleared:%s, in %lld ms; scrub_lag_seconds %lld%s%s\n",
		    t.len ? line : " nothing", (long long)s->duration_ms,
		    (long long)(res->lag_ms + 999) / 1000, res->late.names[0] ? " on " : "",
		    res->late.names);
}

static int
pass(const struct conf *c, struct db *db, const struct options *o)
{
	/* a tenth of slack: timers do not fire to the millisecond */
	int64_t interval_ms = o->now ? 0 : c->housekeeping_interval_sec * 900;
	struct sweep_result res;
	struct sweep_state s = { 0 };
	enum db_result r;

	if (o->dry_run)
		return dry_run(c, db);
	r = db_sweep_take(db, clock_ms(), interval_ms, SWEEP_LEASE_MS);
	if (r == DB_NONE)
		return 0;
	if (r == DB_DONE)
		r = sweep_run(c, db, o->drop_lost, &res);
	else
		res = (struct sweep_result){ .lag_ms = 0 };
	db_sweep_state(db, &s);
	report(&res, &s, o->verbose);
	if (r == DB_DONE || (r == DB_BUSY && res.lag_ms))
		return 0;
	log_error("the pass did not come to its end: %s; the next one goes on",
	    r == DB_BUSY     ? "the database is busy" :
		r == DB_FULL ? "the disk is full" :
			       "see above");
	return 1;
}

static int
run(const struct conf *c, const struct options *o)
{
	const struct db_options options = db_options_of(c);
	char error[DB_ERROR_BYTES];
	struct db *db;
	int status;
	uid_t uid;
	gid_t gid;

	if (!sandbox_user(c->user, &uid, &gid) || !sandbox_drop(uid, gid)) {
		log_error("cannot become user %s", c->user);
		return 1;
	}
	sandbox_limit(SYSCALLS_SWEEP);
	db = db_open(&options, error);
	if (!db) {
		log_error("%s", error);
		return 1;
	}
	db_seal(db);
	sandbox_enter((const char *const[]){ c->data_dir, c->upload_dir, NULL }, NULL);
	syscalls_enter(SYSCALLS_SWEEP, c->database_url);
	status = pass(c, db, o);
	db_close(db);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = { .dir = NULL };
	char error[CONF_ERROR_BYTES];
	struct conf c;
	int status = read_options(&o, argc, argv);

	if (status >= 0)
		return status;
	setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN);
	log_setup("relay-sweep", LOG_LEVEL_INFO);
	if (!conf_load(&c, o.dir, error) || !secret_init()) {
		log_error("%s", error);
		return 1;
	}
	log_setup("relay-sweep", (enum log_level)c.log_level);
	status = run(&c, &o);
	conf_free(&c);
	return status;
}
