/* Sending one mail over SMTP (RFC 5321) with libcurl. */
#ifndef MAIL_MAILER_H
#define MAIL_MAILER_H

#include "carrier.h"

#include <curl/curl.h>
#include <signal.h>

struct mailer;

/* Once set, a transfer under way is given up. */
extern volatile sig_atomic_t mailer_stop;

/* What every transfer has: a bounded time, and an eye on mailer_stop. */
void mailer_set_bounds(CURL *curl);

/* Opens a mailer; it keeps its connection between mails. NULL: out of memory. Close with
 * mailer_close. */
struct mailer *mailer_open(const struct conf *c);
void mailer_close(struct mailer *m);

/* Sends a mail, within 30 seconds. Unless it was sent, *why is filled. */
enum mail_result
mailer_send(struct mailer *m, const struct outbox_mail *mail, struct mail_reason *why);

/* Connects, greets, encrypts and signs in as for a mail, and sends none. False as with mailer_send.
 */
bool mailer_try(struct mailer *m, struct mail_reason *why);

/* Both on one line, for the operator's own eyes or once they were cleaned. */
void mailer_join(const char *own, const char *theirs, char out[static 2 * MAILER_REASON_BYTES]);

#endif
