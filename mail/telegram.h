/* Sending one message by the Telegram Bot API (sendMessage) with libcurl. */
#ifndef MAIL_TELEGRAM_H
#define MAIL_TELEGRAM_H

#include "mailer.h"

struct telegram;

/* Opens a sender; it keeps its connection between messages. NULL: out of memory. Close with
 * telegram_close. */
struct telegram *telegram_open(const struct conf *c);
void telegram_close(struct telegram *t);

/* Sends a message, within 30 seconds. Unless it was sent, *why is filled, and never holds the bot's
 * token; with MAIL_LATER *wait_ms is how long Telegram wants to be left alone, 0 when it
 * did not say. */
enum mail_result telegram_send(
    struct telegram *t, const struct outbox_mail *mail, struct mail_reason *why, int64_t *wait_ms);

#endif
