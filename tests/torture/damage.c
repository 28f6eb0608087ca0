/* Flipped bits, zeros, cuts, strange bytes and swapped pages in each kind of file. The relay may
 * refuse to start, say that it is not well, or not see it: no file of ours holds sums of all of its
 * bytes. It may not crash, start for ever, or show somebody what is not theirs. */
#include "damage.h"

#include "check.h"
#include "cleanup.h"
#include "clock.h"
#include "secret.h"
#include "splitmix.h"
#include "sweep_pass.h"
#include "torture.h"
#include "vapid.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define LOOKS 40

static const char *const files[] = { "data/bridge.db", "data/bridge.db-wal",
	"data/bridge.db.tombstones", "data/server.key", "data/vapid.key", "pchat_uploads/files/" };
static const char *const ways[] = { "bit", "zeros", "cut", "noise", "swap" };

#define FILES (sizeof(files) / sizeof(*files))
#define WAYS (sizeof(ways) / sizeof(*ways))

enum outcome { NOTHING_SEEN, HARMLESS, RED, REFUSED, WRONG, OUTCOMES };
static const char *const outcomes[] = { "unseen", "harmless", "red", "refused", "wrong" };

/* Words that somebody wrote, and who may read them. */
static const struct {
	const char *text, *people;
} words[] = { { "to all", "ann bob dora" }, { "hello", "ann bob" }, { "once more", "ann bob" },
	{ "by phone", "ann phone" }, { "in the log", "ann dora" } };

static struct {
	enum outcome outcome;
	char why[512];
	uint64_t looks[LOOKS]; /* of the responses without damage */
	int len;
} * shared;

static struct share *share_kept;
static uint64_t chance;

static void __attribute__((format(printf, 2, 3))) say(enum outcome outcome, const char *fmt, ...)
{
	va_list ap;

	if (shared->outcome == WRONG)
		return;
	shared->outcome = outcome;
	va_start(ap, fmt);
	vsnprintf(shared->why, sizeof(shared->why), fmt, ap);
	va_end(ap);
}

/* -- spoiling ---------------------------------------------------------------------------------- */

static void
write_at(int fd, const void *data, size_t len, off_t at)
{
	if (pwrite(fd, data, len, at) != (ssize_t)len)
		give_up("damage: %s", strerror(errno));
}

static void
spoil(int fd, off_t size, size_t way, uint64_t a, uint64_t b)
{
	unsigned char one[PAGE] = { 0 }, other[PAGE] = { 0 };
	const off_t at = (off_t)(a % (uint64_t)size), page = at / PAGE * PAGE;
	const off_t page2 = (off_t)(b % (uint64_t)size) / PAGE * PAGE;
	const size_t rest = (size_t)(size - at), part = rest < 512 ? rest : 512;

	switch (way) {
	case 0:
		if (pread(fd, one, 1, at) == 1)
			one[0] = (unsigned char)(one[0] ^ 1 << b % 8);
		write_at(fd, one, 1, at);
		break;
	case 1:
		write_at(fd, one, size - page < PAGE ? (size_t)(size - page) : PAGE, page);
		break;
	case 2:
		if (ftruncate(fd, at) != 0)
			give_up("damage: %s", strerror(errno));
		break;
	case 3:
		for (size_t i = 0; i < part; i++)
			one[i] = (unsigned char)splitmix(&chance);
		write_at(fd, one, part, at);
		break;
	default:
		if (pread(fd, one, PAGE, page) == PAGE && pread(fd, other, PAGE, page2) == PAGE) {
			write_at(fd, other, PAGE, page);
			write_at(fd, one, PAGE, page2);
		}
	}
}

/* Of the uploads it is the one that has a row. */
static void
path_of(size_t file, char *out, size_t size)
{
	const char *id = strchr(world_text("{file}"), '_');

	snprintf(
	    out, size, "%s/%s%s", world.dir, files[file], file == FILES - 1 && id ? id + 1 : "");
}

static void
damage(size_t file, size_t way)
{
	char path[WORLD_PATH * 2];
	struct stat st;
	auto_close int fd = -1;

	path_of(file, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		give_up("%s: there is nothing to spoil", path);
	spoil(fd, st.st_size, way, splitmix(&chance), splitmix(&chance));
}

/* -- looking ----------------------------------------------------------------------------------- */

/* As the parent does before any worker. False: it refuses. */
static bool
start(void)
{
	const struct db_options o = db_options_of(&world.conf);
	char error[CONF_ERROR_BYTES] = "";
	bool ok = db_recover(&o, error) &&
	    secret_key_load(world.conf.data_dir, !db_is_keyed(&o), error) &&
	    vapid_load(world.conf.data_dir, error) && db_migrate(&o, error) &&
	    db_note_keyed(&o, error) && world_open(error);

	if (!ok)
		say(error[0] ? REFUSED : WRONG, "%s", error[0] ? error : "it does not say why");
	return ok;
}

static uint64_t
sum(const char *text)
{
	uint64_t n = 0xcbf29ce484222325U;

	for (; *text; text++)
		n = (n ^ (unsigned char)*text) * 0x100000001b3U;
	return n;
}

static void
look_for_others(const char *who, const struct reply *reply)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(reply->text, words[i].text) && !strstr(words[i].people, who))
			say(WRONG, "%s reads \"%s\"", who, words[i].text);
}

/* Calls as somebody; a worker that ends is replaced. False: none can be. */
static bool
call(const char *who, const char *method, const char *path, const char *body, int *n, bool *same)
{
	static struct reply reply;
	char name[32], error[DB_ERROR_BYTES];
	struct asked a = { method, path, "", body, "" };
	uint64_t seen;

	snprintf(name, sizeof(name), "{%s}", who);
	if (who[0])
		a.token = world_text(name);
	world_call(&a, NULL, &reply);
	if (reply.status == 0)
		say(WRONG, "%s %s has no response", method, path);
	look_for_others(who, &reply);
	seen = sum(reply.text);
	if (shared->len < LOOKS && *n == shared->len)
		shared->looks[shared->len++] = seen;
	*same = *same && seen == shared->looks[*n];
	++*n;
	if (!world.worker.broken)
		return true;
	world_close();
	if (world_open(error))
		return true;
	say(REFUSED, "%s", error);
	return false;
}

/* Everything that people may ask for. */
static bool
look_around(bool *same)
{
	static const char *const people[] = { "ann", "bob", "carol", "dora" };
	int n = 0;

	for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++) {
		char poll[64];

		snprintf(
		    poll, sizeof(poll), "{\"chat_address\":\"%s\",\"cursor\":\"\"}", people[i]);
		if (!call(people[i], "POST", "/api/v1/webchat/poll", poll, &n, same) ||
		    !call(people[i], "GET", "/api/v1/pchat/auth/export", "", &n, same) ||
		    !call(people[i], "GET", "/api/v1/webchat/contacts", "", &n, same) ||
		    !call(people[i], "GET", "/api/v1/webchat/groups", "", &n, same))
			return false;
	}
	return call("bob", "GET", world_text("/api/v1/webchat/files/{file}"), "", &n, same) &&
	    call("root", "GET", "/api/v1/webchat/admin/users", "", &n, same);
}

static void
pass(void)
{
	const struct db_options o = db_options_of(&world.conf);
	char error[DB_ERROR_BYTES];
	struct sweep_result res;
	struct db *db = db_open(&o, error);

	if (db && db_sweep_take(db, clock_ms(), 0, 0) == DB_DONE)
		sweep_run(&world.conf, db, false, &res);
	db_close(db);
}

static bool
is_ready(void)
{
	static struct reply reply;

	world_call(&(struct asked){ "GET", "/ready", "", "", "" }, NULL, &reply);
	if (reply.status != 200 && reply.status != 503 && reply.status != 500)
		say(WRONG, "ready: %.200s", reply.text);
	return reply.status == 200;
}

static void
examine(void)
{
	bool same = true, ready;

	if (!start() || !look_around(&same))
		return;
	ready = is_ready();
	pass();
	ready = is_ready() && ready;
	say(!ready ? RED : same ? HARMLESS : NOTHING_SEEN, "%s", "");
	world_close();
	if (!start() && ready)
		say(WRONG, "it starts once and never again: %s", shared->why);
}

/* ---------------------------------------------------------------------------------------------- */

static void
take_round(size_t file, size_t way)
{
	int status;
	pid_t pid;

	check_put_back();
	memcpy(world.worker.share, share_kept, sizeof(*share_kept));
	shared->outcome = WRONG;
	snprintf(shared->why, sizeof(shared->why), "it ended");
	pid = fork();
	if (pid == 0) {
		alarm(60);
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		shared->outcome = REFUSED;
		if (way < WAYS)
			damage(file, way);
		examine();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		shared->outcome = WRONG;
		snprintf(shared->why, sizeof(shared->why), "it ended by %d", status);
	}
}

/* With commits that are in the log alone. */
static void
prepare(void)
{
	static struct reply reply;
	const struct asked send = { "POST", "/api/v1/messages", world_text("{ann}"),
		"{\"to\":\"dora\",\"text\":\"in the log\"}", "" };
	const struct asked gone = { "DELETE", world_text("/api/v1/messages/{direct}"),
		world_text("{ann}"), "", "" };

	world_call(&send, NULL, &reply);
	if (reply.status == 202)
		world_call(&gone, NULL, &reply);
	if (reply.status != 200)
		give_up("%s", reply.text);
	check_keep();
	world_close();
}

long
damage_run(long count, uint64_t seed)
{
	long table[FILES][OUTCOMES] = { 0 }, wrong = 0;

	shared = torture_shared(sizeof(*shared));
	prepare();
	share_kept = malloc(sizeof(*share_kept));
	memcpy(share_kept, world.worker.share, sizeof(*share_kept));
	take_round(0, WAYS);
	if (shared->outcome != HARMLESS)
		give_up("without damage: %s, %s", outcomes[shared->outcome], shared->why);
	for (long i = 0; i < count; i++) {
		const size_t file = (size_t)i % FILES, way = (size_t)i / FILES % WAYS;

		chance = seed * 1000003 + (uint64_t)i;
		take_round(file, way);
		table[file][shared->outcome]++;
		if (shared->outcome == WRONG) {
			wrong++;
			fprintf(stderr, "damage %ld of seed %llu, %s, %s: %s\n", i,
			    (unsigned long long)seed, files[file], ways[way], shared->why);
		}
	}
	for (size_t f = 0; f < FILES; f++) {
		printf("%-28s", files[f]);
		for (int o = 0; o < OUTCOMES; o++)
			printf(" %s %ld", outcomes[o], table[f][o]);
		putchar('\n');
	}
	return wrong;
}
