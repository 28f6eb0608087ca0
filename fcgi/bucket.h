/* How often each account calls: the generic cell rate algorithm (ITU-T I.371, as a virtual
 * schedule), in memory that the workers of all pools share. Without locks: a worker may die
 * anywhere. */
#ifndef FCGI_BUCKET_H
#define FCGI_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BUCKET_ROWS 4096 /* a power of two */
#define BUCKET_WAYS 4

/* Zeroed to begin with. A cell: account << 32 | when its next call is due, in units of 1/16 ms. */
struct buckets {
	_Atomic uint64_t cells[BUCKET_ROWS][BUCKET_WAYS];
};

/* Counts a call of an account at `now_ms` (monotonic). False: more than `per_second` on average,
 * and more than `burst` at once; it is not counted then. Rates of 0 or over 16,000 are no limit,
 * and neither have accounts beyond 32 bits one. Where more accounts than there are cells call at
 * once, the one that called least begins anew. */
bool bucket_take(struct buckets *b, int64_t account_id, int per_second, int burst, int64_t now_ms);

#endif
