/* Every allocation and every system call fails once: see docs/testing.md. */
#include "calls.h"
#include "check.h"
#include "damage.h"
#include "jobs.h"
#include "log.h"
#include "world.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_SHARE 0.3 /* of a sample's time */

static const char settings[] = "RELAY_API_RATE=0\nRELAY_AUTH_RATE=0\nRELAY_CODES_PER_ADDRESS=0\n"
			       "RELAY_CODES_PER_CLIENT=0\nPCHAT_DEV_EXPOSE_CODES=true\n"
			       "PCHAT_ADMIN_DOMAINS=admins.example\n"
			       "PCHAT_AUTH_ALLOWED_DOMAINS=example.org\n"
			       "RELAY_PUSH=true\nRELAY_PUSH_CONTACT=mailto:root@example.org\n"
			       "PCHAT_MIN_FREE_BYTES=0\nRELAY_MEMBERS_INVITE=true\n"
			       "RELAY_TURN_URLS=turn:turn.example.com\nRELAY_TURN_SECRET=secret\n"
			       "SMTP_HOST=127.0.0.1\nSMTP_FROM=relay@example.org\nSMTP_TLS=off\n"
			       "RELAY_LOG_LEVEL=error\nRELAY_BUSY_TIMEOUT_MS=100\n";

static const char help[] =
    "Usage: torture [--route PART] [--class CLASS] [--at N] [--part I/N] [--seed N --seconds S]\n"
    "               [--set 'NAME=VALUE ...'] [--aloud] [--spoil]\n"
    "       torture --damage COUNT [--seed N]\n"
    "Does each call of the API, and each job, once for each call of the C library that it makes, "
    "and\nlets that one fail. With --seed only a sample, for so many seconds. With --spoil\n"
    "something is lost after each call, and every round must say so.\n";

static struct {
	const char *route, *set;
	int part, parts;
	long damage;
	struct torture t;
} options = { .parts = 1 };

/* Or there would be nothing to do, and nothing wrong. */
static const char *
class_of(const char *name)
{
	const char *last = "";

	for (const struct fault_way *way = fault_ways; way->name; way++)
		if (strcmp(way->class_name, name) == 0)
			return name;
	fprintf(stderr, "torture: no class is called %s; there are", name);
	for (const struct fault_way *way = fault_ways; way->name; last = way++->class_name)
		if (strcmp(way->class_name, last) != 0)
			fprintf(stderr, " %s", way->class_name);
	fputs("\n", stderr);
	exit(2);
}

static void
read_options(int argc, char **argv)
{
	static const struct option known[] = { { "route", required_argument, NULL, 'r' },
		{ "class", required_argument, NULL, 'c' }, { "at", required_argument, NULL, 'a' },
		{ "part", required_argument, NULL, 'p' }, { "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "set", required_argument, NULL, 'e' }, { "aloud", no_argument, NULL, 'l' },
		{ "spoil", no_argument, NULL, 'x' }, { "damage", required_argument, NULL, 'd' },
		{ 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			options.route = optarg;
		else if (c == 'c')
			options.t.only_class = class_of(optarg);
		else if (c == 'a')
			options.t.only_at = atol(optarg);
		else if (c == 'p' && sscanf(optarg, "%d/%d", &options.part, &options.parts) == 2)
			continue;
		else if (c == 's')
			options.t.seed = strtoull(optarg, NULL, 10);
		else if (c == 't')
			options.t.seconds = strtod(optarg, NULL);
		else if (c == 'e')
			options.set = optarg;
		else if (c == 'd')
			options.damage = atol(optarg);
		else if (c == 'x')
			calls_spoilt = true;
		else if (c == 'l')
			options.t.aloud = true;
		else {
			fputs(help, stderr);
			exit(2);
		}
	}
}

/* What is given last counts. */
static const char *
all_settings(void)
{
	static char text[4096];
	int len = snprintf(text, sizeof(text), "%s%s\n", settings, options.set ? options.set : "");

	for (int i = (int)strlen(settings); i < len; i++)
		text[i] = text[i] == ' ' ? '\n' : text[i];
	return text;
}

/* Each job begins in a process of its own, which may do to the folder what it likes. */
static void
run_job(int i, double seconds)
{
	struct torture *t = torture_shared(sizeof(*t));
	pid_t pid;
	int status;

	check_put_back();
	*t = options.t;
	t->seconds = seconds;
	t->rounds = t->faults = t->ended = t->problems = 0;
	pid = fork();
	if (pid == 0) {
		static struct work w;

		prctl(PR_SET_PDEATHSIG, SIGKILL);

		jobs_make(i, &w);
		torture_run(t, &w, 1);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		t->problems++;
	options.t.rounds += t->rounds;
	options.t.faults += t->faults;
	options.t.ended += t->ended;
	options.t.problems += t->problems;
}

static int
run_calls(double seconds)
{
	static struct work all[CALLS_MOST], list[CALLS_MOST];
	int count = calls_make(all, options.route), n = 0;

	/* a good call and a bad one stand side by side, and a good one takes ten times as long */
	for (int i = 0; i < count; i++)
		if (i / 2 % options.parts == options.part)
			list[n++] = all[i];
	check_hold();
	check_keep();
	options.t.seconds = seconds;
	if (n > 0)
		torture_run(&options.t, list, n);
	check_put_back();
	check_let_go();
	return n;
}

static int
run_jobs(double seconds)
{
	int count = 0, wanted = 0, n = 0;

	world_close();
	check_keep();
	while (jobs_name(count))
		count++;
	for (int i = 0; i < count; i++) {
		if (options.route && !strstr(jobs_name(i), options.route))
			continue;
		if (wanted++ % options.parts != options.part)
			continue;
		run_job(i, seconds / count * options.parts);
		n++;
	}
	return n;
}

int
main(int argc, char **argv)
{
	const char *base = getenv("TMPDIR");
	double seconds;
	int n;

	read_options(argc, argv);
	log_setup("torture", LOG_LEVEL_ERROR);
	check_begin();
	world_make(base && base[0] ? base : "/dev/shm", all_settings());
	signal(SIGTERM, SIG_DFL); /* libfcgi has one of its own */
	world_fill();
	if (options.damage) {
		const long wrong = damage_run(options.damage, options.t.seed);

		world_remove();
		printf("damage: %ld files spoilt, %ld wrong\n", options.damage, wrong);
		return wrong ? 1 : 0;
	}
	seconds = options.t.seconds;
	n = run_calls(seconds * (1 - JOBS_SHARE));
	n += run_jobs(seconds * JOBS_SHARE);
	if (n == 0 && options.part == 0) { /* the first part has the first of everything */
		fprintf(stderr, "torture: no call and no job has %s in its name\n", options.route);
		world_remove();
		return 2;
	}
	printf("torture: %d pieces of work, %ld rounds, %ld faults, %ld processes ended, %ld "
	       "problems\n",
	    n, options.t.rounds, options.t.faults, options.t.ended, options.t.problems);
	world_remove();
	return options.t.problems ? 1 : 0;
}
