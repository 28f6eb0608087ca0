/* The modes of MESSAGE_RETENTION_MODE. A mode is one line of this list: (name, word of the setting,
 * scrubs, on claim, takes all), the first with F. Its number is its position. */
#ifndef BASE_RETENTION_H
#define BASE_RETENTION_H

#include <stdbool.h>

/* clang-format off */
#define RETENTION_LIST(F, X) \
	F(FULL, "full", false, false, false) \
	X(SCRUB_CONTENT_ON_FINAL, "scrub_content_on_final", true, false, false) \
	X(SCRUB_ALL_ON_FINAL, "scrub_all_on_final", true, false, true) \
	X(SCRUB_CONTENT_ON_CLAIM, "scrub_content_on_claim", true, true, false) \
	X(SCRUB_ALL_ON_CLAIM, "scrub_all_on_claim", true, true, true)
/* clang-format on */

#define RETENTION_ENUM(name, word, scrubs, on_claim, takes_all) RETENTION_##name,
enum conf_retention { RETENTION_LIST(RETENTION_ENUM, RETENTION_ENUM) RETENTION__MAX };

#define RETENTION_FIRST(name, word, scrubs, on_claim, takes_all) word
#define RETENTION_NEXT(name, word, scrubs, on_claim, takes_all) "|" word
#define RETENTION_WORDS RETENTION_LIST(RETENTION_FIRST, RETENTION_NEXT)

struct retention {
	bool scrubs; /* what a message says goes at all */
	bool on_claim; /* with the response that hands it to the last recipient; else by a pass,
			  once everybody has it */
	bool takes_all; /* where it went goes, too */
};

/* What a mode does. */
extern const struct retention retention_modes[RETENTION__MAX];

#endif
