/* Sending one mail over SMTP (RFC 5321) with libcurl. */
#ifndef CRON_MAILER_H
#define CRON_MAILER_H

#include "conf.h"
#include "outbox.h"

#define MAILER_REASON_BYTES 512

struct mailer;

/* Opens a mailer; it keeps its connection between mails. NULL: out of memory. Close with
 * mailer_close. */
struct mailer *mailer_open(const struct conf *c);
void mailer_close(struct mailer *m);

/* Sends a mail, within 30 seconds. False with one line in `reason`: the server's own answer when it
 * gave one. */
bool mailer_send(
    struct mailer *m, const struct outbox_mail *mail, char reason[static MAILER_REASON_BYTES]);

/* Connects, greets, encrypts and signs in as for a mail, and sends none. False as with mailer_send.
 */
bool mailer_try(struct mailer *m, char reason[static MAILER_REASON_BYTES]);

#endif
