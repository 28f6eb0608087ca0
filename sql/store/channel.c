/* channel.def as a table. */
#include "channel.h"

#include <string.h>

#define CHANNEL(name, word, needs, units)
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) \
	static bool is_on_##name(const struct conf *c) \
	{ \
		(void)c; \
		return on; \
	} \
	static int64_t per_day_##name(const struct conf *c) \
	{ \
		(void)c; \
		return per_day; \
	}
#include "channel.def"
#undef CHANNEL
#undef CARRIED

const struct channel channel_list[CHANNEL_COUNT] = {
#define CHANNEL(name, word, needs, units) { word, needs, units, OUTBOX_NONE, NULL, NULL },
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) \
	{ word, needs, units, kind, is_on_##name, per_day_##name },
#include "channel.def"
#undef CHANNEL
#undef CARRIED
};

#define CHANNEL(name, word, needs, units) word ", "
#define CARRIED(name, word, needs, units, kind, on, per_day, sender) word ", "
const char channel_rule[] = "one of "
#include "channel.def"
    CHANNEL_CHAT;
const char channel_external_rule[] = "one of "
#include "channel.def"
				     "and no other";
#undef CHANNEL
#undef CARRIED

const struct channel *
channel_find(const char *word)
{
	for (int i = 0; i < CHANNEL_COUNT; i++)
		if (strcmp(channel_list[i].word, word) == 0)
			return &channel_list[i];
	return NULL;
}

bool
channel_is_carried(const struct channel *ch, const struct conf *c)
{
	return ch->is_on && ch->is_on(c);
}
