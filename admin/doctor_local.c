/* The checks that look at this machine beyond those of checkup/: settings, folders, pages of the
 * database, sockets. */
#include "doctor.h"

#include "cleanup.h"
#include "sandbox.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LIVE_TIMEOUT_SEC 2

bool
doctor_local_settings(struct doctor *d)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/.env.local", d->conf->dir);
	if (stat(path, &st) != 0)
		return doctor_say(d, true, "%s: not there, all settings are defaults", path);
	if (st.st_uid != 0 && st.st_uid != geteuid() && geteuid() != 0)
		return doctor_say(d, false, "%s: belongs to another user", path);
	return doctor_say(d, true, "%s", path); /* others can read it: refused when it was loaded */
}

/* A folder that its owner can write and that is closed to others as far as `mask` says. */
static bool
folder(struct doctor *d, const char *path, mode_t mask)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return doctor_say(d, false, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return doctor_say(d, false, "%s: not a folder", path);
	if (geteuid() == 0 ? st.st_uid == 0 : access(path, R_OK | W_OK | X_OK) != 0)
		return doctor_say(d, false,
		    "%s: the relay cannot write there; it has to belong "
		    "to the user that the relay runs as",
		    path);
	if (st.st_mode & mask)
		return doctor_say(d, false, "%s: mode %04o is too open; chmod 700 closes it", path,
		    (unsigned)st.st_mode & 07777);
	return doctor_say(d, true, "%s", path);
}

bool
doctor_local_data(struct doctor *d)
{
	return folder(d, d->conf->data_dir, S_IRWXO | S_IWGRP);
}

/* Others may pass: the web server of a shared host sends files from here. */
bool
doctor_local_uploads(struct doctor *d)
{
	return folder(d, d->conf->upload_dir, S_IROTH | S_IWOTH | S_IWGRP);
}

bool
doctor_local_database(struct doctor *d)
{
	const struct db_options o = db_options_of(d->conf);
	char error[DB_ERROR_BYTES];

	if (!d->db)
		return doctor_say(d, false, "%s", d->open_error);
	if (!doctor_shared(d, checkup_database))
		return false;
	if (db_quick_check(&o, error) == DB_NONE)
		return doctor_say(d, false, "%s; %s", error, CHECKUP_DAMAGED);
	return db_check(d->db, error) ||
	    doctor_say(d, false,
		"%s: it was changed by something other than the relay; put a backup back "
		"(relayctl restore FILE)",
		error);
}

/* The relay does without, so it is said and is no fault. */
bool
doctor_local_sandbox(struct doctor *d)
{
	const char *lacks = sandbox_lacks();

	return lacks ? doctor_say(d, true, "warning: %s", lacks) :
		       doctor_say(d, true, "files by Landlock, system calls by seccomp");
}

/* The address that the running relay wrote down, against the settings. */
static bool
listens_as_set(struct doctor *d)
{
	const struct conf *c = d->conf;
	bool any = strcmp(c->host, "0.0.0.0") == 0 || strcmp(c->host, "::") == 0 ||
	    strcmp(c->host, "*") == 0;
	const char *port = strrchr(d->running, ':');
	char set[DOCTOR_URL_BYTES];

	if (!port || strncmp(d->running, "http", 4) != 0)
		return doctor_say(d, true, "the relay is running");
	snprintf(set, sizeof(set), strchr(c->host, ':') ? "://[%s]:" : "://%s:", c->host);
	if (d->by_environment ||
	    (strtol(port + 1, NULL, 10) == conf_port(c) && (any || strstr(d->running, set))))
		return doctor_say(d, true, "the relay is running at %s", d->running);
	return doctor_say(d, false,
	    "the relay is running at %s, but the settings say port %d of %s; a reload (HUP) moves "
	    "it%s",
	    d->running, conf_port(c), c->host,
	    c->strict_port ? "" : ", if no other program has that port");
}

/* Connects to a socket through a path relative to the run folder, which may be longer than a
 * socket's address. -1: nobody listens there. */
static int
connect_to(const struct doctor *d, const char *name)
{
	const struct timeval timeout = { LIVE_TIMEOUT_SEC, 0 };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char run[PATH_MAX];

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
	snprintf(run, sizeof(run), "%s/run", d->conf->dir);
	if (fd < 0 ||
	    (chdir(run) == 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0))
		return fd;
	close(fd);
	return -1;
}

bool
doctor_local_socket(struct doctor *d)
{
	auto_close int fd = connect_to(d, "relay.sock");

	return fd < 0 ? doctor_say(d, false, "the relay is not running") : listens_as_set(d);
}

/* Its socket is the relay's, and there while nobody accepts: so somebody has to respond. */
bool
doctor_local_live(struct doctor *d)
{
	static const char ask[] = "GET / HTTP/1.1\r\n\r\n";
	auto_close int relay = connect_to(d, "relay.sock");
	auto_close int fd = connect_to(d, "live.sock");
	char response[16];

	if (d->conf->live != LIVE_FALSE && relay < 0)
		return doctor_say(d, true, "the relay is not running");
	d->live_responds = fd >= 0 && send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) >= 0 &&
	    recv(fd, response, sizeof(response), 0) > 0;
	return doctor_shared(d, checkup_live);
}
