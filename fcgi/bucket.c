/* Rates of accounts. */
#include "bucket.h"

#define UNITS_PER_SECOND 16000
#define UNITS_PER_MS 16

/* How far the cell's time is ahead of `now`; what is not ahead, or further than calls can bring it
 * (times wrap after three days), is 0. */
static uint32_t
ahead(uint64_t cell, uint32_t now, uint32_t longest)
{
	const uint32_t by = (uint32_t)cell - now;

	return by <= longest ? by : 0;
}

/* The cell of the account, else the one that is least ahead. */
static _Atomic uint64_t *
find(struct buckets *b, int64_t account_id, uint32_t now, uint32_t longest)
{
	_Atomic uint64_t *row = b->cells[(uint64_t)account_id & (BUCKET_ROWS - 1)], *best = row;

	for (int i = 0; i < BUCKET_WAYS; i++) {
		if (atomic_load(&row[i]) >> 32 == (uint64_t)account_id)
			return &row[i];
		if (ahead(atomic_load(&row[i]), now, longest) <
		    ahead(atomic_load(best), now, longest))
			best = &row[i];
	}
	return best;
}

bool
bucket_take(struct buckets *b, int64_t account_id, int per_second, int burst, int64_t now_ms)
{
	const uint32_t now = (uint32_t)((uint64_t)now_ms * UNITS_PER_MS);
	uint32_t each, longest, by;
	_Atomic uint64_t *cell;
	uint64_t old;

	if (per_second <= 0 || per_second > UNITS_PER_SECOND || account_id <= 0 ||
	    account_id > UINT32_MAX)
		return true;
	each = UNITS_PER_SECOND / (uint32_t)per_second;
	longest = each * (uint32_t)(burst > 0 ? burst : 1);
	cell = find(b, account_id, now, longest);
	old = atomic_load(cell);
	do {
		by = old >> 32 == (uint64_t)account_id ? ahead(old, now, longest) : 0;
		if (by + each > longest)
			return false;
	} while (!atomic_compare_exchange_weak(
	    cell, &old, (uint64_t)account_id << 32 | (uint32_t)(now + by + each)));
	return true;
}
