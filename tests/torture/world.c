/* Making the relay, and calling it. */
#include "world.h"

#include "clock.h"
#include "log.h"
#include "secret.h"
#include "vapid.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BODY_NAME "0000000001" /* of a file as nginx names it */

struct world world = { .listen_fd = -1 };

void
give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("torture: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputs("\n", stderr);
	va_end(ap);
	_exit(2);
}

static const char *
path_of(const char *name)
{
	static char path[WORLD_PATH * 2];

	snprintf(path, sizeof(path), "%s/%s", world.dir, name);
	return path;
}

static void
write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
		give_up("%s: %s", path, strerror(errno));
}

static void
make_folders(const char *base)
{
	static const char *const names[] = { "data", "pchat_uploads", "pchat_uploads/files",
		"pchat_uploads/incoming", "run", "data/backups" };

	snprintf(world.dir, sizeof(world.dir), "%s/relay-torture-XXXXXX", base);
	if (!mkdtemp(world.dir))
		give_up("%s: %s", world.dir, strerror(errno));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mkdir(path_of(names[i]), 0711) != 0)
			give_up("%s: %s", path_of(names[i]), strerror(errno));
}

static void
listen_there(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path_of("run/s"));
	world.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(world.listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(world.listen_fd, 8) != 0)
		give_up("%s: %s", at.sun_path, strerror(errno));
}

void
world_make(const char *base, const char *settings)
{
	char error[CONF_ERROR_BYTES];
	struct db_options o;

	make_folders(base);
	write_file(path_of(".env.local"), settings, strlen(settings));
	if (!conf_load(&world.conf, world.dir, error) || !secret_init() ||
	    !secret_key_load(world.conf.data_dir, true, error) ||
	    !vapid_load(world.conf.data_dir, error))
		give_up("%s", error);
	o = db_options_of(&world.conf);
	if (!db_migrate(&o, error) || !db_note_keyed(&o, error))
		give_up("%s", error);
	listen_there();
	world.worker = (struct worker){ .conf = &world.conf,
		.share = share_make(),
		.wake = &world.wake,
		.mail_wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.started_at = clock_ms() };
	if (!world.worker.share || !wake_make(&world.wake) || FCGX_Init() != 0)
		give_up("no memory");
	if (!world_open(error))
		give_up("%s", error);
}

static void
notify(void *arg, enum wake_kind kind, const int64_t *accounts, size_t n)
{
	wake_notify(arg, kind, accounts, n);
}

bool
world_open(char *error)
{
	struct db_options o = db_options_of(&world.conf);

	o.commits = &world.worker.share->commits;
	world.worker.broken = false;
	world.turn = (struct turn){ .acceptor = { -1, -1, -1 } };
	world.worker.db = db_open(&o, error);
	world.is_open = true;
	if (world.worker.db) {
		db_seal(world.worker.db);
		if (db_on_wakeup(world.worker.db, notify, &world.wake) &&
		    turn_make(&world.turn, &world.worker, world.listen_fd))
			return true;
		snprintf(error, DB_ERROR_BYTES, "no memory");
	}
	world_close();
	return false;
}

void
world_close(void)
{
	if (!world.is_open)
		return;
	world.is_open = false;
	turn_free(&world.turn);
	db_close(world.worker.db);
	world.worker.db = NULL;
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void
world_remove(void)
{
	if (world.dir[0])
		nftw(world.dir, drop, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- a web server's side ----------------------------------------------------------------------- */

struct bytes {
	size_t len;
	unsigned char data[REPLY_BYTES];
};

static void
add(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len > sizeof(b->data))
		give_up("a request that is too long");
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void
record(struct bytes *b, int kind, const void *data, size_t len)
{
	const unsigned char head[8] = { 1, (unsigned char)kind, 0, 1, (unsigned char)(len >> 8),
		(unsigned char)len };

	add(b, head, sizeof(head));
	add(b, data, len);
}

static void
size_of(struct bytes *b, size_t n)
{
	const unsigned char large[4] = { (unsigned char)(n >> 24 | 0x80), (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n };

	if (n < 128)
		add(b, &large[3], 1);
	else
		add(b, large, sizeof(large));
}

static void
param(struct bytes *b, const char *name, const char *value)
{
	size_of(b, strlen(name));
	size_of(b, strlen(value));
	add(b, name, strlen(name));
	add(b, value, strlen(value));
}

/* More parameters; "_" stands for a blank. */
static void
extra(struct bytes *b, const char *text)
{
	char copy[1024], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((part = strsep(&rest, " ")) != NULL) {
		char *value = strchr(part, '=');

		if (!value || strncmp(part, "BODY_FILE", 9) == 0)
			continue;
		*value++ = '\0';
		for (char *at = value; *at; at++)
			*at = *at == '_' ? ' ' : *at;
		param(b, part, value);
	}
}

static void
params(struct bytes *b, const struct asked *a, bool as_file)
{
	char path[4096], length[24];
	char *query;

	snprintf(path, sizeof(path), "%s", a->path);
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	snprintf(length, sizeof(length), "%zu", strlen(a->body));
	param(b, "REQUEST_METHOD", a->method);
	param(b, "DOCUMENT_URI", path);
	param(b, "QUERY_STRING", query ? query : "");
	param(b, "CONTENT_LENGTH", as_file ? "" : length);
	param(b, "BODY_LENGTH", length);
	if (!strstr(a->extra, "CONTENT_TYPE="))
		param(b, "CONTENT_TYPE", "application/json");
	param(b, "SESSION_TOKEN", strncmp(a->token, "pck_", 4) == 0 ? "" : a->token);
	if (strncmp(a->token, "pck_", 4) == 0) {
		char bearer[128];

		snprintf(bearer, sizeof(bearer), "Bearer %s", a->token);
		param(b, "AUTHORIZATION", bearer);
	}
	param(b, "REQUEST_ID", "00000000000000000000000000000001");
	param(b, "REMOTE_ADDR", "127.0.0.1");
	param(b, "TCP_PEER", "127.0.0.1");
	extra(b, a->extra);
	if (as_file)
		param(b, "BODY_FILE", path_of("pchat_uploads/incoming/" BODY_NAME));
}

static int
ask(const struct asked *a)
{
	static struct bytes whole, list;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const bool as_file = strstr(a->extra, "BODY_FILE=1");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	whole.len = list.len = 0;
	record(&whole, 1, "\0\1\0\0\0\0\0", 8);
	params(&list, a, as_file);
	record(&whole, 4, list.data, list.len);
	record(&whole, 4, "", 0);
	if (as_file)
		write_file(path_of("pchat_uploads/incoming/" BODY_NAME), a->body, strlen(a->body));
	else if (a->body[0])
		record(&whole, 5, a->body, strlen(a->body));
	record(&whole, 5, "", 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path_of("run/s"));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    write(fd, whole.data, whole.len) != (ssize_t)whole.len)
		give_up("the relay's socket: %s", strerror(errno));
	return fd;
}

/* What was sent, out of its records. */
static void
take(int fd, struct reply *out)
{
	static unsigned char all[REPLY_BYTES];
	size_t had = 0, at = 0;
	ssize_t n;
	char *status;

	while (had < sizeof(all) && (n = recv(fd, all + had, sizeof(all) - had, MSG_DONTWAIT)) > 0)
		had += (size_t)n;
	close(fd);
	out->len = 0;
	while (at + 8 <= had) {
		size_t len = (size_t)(all[at + 4] << 8 | all[at + 5]);

		if (at + 8 + len > had)
			break;
		if (all[at + 1] == 6 && out->len + len < sizeof(out->text)) {
			memcpy(out->text + out->len, all + at + 8, len);
			out->len += len;
		}
		at += 8 + len + all[at + 6];
	}
	out->text[out->len] = '\0';
	status = strstr(out->text, "Status: ");
	out->status = status == out->text ? atoi(status + 8) : 0;
}

void
world_call(const struct asked *a, const struct fault *f, struct reply *out)
{
	int fd = ask(a);
	size_t used;

	if (f)
		faults_arm(f);
	if (turn_wait(&world.turn, 0))
		turn_serve(&world.turn, &used);
	faults_disarm();
	take(fd, out);
}
