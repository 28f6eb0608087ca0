/* Whom to wake: bitmaps in memory that workers mark after COMMIT and relay-live takes. A bit stands
 * for all accounts with the same lower bits of their number; a wake too many costs one poll.
 * Marking twice is marking once, so nothing overflows, and who was away finds the bits where they
 * were. No process holds anything here: each may be killed between any two steps. */
#ifndef BASE_WAKE_H
#define BASE_WAKE_H

#include "pass.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAKE_BITS 65536 /* a power of two */
#define WAKE_WORDS (WAKE_BITS / 64)

/* What a mark says: poll; ask for receipts; a credential of the account ended. */
enum wake_kind { WAKE_POLL, WAKE_RECEIPTS, WAKE_ENDED, WAKE__KINDS };

struct wake_map {
	_Atomic uint64_t summary[WAKE_WORDS / 64]; /* a bit for each word that is not zero */
	_Atomic uint64_t words[WAKE_WORDS];
};

/* The shared memory. */
struct wake_share {
	_Atomic int asleep; /* 1: relay-live waits for the bell */
	_Atomic int streams; /* open now, for the figures */
	_Atomic bool serving; /* relay-live runs, as far as anybody knows */
	struct wake_map maps[WAKE__KINDS];
	_Atomic uint64_t listened[WAKE_WORDS]; /* buckets with a listener */
	uint8_t key[PASS_KEY_BYTES]; /* of the passes that workers write; set once */
};

/* One process's hold of it. Without `share` everything here does nothing. */
struct wake {
	struct wake_share *share;
	int map_fd; /* memfd of the memory */
	int bell_fd; /* eventfd */
};

/* Makes both descriptors, closed by exec, and maps the memory; call before fork. False: see errno,
 * and nothing is left open. The caller closes with wake_close. */
bool wake_make(struct wake *w);

/* Takes over descriptors that were handed to this program. False: they are none; see errno. The
 * caller closes with wake_close. */
bool wake_join(struct wake *w, int map_fd, int bell_fd);

/* Unmaps and closes; does nothing on one that holds nothing. */
void wake_close(struct wake *w);

/* The bucket of an account. */
uint32_t wake_bucket(int64_t account);

/* Marks all accounts that somebody listens for and rings once if there are any; what ended is
 * marked for everybody. Call after COMMIT: who begins to listen later polls first. Numbers below 1
 * are passed over. */
void wake_notify(struct wake *w, enum wake_kind kind, const int64_t *accounts, size_t n);

/* For relay-live alone. */

/* Says that somebody listens in the bucket, or that nobody does any more. */
void wake_listen(struct wake *w, uint32_t bucket, bool listened);

/* Is it so? */
bool wake_has_listener(const struct wake *w, uint32_t bucket);

/* From here on the next mark rings. Call before the look that finds nothing: a mark that the look
 * misses rings then. */
void wake_sleep(struct wake *w);

/* Calls `each` for every bucket that is marked and takes the mark away. `deep` looks at every word:
 * somebody may have been killed before the summary said so. */
void wake_take(struct wake *w, enum wake_kind kind, bool deep,
    void (*each)(uint32_t bucket, void *arg), void *arg);

#endif
