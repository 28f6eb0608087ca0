/* Sending one mail over SMTP (RFC 5321) with libcurl. */
#ifndef CRON_MAILER_H
#define CRON_MAILER_H

#include "conf.h"
#include "outbox.h"

#include <curl/curl.h>
#include <signal.h>

#define MAILER_REASON_BYTES 512

/* What became of one. */
enum mail_result {
	MAIL_SENT,
	MAIL_LATER, /* it may go another time */
	MAIL_REFUSED /* it never will */
};

struct mailer;

/* Once set, a transfer under way is given up. */
extern volatile sig_atomic_t mailer_stop;

/* What every transfer has: a bounded time, and an eye on mailer_stop. */
void mailer_set_bounds(CURL *curl);

/* Opens a mailer; it keeps its connection between mails. NULL: out of memory. Close with
 * mailer_close. */
struct mailer *mailer_open(const struct conf *c);
void mailer_close(struct mailer *m);

/* Sends a mail, within 30 seconds. Unless it was sent, one line in `reason`: the server's own
 * answer when it gave one. */
enum mail_result mailer_send(
    struct mailer *m, const struct outbox_mail *mail, char reason[static MAILER_REASON_BYTES]);

/* Connects, greets, encrypts and signs in as for a mail, and sends none. False as with mailer_send.
 */
bool mailer_try(struct mailer *m, char reason[static MAILER_REASON_BYTES]);

#endif
