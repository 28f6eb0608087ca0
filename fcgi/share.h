/* What the processes of a pool share in memory: request counters and who is typing. Nothing that
 * must survive. */
#ifndef FCGI_SHARE_H
#define FCGI_SHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHARE_ROUTES 96
#define SHARE_CLASSES 6 /* status / 100 */
#define SHARE_BUCKETS 1024 /* a power of two */
#define SHARE_SLOTS 4
#define SHARE_TYPING_MS 6000
#define SHARE_ERROR_BYTES 1024

/* Groups and accounts share one space of 32-bit numbers; the upper half is the groups'. */
#define SHARE_GROUP(id) ((id) > INT32_MAX ? INT64_MAX : (int64_t)((uint64_t)(id) | 1U << 31))

struct share_typing {
	_Atomic uint64_t pair; /* recipient's account << 32 | typist's account */
	_Atomic int64_t until_ms; /* monotonic */
};

struct share {
	_Atomic bool damaged; /* some worker met a damaged page of the database */
	_Atomic int error_state; /* 0: no error yet, 1: it is written, 2: it is there */
	char error[SHARE_ERROR_BYTES]; /* the first that kept a worker from starting */
	_Atomic int workers; /* that are alive, as the parent counts them */
	_Atomic uint64_t requests[SHARE_ROUTES][SHARE_CLASSES];
	struct share_typing typing[SHARE_BUCKETS][SHARE_SLOTS];
	_Atomic int64_t group_typing_until_ms; /* nobody types to any group after this */
};

/* Maps it; call before fork. NULL: out of memory. It lives as long as the processes. */
struct share *share_make(void);

/* Notes why a worker could not start; the first word stays. */
void share_note_error(struct share *s, const char *error);

/* That word; "": there is none. */
const char *share_error(struct share *s);

/* Counts an answered request. */
void share_count(struct share *s, int route, int status);

/* Notes that `from` types to `to`, for 6 seconds, or stopped. Account ids beyond 32 bits are left
 * out. */
void share_typing_set(struct share *s, int64_t to, int64_t from, bool typing);

/* True while somebody may be typing to some group: only then its members need to look. */
bool share_group_typing(struct share *s);

/* Who types to `to` now: up to SHARE_SLOTS ids in `out`; answers how many. */
int share_typing_get(struct share *s, int64_t to, int64_t out[static SHARE_SLOTS]);

#endif
