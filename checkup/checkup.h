/* What can be said of a relay's health by whoever has its settings and its database: the rules and
 * the sentences that `relayctl doctor` and the workers share. */
#ifndef CHECKUP_CHECKUP_H
#define CHECKUP_CHECKUP_H

#include "conf.h"
#include "db.h"

#include <stdbool.h>
#include <stdint.h>

#define CHECKUP_MESSAGE_BYTES 1024

/* What a damaged database calls for. */
#define CHECKUP_DAMAGED \
	"it is damaged: stop the relay and put a backup back (relayctl restore FILE)"

struct checkup {
	const struct conf *conf;
	struct db *db;
	int64_t now, started_at; /* of the relay; Unix milliseconds */
	int lock_wait_ms; /* so long the write lock may take */
	bool damaged; /* a damaged page was met */
	bool is_public; /* people reach it by another address than its own */
	bool live_responds; /* relay-live does, as far as is known */
	char message[CHECKUP_MESSAGE_BYTES]; /* of the check that ran last */
};

/* One check. True: all is well; either way c->message is one line for the operator, without any
 * secret and without anybody's address. */
typedef bool checkup_run(struct checkup *c);

/* Puts the message; returns `ok`. */
bool
checkup_say(struct checkup *c, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

checkup_run checkup_disk, checkup_clock, checkup_database, checkup_housekeeping, checkup_wal,
    checkup_files, checkup_live, checkup_codes, checkup_downloads, checkup_proxies;

/* Sign-in codes leave in time, or nobody can sign in. */
checkup_run checkup_mail;

/* What the relay carries itself leaves within an hour. */
checkup_run checkup_outbox;

#endif
