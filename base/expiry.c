/* When things end. */
#include "expiry.h"

int64_t
expiry_at(int64_t now, int64_t life_ms)
{
	return life_ms ? now + life_ms : 0;
}

bool
expiry_passed(int64_t at, int64_t now)
{
	return at && at <= now;
}

int64_t
expiry_earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

int64_t
expiry_cutoff(int64_t now, int64_t life_ms)
{
	return life_ms && life_ms < now ? now - life_ms : 0;
}
