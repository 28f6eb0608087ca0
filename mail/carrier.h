/* Carriers: what takes a kind of the outbox to the other side. channel.def names them. */
#ifndef MAIL_CARRIER_H
#define MAIL_CARRIER_H

#include "conf.h"
#include "outbox.h"

#define MAILER_REASON_BYTES 512

/* Why a message did not leave: our own words, which may be logged, and what the other side said
 * ("" for nothing), which may name people. One line each. */
struct mail_reason {
	char own[MAILER_REASON_BYTES], theirs[MAILER_REASON_BYTES];
	int64_t moved_to; /* the new id of a Telegram group; 0: none was named */
};

/* What became of one. */
enum mail_result {
	MAIL_SENT,
	MAIL_LATER, /* it may go another time */
	MAIL_REFUSED, /* it never will */
	MAIL_CLOSED /* the server takes nobody's for now, or not with these settings: all wait */
};

struct carrier {
	const char *what; /* it carries, for the log */

	/* Opens it in its own process; NULL: no memory. What it keeps open ends with close. */
	void *(*open)(const struct conf *c);
	void (*close)(void *sender);

	/* Sends one. Unless it was sent, *why is filled; with MAIL_LATER *wait_ms is how long the
	 * other side wants to be left alone, 0 when it did not say. */
	enum mail_result (*send)(void *sender, const struct outbox_mail *mail,
	    struct mail_reason *why, int64_t *wait_ms);

	/* What is kept of a reason, given what they said without whom it was about; NULL: that, or
	 * our own words when they said nothing. */
	void (*keep)(const struct mail_reason *why, const char *theirs,
	    char out[static 2 * MAILER_REASON_BYTES]);
};

#define CHANNEL(name, word, needs, units)
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) \
	extern const struct carrier sender##_carrier;
#include "channel.def"
#undef CHANNEL
#undef CARRIED

#endif
