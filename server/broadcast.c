/* What workers marked is collected for a moment and goes out as one text: a letter for the kind,
 * then buckets in hexadecimal digits. A wake-up that is lost costs the listener's next look. */
#include "broadcast.h"

#include "clock.h"
#include "db.h"
#include "log.h"
#include "process.h"
#include "sandbox.h"
#include "text.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLLECT_US 20000
#define LOOK_MS 1000
#define RETRY_MS 250
#define BUCKET_DIGITS 4

struct broadcast {
	struct db_options store;
	struct live *live;
	struct db_broadcast *link; /* NULL: it is lost */
	char out[DB_BROADCAST_BYTES];
	size_t len;
};

static const char letters[WAKE__KINDS] = { 'p', 'r', 'e' };

static void
lose(struct broadcast *b)
{
	db_broadcast_close(b->link);
	b->link = NULL;
}

static void
flush(struct broadcast *b)
{
	if (b->len > 1 && b->link && !db_broadcast_send(b->link, b->out))
		lose(b);
	b->len = 1;
}

static void
add(uint32_t bucket, void *arg)
{
	struct broadcast *b = arg;

	snprintf(b->out + b->len, sizeof(b->out) - b->len, "%04x", bucket);
	b->len += BUCKET_DIGITS;
	if (b->len + BUCKET_DIGITS >= sizeof(b->out))
		flush(b);
}

static void
send_marks(struct broadcast *b, bool deep)
{
	for (int kind = 0; kind < WAKE__KINDS; kind++) {
		b->out[0] = letters[kind];
		b->len = 1;
		wake_take(&b->live->others, (enum wake_kind)kind, deep, add, b);
		flush(b);
	}
}

/* An account of the bucket; none has the number 0. */
static int64_t
account_of(uint32_t bucket)
{
	return bucket ? bucket : WAKE_BITS;
}

static void
receive(const char *text, void *arg)
{
	struct broadcast *b = arg;
	const char *letter = *text ? memchr(letters, *text, sizeof(letters)) : NULL;
	char digits[BUCKET_DIGITS + 1] = "";

	for (text++; letter && strlen(text) >= BUCKET_DIGITS; text += BUCKET_DIGITS) {
		int64_t account;

		memcpy(digits, text, BUCKET_DIGITS);
		account = account_of((uint32_t)strtoul(digits, NULL, 16));
		wake_notify(&b->live->wake, (enum wake_kind)(letter - letters), &account, 1);
	}
}

/* While the link was lost anything may have happened. */
static void
wake_all(struct broadcast *b)
{
	for (uint32_t bucket = 0; bucket < WAKE_BITS; bucket++)
		for (int kind = 0; kind < WAKE__KINDS; kind++) {
			const int64_t account = account_of(bucket);

			if (wake_has_listener(&b->live->wake, bucket))
				wake_notify(&b->live->wake, (enum wake_kind)kind, &account, 1);
		}
}

/* False: the log says why. */
static bool
reach(struct broadcast *b)
{
	char error[DB_ERROR_BYTES];

	b->link = db_broadcast_open(&b->store, error);
	if (!b->link)
		log_warn("wake-ups of other machines: %s", error);
	return b->link;
}

static void
loop(struct broadcast *b)
{
	while (!process_is_stopping()) {
		struct pollfd fds[] = { { .fd = b->live->others.bell_fd, .events = POLLIN },
			{ .fd = b->link ? db_broadcast_fd(b->link) : -1, .events = POLLIN } };
		uint64_t rung;
		int n;

		wake_sleep(&b->live->others);
		send_marks(b, false);
		n = poll(fds, 2, b->link ? LOOK_MS : RETRY_MS);
		if (n == 0)
			send_marks(b, true); /* somebody may have been killed before ringing */
		if (n > 0 && fds[0].revents &&
		    read(fds[0].fd, &rung, sizeof(rung)) == (ssize_t)sizeof(rung))
			usleep(COLLECT_US);
		if (b->link && n > 0 && fds[1].revents && !db_broadcast_take(b->link, receive, b))
			lose(b);
		if (!b->link && n <= 0 && reach(b))
			wake_all(b);
	}
}

int
broadcast_run(const struct conf *c, struct live *l, uid_t uid, gid_t gid, pid_t parent)
{
	const int status = process_begin("relay-broadcast", SYSCALLS_BROADCAST, uid, gid, parent);
	struct broadcast *b = status < 0 ? calloc(1, sizeof(*b)) : NULL;

	if (!b)
		return status < 0 ? 1 : status;
	b->store = db_options_of(c);
	b->live = l;
	reach(b); /* at a reload the one before us still listens */
	sandbox_enter((const char *const[]){ NULL },
	    (const char *const[]){ "/etc", "/usr", "/lib", "/run", "/dev", NULL });
	syscalls_enter(SYSCALLS_BROADCAST, c->database_url);
	loop(b);
	db_broadcast_close(b->link);
	free(b);
	return 0;
}
