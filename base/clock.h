/* The two clocks: wall time for what is stored, monotonic time for waits. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Unix time in milliseconds, and in microseconds. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Monotonic time in milliseconds, and in microseconds, for deadlines; has no meaning across
 * reboots.
 */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* The pause before another try, after `tries` that failed: `first`, twice as long each time, at
 * most `longest`. */
int64_t clock_backoff(int tries, int64_t first, int64_t longest);

#endif
