/* The floor under sending: one process that commits the rows of one message after the other, and
 * does nothing else. The statements are the relay's own; the pragmas are those of its connections.
 */
#include "columns.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXTS_MAX 4096
#define TEXT_BYTES 1024
#define SEAL_BYTES 60 /* what packing and sealing add to a text */

/* What begins and ends a write is the engine's own, so of no table. */
#define OWN STMT(BEGIN_WRITE, "", "BEGIN IMMEDIATE") STMT(COMMIT, "", "COMMIT")

enum stmt {
#define STMT(name, kinds, text) ST_##name,
#include "stmt.def"
	OWN
#undef STMT
	    ST__MAX,
};

static const char *const statements[] = {
#define STMT(name, kinds, text) text,
#include "stmt.def"
	OWN
#undef STMT
};

struct loop {
	sqlite3 *db;
	sqlite3_stmt *stmts[ST__MAX];
	char *texts[TEXTS_MAX];
	size_t texts_len;
	int64_t senders[TEXTS_MAX];
	size_t senders_len;
	int64_t accounts;
	uint64_t random;
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "loop: %s: %s\n", what, why);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t
wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* splitmix64 */
static uint64_t
next_random(struct loop *l)
{
	uint64_t z = l->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void
open_db(struct loop *l, const char *path, const char *durability)
{
	static const enum stmt used[] = { ST_BEGIN_WRITE, ST_COMMIT, ST_SEQ_NEXT, ST_MESSAGE_INSERT,
		ST_KEY_PUT, ST_DELIVERY_INSERT, ST_STREAM_INSERT };
	char pragmas[256];

	if (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		die(path, sqlite3_errmsg(l->db));
	snprintf(pragmas, sizeof(pragmas),
	    "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;"
	    "PRAGMA synchronous=%s; PRAGMA cache_size=-2048; PRAGMA journal_size_limit=4194304;",
	    durability);
	if (sqlite3_exec(l->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
		die(path, sqlite3_errmsg(l->db));
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		if (sqlite3_prepare_v3(l->db, statements[used[i]], -1, SQLITE_PREPARE_PERSISTENT,
			&l->stmts[used[i]], NULL) != SQLITE_OK)
			die(statements[used[i]], sqlite3_errmsg(l->db));
}

/* One text a line. */
static void
read_texts(struct loop *l, const char *path)
{
	char line[TEXT_BYTES];
	FILE *f = fopen(path, "re");

	if (!f)
		die(path, strerror(errno));
	while (l->texts_len < TEXTS_MAX && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		l->texts[l->texts_len++] = strdup(line);
	}
	fclose(f);
	if (l->texts_len == 0)
		die(path, "is empty");
}

/* Numbers of accounts separated by commas. */
static void
read_senders(struct loop *l, const char *list)
{
	char *end;

	for (; *list && l->senders_len < TEXTS_MAX; list = *end ? end + 1 : end)
		l->senders[l->senders_len++] = strtoll(list, &end, 10);
	if (l->senders_len == 0)
		die("senders", "none");
}

static void
step(struct loop *l, enum stmt which)
{
	int rc = sqlite3_step(l->stmts[which]);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		die(statements[which], sqlite3_errmsg(l->db));
	sqlite3_reset(l->stmts[which]);
}

static int64_t
next_seq(struct loop *l)
{
	sqlite3_stmt *st = l->stmts[ST_SEQ_NEXT];
	int64_t seq;

	sqlite3_bind_int64(st, 1, wall_us());
	if (sqlite3_step(st) != SQLITE_ROW)
		die("stream_seq", sqlite3_errmsg(l->db));
	seq = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return seq;
}

static void
put_message(struct loop *l, int64_t seq, int64_t recipient)
{
	sqlite3_stmt *st = l->stmts[ST_MESSAGE_INSERT];
	const uint64_t id[2] = { next_random(l), next_random(l) },
		       key[4] = { next_random(l), next_random(l), next_random(l), next_random(l) };
	char to[60] = "", body[TEXT_BYTES + SEAL_BYTES] = "";
	size_t len;

	snprintf(to, sizeof(to), "user%06lld", (long long)recipient);
	sqlite3_bind_int64(st, 1, seq);
	sqlite3_bind_blob(st, 2, id, sizeof(id), SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, l->senders[next_random(l) % l->senders_len]);
	sqlite3_bind_text(st, 4, "pchat", -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 5, "text", -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 6, to, (int)sizeof(to), SQLITE_STATIC);
	len = (size_t)snprintf(body, sizeof(body), "%s", l->texts[next_random(l) % l->texts_len]);
	/* as long as a sealed one */
	sqlite3_bind_blob(st, 7, body, (int)(len + SEAL_BYTES), SQLITE_STATIC);
	sqlite3_bind_int64(st, 10, wall_us() / 1000);
	sqlite3_bind_int64(st, 14, 0);
	step(l, ST_MESSAGE_INSERT);
	sqlite3_bind_int64(l->stmts[ST_KEY_PUT], 1, seq);
	sqlite3_bind_blob(l->stmts[ST_KEY_PUT], 2, key, sizeof(key), SQLITE_STATIC);
	sqlite3_bind_blob(l->stmts[ST_KEY_PUT], 3, key, sizeof(key), SQLITE_STATIC);
	step(l, ST_KEY_PUT);
}

static void
send_one(struct loop *l)
{
	int64_t recipient = 1 + (int64_t)(next_random(l) % (uint64_t)l->accounts), seq;

	step(l, ST_BEGIN_WRITE);
	seq = next_seq(l);
	put_message(l, seq, recipient);
	sqlite3_bind_int64(l->stmts[ST_DELIVERY_INSERT], 1, seq);
	sqlite3_bind_int64(l->stmts[ST_DELIVERY_INSERT], 2, recipient);
	step(l, ST_DELIVERY_INSERT);
	sqlite3_bind_int64(l->stmts[ST_STREAM_INSERT], 1, recipient);
	sqlite3_bind_int64(l->stmts[ST_STREAM_INSERT], 2, seq);
	sqlite3_bind_int64(l->stmts[ST_STREAM_INSERT], 3, seq);
	step(l, ST_STREAM_INSERT);
	step(l, ST_COMMIT);
}

int
main(int argc, char **argv)
{
	struct loop *l = calloc(1, sizeof(*l));
	double from, until;
	unsigned long n = 0;

	if (argc != 8 || !l) {
		fputs("Usage: loop DATABASE FULL|NORMAL WARM-UP-SECONDS SECONDS SENDERS ACCOUNTS "
		      "TEXTS\n",
		    stderr);
		return 2;
	}
	l->random = (uint64_t)wall_us();
	l->accounts = strtoll(argv[6], NULL, 10);
	read_senders(l, argv[5]);
	read_texts(l, argv[7]);
	open_db(l, argv[1], argv[2]);
	from = now() + strtod(argv[3], NULL);
	while (now() < from)
		send_one(l);
	from = now();
	until = from + strtod(argv[4], NULL);
	for (; now() < until; n++)
		send_one(l);
	until = now();
	printf("{\"seconds\":%.3f,\"requests\":%lu,\"per_second\":%.1f}\n", until - from, n,
	    (double)n / (until - from));
	for (int i = 0; i < ST__MAX; i++)
		sqlite3_finalize(l->stmts[i]);
	sqlite3_close(l->db);
	return 0;
}
