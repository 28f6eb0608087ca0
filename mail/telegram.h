/* Sending one message by the Telegram Bot API (sendMessage) with libcurl. */
#ifndef MAIL_TELEGRAM_H
#define MAIL_TELEGRAM_H

#include "carrier.h"

/* It keeps its connection between messages, and sends one within 30 seconds. A reason never holds
 * the bot's token. */
extern const struct carrier telegram_carrier;

#endif
