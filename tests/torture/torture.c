/* Forking for each round, and saying what went wrong. */
#include "torture.h"

#include "check.h"
#include "splitmix.h"
#include "world.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUND_SEC 30
#define DIED 70 /* of a sanitizer */

static struct round *shared; /* of the process that is at work */
static struct share share_kept;
static int log_fd = -1;

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
const char *__lsan_default_suppressions(void);
const char *__asan_default_options(void);

/* How a process ended is for whoever waits for it to say, as without a sanitizer. */
const char *
__asan_default_options(void)
{
	return "handle_segv=0";
}

/* The C library's own, of the first trace that it makes. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:_dl_map_object_deps\n";
}

void *
torture_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("no memory");
	return p;
}

void
torture_problem(struct round *r, const char *fmt, ...)
{
	va_list ap;

	if (r->problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(r->problem, sizeof(r->problem), fmt, ap);
	va_end(ap);
}

/* As soon as it fails: the process may not live to say it. */
static void
note_trace(void)
{
	const void *const *frames;

	shared->happened = true;
	frames = faults_trace(&shared->depth);
	memcpy(shared->trace, frames, (size_t)shared->depth * sizeof(*frames));
}

void
torture_note(struct round *r)
{
	r->happened = faults_happened();
	for (int i = 0; i < FAULT__MAX; i++)
		r->counted[i] = faults_counted((enum fault_class)i);
}

/* -- one process ------------------------------------------------------------------------------- */

static void
begin_process(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(log_fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The status of a process, or -1 when it had no end. */
static int
wait_for(pid_t pid)
{
	/* not the C library's time, which stands still */
	const struct timespec most = { ROUND_SEC, 0 };
	sigset_t child;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) == 0)
		if (sigtimedwait(&child, NULL, &most) < 0 && errno == EAGAIN) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
	return status;
}

/* Two libraries end the process where they get no memory, or lose some. Nobody can keep them from
 * that; another worker is started. */
static bool
is_of_library(const struct fault *f)
{
	return f && (f->way->class == FAULT_LIBFCGI || f->way->class == FAULT_JSON_C);
}

static int
in_process(struct work *w, void (*run)(void *arg, struct round *r))
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork: %s", strerror(errno));
	if (pid == 0) {
		begin_process();
		run(w->arg, shared);
		if (!shared->problem[0] && !is_of_library(shared->fault) &&
		    __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
			torture_problem(shared, "it leaks");
		_exit(0);
	}
	return wait_for(pid);
}

/* Every process begins with the same. */
static void
put_back(void)
{
	check_put_back();
	memcpy(world.worker.share, &share_kept, sizeof(share_kept));
	if (ftruncate(log_fd, 0) != 0 || lseek(log_fd, 0, SEEK_SET) != 0)
		give_up("the log: %s", strerror(errno));
}

static void
take_round(struct work *w, const struct fault *f)
{
	int status;

	put_back();
	memset(shared, 0, sizeof(*shared));
	shared->fault = f;
	status = in_process(w, w->run);
	if (status == 0)
		return;
	if (status > 0 && is_of_library(f) && WIFSIGNALED(status) && w->died) {
		shared->ended = true;
		if (in_process(w, w->died) == 0)
			return;
	}
	shared->happened = true; /* or nothing would be known of it */
	torture_problem(shared,
	    status < 0              ? "it has no end" :
		WIFSIGNALED(status) ? "it ended by signal %d" :
				      "it ended with %d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* -- reports ----------------------------------------------------------------------------------- */

/* The processes are copies of this one, so their addresses are its own. */
static void
print_trace(void)
{
	for (int i = 1; i < shared->depth; i++) {
		char command[512], line[512] = "";
		Dl_info at;
		FILE *p;

		if (!dladdr(shared->trace[i], &at) || !at.dli_fname)
			continue;
		snprintf(command, sizeof(command), "addr2line -fpsie %s 0x%lx 2>/dev/null",
		    at.dli_fname,
		    (long)((const char *)shared->trace[i] - 1 - (const char *)at.dli_fbase));
		p = popen(command, "r");
		while (p && fgets(line, sizeof(line), p))
			fprintf(stderr, "      %s", line);
		if (p)
			pclose(p);
	}
}

static void
print_log(void)
{
	char text[6000];
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	fputs(text, stderr);
}

static void
report(struct torture *t, const struct work *w)
{
	const struct fault *f = shared->fault;

	t->problems++;
	if (f)
		fprintf(stderr, "%s | %s %s %ld %s: %s\n", w->name, f->way->class_name,
		    f->way->name, f->at, f->lasting ? "lasting" : "once", shared->problem);
	else
		fprintf(stderr, "%s | without a fault: %s\n", w->name, shared->problem);
	if (t->aloud)
		print_trace();
	if (t->aloud)
		print_log();
}

static bool
take(struct torture *t, struct work *w, const struct fault *f)
{
	take_round(w, f);
	t->rounds++;
	t->faults += f && shared->happened;
	t->ended += shared->ended;
	if (shared->problem[0])
		report(t, w);
	return shared->happened;
}

/* -- which rounds ------------------------------------------------------------------------------ */

static bool
is_wanted(const struct torture *t, const struct fault_way *way)
{
	return !t->only_class || strcmp(t->only_class, way->class_name) == 0;
}

/* The 1st call fails, the 2nd, and so on until none does. */
static void
take_all(struct torture *t, struct work *w)
{
	for (const struct fault_way *way = fault_ways; way->name; way++)
		for (int lasting = 0; is_wanted(t, way) && lasting <= way->lasts; lasting++)
			for (long at = t->only_at ? t->only_at : 1;; at++) {
				const struct fault f = { way, at, lasting != 0 };

				if (!take(t, w, &f) || t->only_at)
					break;
			}
}

/* Of the processor's time, ours and that of all processes that ended: others use the machine, too.
 */
static double
used_sec(void)
{
	static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	double sum = 0;

	for (size_t i = 0; i < 2; i++) {
		struct rusage u;

		getrusage(whose[i], &u);
		sum += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	}
	return sum;
}

/* Some work, some way, some call; those that it does not make at all are passed over. */
static void
take_some(struct torture *t, struct work *list, int count, int ways)
{
	const double end = used_sec() + t->seconds;
	uint64_t seed = t->seed;

	while (used_sec() < end) {
		struct work *w = &list[splitmix(&seed) % (uint64_t)count];
		struct fault f = { .way = &fault_ways[splitmix(&seed) % (uint64_t)ways] };
		const uint64_t at = splitmix(&seed), lasting = splitmix(&seed);
		const long calls = w->reference.counted[f.way->class];

		if (calls == 0 || !is_wanted(t, f.way))
			continue;
		f.at = 1 + (long)(at % (uint64_t)calls);
		f.lasting = f.way->lasts && lasting % 2;
		take(t, w, &f);
	}
}

void
torture_run(struct torture *t, struct work *list, int count)
{
	sigset_t child;
	int ways = 0;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	while (fault_ways[ways].name)
		ways++;
	shared = torture_shared(sizeof(*shared));
	memcpy(&share_kept, world.worker.share, sizeof(share_kept));
	log_fd = memfd_create("log", MFD_CLOEXEC);
	faults_on(note_trace);
	for (int i = 0; i < count; i++) {
		take(t, &list[i], NULL);
		list[i].reference = *shared;
		if (t->seed)
			continue;
		if (!shared->problem[0])
			take_all(t, &list[i]);
		fprintf(stderr, "torture: %d of %d, %ld rounds, %ld problems: %s\n", i + 1, count,
		    t->rounds, t->problems, list[i].name);
	}
	if (t->seed)
		take_some(t, list, count, ways);
}
