/* The channels of messages, read off channel.def. */
#ifndef SQL_CHANNEL_H
#define SQL_CHANNEL_H

#include "conf.h"

#define CHANNEL_CHAT "pchat" /* inside the relay */

/* What a message must have beside its text. */
enum channel_need {
	NEEDS_TO = 1,
	NEEDS_MAILBOX = 2, /* `to` is an address of mail */
	NEEDS_SUBJECT = 4,
	NEEDS_TITLE = 8, /* or a subject */
	NEEDS_BOT_TOKEN = 16
};

/* Who takes it out of the outbox: the numbers are kept there. */
enum outbox_kind {
#define CHANNEL(name, word, needs, units)
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) OUTBOX_##name = (kind),
#include "channel.def"
#undef CHANNEL
#undef CARRIED
	OUTBOX_NONE = -1
};

/* Indexes of channel_list. */
enum channel_index {
#define CHANNEL(name, word, needs, units) CHANNEL_##name,
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) CHANNEL_##name,
#include "channel.def"
#undef CHANNEL
#undef CARRIED
	CHANNEL_COUNT
};

struct channel {
	const char *word;
	unsigned needs; /* of enum channel_need */
	int text_units; /* longest text in UTF-16 units, 0: as long as any */
	enum outbox_kind kind; /* OUTBOX_NONE: phones alone take it */
	bool (*is_on)(const struct conf *c); /* the relay carries it, by the settings; or NULL */
	int64_t (*per_day)(const struct conf *c); /* by one user; 0: any number; or NULL */
};

/* Those that leave the relay; their indexes are the bits of bridge_claim.channels. */
extern const struct channel channel_list[CHANNEL_COUNT];

/* Which words there are, for a sentence with "must be": with pchat, and without. */
extern const char channel_rule[], channel_external_rule[];

/* The channel of that word; NULL: none that leaves the relay. */
const struct channel *channel_find(const char *word);

/* Does the relay carry it itself? */
bool channel_is_carried(const struct channel *ch, const struct conf *c);

#endif
