/* When things end. Times are Unix milliseconds, lives are milliseconds; for either 0 is "never",
 * here, in the settings and in the database. */
#ifndef BASE_EXPIRY_H
#define BASE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

/* When something made now ends that lives so long. 0: never. */
int64_t expiry_at(int64_t now, int64_t life_ms);

/* Is what ends at `at` over? What never ends is not. */
bool expiry_passed(int64_t at, int64_t now);

/* The earlier of two ends. 0: neither ever comes. */
int64_t expiry_earlier(int64_t a, int64_t b);

/* For things that have the time of their making: those made then or before are over, if they live
 * so long. 0: none is, for nothing was made so early. */
int64_t expiry_cutoff(int64_t now, int64_t life_ms);

#endif
