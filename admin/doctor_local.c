/* The checks that look at this machine: settings, folders, disk, clock, database. */
#include "doctor.h"

#include "cleanup.h"
#include "clock.h"
#include "disk.h"
#include "runfile.h"
#include "sweep.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define SANE_SINCE_MS INT64_C(1735689600000) /* 2025: this program is younger */
#define CLOCK_SLACK_MS INT64_C(300000)
#define WAL_LIMIT_BYTES ((int64_t)64 << 20) /* sixteen times what it is cut back to */
#define LIVE_TIMEOUT_SEC 2
#define FILES_WANTED 4096 /* as many connections as the socket queues */

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
doctor_local_disk(struct doctor *d)
{
	const char *const paths[] = { d->conf->data_dir, d->conf->upload_dir };
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int64_t room = disk_free(paths[i]);

		if (room < 0)
			return doctor_say(d, false, "%s: %s", paths[i], strerror(errno));
		least = room < least ? room : least;
		if (room < d->conf->min_free_bytes)
			return doctor_say(d, false,
			    "%s: %lld bytes are free, PCHAT_MIN_FREE_BYTES wants %lld", paths[i],
			    (long long)room, (long long)d->conf->min_free_bytes);
	}
	return doctor_say(d, true, "%lld bytes are free", (long long)least);
}

bool
doctor_local_clock(struct doctor *d)
{
	int64_t now = clock_ms(), streamed = 0, probed = 0;

	if (now < SANE_SINCE_MS)
		return doctor_say(d, false, "the clock stands before 2025");
	if (!d->db || db_newest_at(d->db, &streamed, &probed) != DB_ROW)
		return doctor_say(d, true, "the year is sane; the database tells no time");
	if (probed > now + CLOCK_SLACK_MS)
		return doctor_say(d, false,
		    "the clock is %lld s behind the newest time in the database",
		    (long long)(probed - now) / 1000);
	if (streamed > now + CLOCK_SLACK_MS)
		return doctor_say(d, false,
		    "the clock of the streams is %lld s ahead: this machine's is behind the newest "
		    "time in the database, or was ahead when some message was sent; messages keep "
		    "their order and expire in time all the same",
		    (long long)(streamed - now) / 1000);
	return doctor_say(d, true, "not behind the newest time in the database");
}

bool
doctor_local_database(struct doctor *d)
{
	const struct db_options o = db_options_of(d->conf);
	enum db_result r = d->db ? db_probe(d->db) : DB_FAIL;
	char error[DB_ERROR_BYTES];

	if (r == DB_DONE && db_quick_check(&o, error) == DB_NONE)
		return doctor_say(d, false,
		    "%s; it is damaged: stop the relay and put a backup back (relayctl restore "
		    "FILE)",
		    error);
	return doctor_say(d, r == DB_DONE, "%s",
	    !d->db           ? d->open_error :
		r == DB_DONE ? d->conf->database_url[0] ? "PostgreSQL" : d->conf->db_path :
		r == DB_BUSY ? "the write lock is not to be had" :
		r == DB_FULL ? "the disk is full" :
			       "it cannot be read and written; the log says why");
}

bool
doctor_local_housekeeping(struct doctor *d)
{
	struct runfile running; /* written when the relay was started */
	struct sweep_state s;
	int64_t now = clock_ms();

	runfile_read(d->conf->dir, &running);

	if (!d->conf->housekeeping_interval_sec)
		return doctor_say(d, true, "QUEUE_HOUSEKEEPING_INTERVAL_SEC is 0: nothing is due");
	if (!d->db || db_sweep_state(d->db, &s) != DB_ROW)
		return doctor_say(d, false, "the database does not tell");
	if (sweep_is_fresh(&s, now, d->conf->housekeeping_interval_sec, running.written_at))
		return doctor_say(d, true, "%s",
		    s.finished_at ? "a pass ended in time" : "the first pass is due soon");
	return doctor_say(d, false,
	    "the last pass ended %lld s ago; relay-sweep is due every %lld s",
	    (long long)(now - s.finished_at) / 1000, (long long)d->conf->housekeeping_interval_sec);
}

bool
doctor_local_wal(struct doctor *d)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", d->conf->db_path);
	if (stat(path, &st) != 0)
		st.st_size = 0;
	return doctor_say(d, st.st_size <= WAL_LIMIT_BYTES, "%lld bytes%s", (long long)st.st_size,
	    st.st_size <= WAL_LIMIT_BYTES ? "" : ": some process keeps a read open for too long");
}

/* relayd raises its own limit up to the hard one. */
bool
doctor_local_files(struct doctor *d)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return doctor_say(d, false, "%s", strerror(errno));
	return doctor_say(d, limit.rlim_max >= FILES_WANTED, "%llu open files are allowed%s",
	    (unsigned long long)limit.rlim_max,
	    limit.rlim_max >= FILES_WANTED ? "" : "; 4096 is the least for a busy relay");
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

	if (d->conf->live == LIVE_FALSE)
		return doctor_say(d, true, "live wake-ups are off (RELAY_LIVE), clients poll");
	if (relay < 0)
		return doctor_say(d, true, "the relay is not running");
	if (fd < 0 || send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0 ||
	    recv(fd, response, sizeof(response), 0) <= 0)
		return doctor_say(d, false,
		    "relay-live does not answer, so clients poll; the relay's log says why. "
		    "RELAY_LIVE=false switches it off");
	return doctor_say(d, true, "relay-live answers");
}

/* A proxy on this machine looks like loopback, so behind one the response would carry codes too. */
bool
doctor_local_codes(struct doctor *d)
{
	const struct conf *c = d->conf;
	bool near = strncmp(c->host, "127.", 4) == 0 || strcmp(c->host, "localhost") == 0 ||
	    strcmp(c->host, "::1") == 0 || strcmp(c->host, "[::1]") == 0;

	if (!c->dev_expose_codes)
		return doctor_say(d, true, "sign-in codes are not in answers");
	if (!near || c->trusted_proxies[0] || d->address_given)
		return doctor_say(d, false,
		    "PCHAT_DEV_EXPOSE_CODES is on and the relay is not for this machine alone");
	return doctor_say(d, true, "PCHAT_DEV_EXPOSE_CODES is on; the relay listens on loopback");
}
