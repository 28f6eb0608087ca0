/* The checks of this machine that need no more than settings and database. */
#include "checkup.h"

#include "cleanup.h"
#include "disk.h"
#include "epoch.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SANE_SINCE_MS INT64_C(1735689600000) /* 2025: this program is younger */
#define CLOCK_SLACK_MS INT64_C(300000)
#define WAL_LIMIT_BYTES ((int64_t)64 << 20) /* sixteen times what it is cut back to */
#define FILES_WANTED 4096 /* as many connections as the socket queues */

bool
checkup_say(struct checkup *c, bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->message, sizeof(c->message), fmt, ap);
	va_end(ap);
	return ok;
}

bool
checkup_disk(struct checkup *c)
{
	const char *const paths[] = { c->conf->data_dir, c->conf->upload_dir };
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int64_t room = disk_free(paths[i]);

		if (room < 0)
			return checkup_say(c, false, "%s: %s", paths[i], strerror(errno));
		least = room < least ? room : least;
		if (room < c->conf->min_free_bytes)
			return checkup_say(c, false,
			    "%s: %lld bytes are free, PCHAT_MIN_FREE_BYTES wants %lld", paths[i],
			    (long long)room, (long long)c->conf->min_free_bytes);
	}
	return checkup_say(c, true, "%lld bytes are free", (long long)least);
}

bool
checkup_clock(struct checkup *c)
{
	int64_t streamed = 0, probed = 0;

	if (c->now < SANE_SINCE_MS)
		return checkup_say(c, false, "the clock stands before 2025");
	if (!c->db || db_newest_at(c->db, &streamed, &probed) != DB_ROW)
		return checkup_say(c, true, "the year is sane; the database tells no time");
	if (probed > c->now + CLOCK_SLACK_MS)
		return checkup_say(c, false,
		    "the clock is %lld s behind the newest time in the database",
		    (long long)(probed - c->now) / 1000);
	if (streamed > c->now + CLOCK_SLACK_MS)
		return checkup_say(c, false,
		    "the clock of the streams is %lld s ahead: this machine's is behind the newest "
		    "time in the database, or was ahead when some message was sent; messages keep "
		    "their order and expire in time all the same",
		    (long long)(streamed - c->now) / 1000);
	return checkup_say(c, true, "not behind the newest time in the database");
}

bool
checkup_database(struct checkup *c)
{
	enum db_result r = db_probe(c->db, c->lock_wait_ms);

	if (r == DB_DONE && c->damaged)
		return checkup_say(c, false, "%s: %s", c->conf->db_path, CHECKUP_DAMAGED);
	if (r == DB_DONE && !db_epoch_is_here(c->db))
		return checkup_say(c, false,
		    "this machine has not the key of the current epoch: texts wait until one that "
		    "has it is up");
	return checkup_say(c, r == DB_DONE, "%s",
	    r == DB_DONE     ? c->conf->database_url[0] ? "PostgreSQL" : c->conf->db_path :
		r == DB_BUSY ? "the write lock is not to be had" :
		r == DB_FULL ? "the disk is full" :
			       "it cannot be read and written; the log says why");
}

/* A server's log of writes is its own to keep: what counts is that it opens nothing. */
static bool
check_epochs(struct checkup *c)
{
	struct epoch_late late;

	if (!c->db || db_epoch_late(c->db, c->conf->epoch_sec * 1000, c->now, &late) != DB_DONE)
		return checkup_say(c, false, "the database does not say who has which keys");
	if (!late.since)
		return checkup_say(c, true, "keys of scrubbed texts are destroyed in time");
	return checkup_say(c, false,
	    "keys of texts that were scrubbed %lld s ago are not destroyed yet%s%s",
	    (long long)(c->now - late.since) / 1000, late.names[0] ? "; they are still on " : "",
	    late.names);
}

bool
checkup_wal(struct checkup *c)
{
	char path[PATH_MAX];
	struct stat st;

	if (c->conf->database_url[0])
		return check_epochs(c);
	snprintf(path, sizeof(path), "%s-wal", c->conf->db_path);
	if (stat(path, &st) != 0)
		st.st_size = 0;
	return checkup_say(c, st.st_size <= WAL_LIMIT_BYTES, "%lld bytes%s", (long long)st.st_size,
	    st.st_size <= WAL_LIMIT_BYTES ? "" : ": some process keeps a read open for too long");
}

/* relayd raises its own limit up to the hard one. */
bool
checkup_files(struct checkup *c)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return checkup_say(c, false, "%s", strerror(errno));
	return checkup_say(c, limit.rlim_max >= FILES_WANTED, "%llu open files are allowed%s",
	    (unsigned long long)limit.rlim_max,
	    limit.rlim_max >= FILES_WANTED ? "" : "; 4096 is the least for a busy relay");
}

bool
checkup_live(struct checkup *c)
{
	if (c->conf->live == LIVE_FALSE)
		return checkup_say(c, true, "live wake-ups are off (RELAY_LIVE), clients poll");
	if (!c->live_responds)
		return checkup_say(c, false,
		    "relay-live does not answer, so clients poll; the relay's log says why. "
		    "RELAY_LIVE=false switches it off");
	return checkup_say(c, true, "relay-live answers");
}

/* A proxy on this machine looks like loopback, so behind one the response would carry codes too. */
bool
checkup_codes(struct checkup *c)
{
	const char *host = c->conf->host;
	bool near = strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
	    strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0;

	if (!c->conf->dev_expose_codes)
		return checkup_say(c, true, "sign-in codes are not in answers");
	if (!near || c->conf->trusted_proxies[0] || c->is_public)
		return checkup_say(c, false,
		    "PCHAT_DEV_EXPOSE_CODES is on and the relay is not for this machine alone");
	return checkup_say(c, true, "PCHAT_DEV_EXPOSE_CODES is on; the relay listens on loopback");
}

bool
checkup_downloads(struct checkup *c)
{
	return c->conf->download_requires_token ?
	    checkup_say(c, true, "nobody downloads a file without a token") :
	    checkup_say(c, false,
		"PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN is off: who knows an address has the file");
}

static bool
is_bounded(const char *item, void *arg)
{
	const char *bits = strchr(item, '/');

	(void)arg;
	return !bits || strcmp(bits, "/0") != 0;
}

bool
checkup_proxies(struct checkup *c)
{
	if (!text_list_each(c->conf->trusted_proxies, is_bounded, NULL))
		return checkup_say(c, false, "RELAY_TRUSTED_PROXIES believes everybody");
	return checkup_say(c, true, "%s",
	    c->conf->trusted_proxies[0] ? "the proxies of RELAY_TRUSTED_PROXIES name clients" :
					  "no proxy is believed when it names clients");
}
