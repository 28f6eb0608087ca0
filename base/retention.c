/* What the retention modes do. */
#include "retention.h"

#define MODE(name, word, scrubs, on_claim, takes_all) \
	[RETENTION_##name] = { scrubs, on_claim, takes_all },

const struct retention retention_modes[RETENTION__MAX] = { RETENTION_LIST(MODE, MODE) };
