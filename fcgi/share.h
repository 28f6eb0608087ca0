/* What the processes of the pools share in memory: request counters, who is typing, and what the
 * workers that call out have to know of each other. Nothing that must survive. */
#ifndef FCGI_SHARE_H
#define FCGI_SHARE_H

#include "ask.h"
#include "bucket.h"
#include "commits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SHARE_ROUTES 96
#define SHARE_CLASSES 6 /* status / 100 */
#define SHARE_BUCKETS 1024 /* a power of two */
#define SHARE_SLOTS 4
#define SHARE_TYPING_MS 6000
#define SHARE_TYPING_NOTIFY_MS 3000
#define SHARE_UPLOADS 2048
#define SHARE_UPLOADS_EACH 100 /* of one account at a time */
#define SHARE_UPLOAD_MS ((int64_t)24 * 3600000) /* whatever is older was lost */
#define SHARE_ERROR_BYTES 1024

/* Groups and accounts share one space of 32-bit numbers; the upper half is the groups'. */
#define SHARE_GROUP(id) ((id) > INT32_MAX ? INT64_MAX : (int64_t)((uint64_t)(id) | 1U << 31))

struct share_typing {
	_Atomic uint64_t pair; /* recipient's account << 32 | typist's account */
	_Atomic int64_t until_ms; /* monotonic */
	_Atomic int64_t notified_ms; /* when the recipient was last woken for it, monotonic */
};

/* An upload on its way. */
struct share_upload {
	uint64_t id; /* of the request; 0: free */
	int64_t account_id, bytes, since_ms; /* monotonic */
	pid_t reader; /* the web server's process that says when it ends; 0: unknown */
};

struct share {
	_Atomic bool damaged; /* some worker met a damaged page of the database */
	_Atomic int error_state; /* 0: no error yet, 1: it is written, 2: it is there */
	char error[SHARE_ERROR_BYTES]; /* the first that kept a worker from starting */
	_Atomic int workers; /* that are alive, as the parent counts them */
	_Atomic uint64_t requests[SHARE_ROUTES][SHARE_CLASSES];
	struct share_typing typing[SHARE_BUCKETS][SHARE_SLOTS];
	_Atomic int64_t group_typing_until_ms; /* nobody types to any group after this */
	pthread_mutex_t upload_lock; /* robust: who dies with it leaves it to the next */
	struct share_upload uploads[SHARE_UPLOADS];
	struct ask ask;
	struct buckets calls; /* of accounts */
	struct commits commits; /* of the store */
};

/* Maps it; call before fork. NULL: out of memory. It lives as long as the processes. */
struct share *share_make(void);

/* Notes why a worker could not start; the first word stays. */
void share_note_error(struct share *s, const char *error);

/* That word; "": there is none. */
const char *share_error(struct share *s);

/* Counts a request that is over. */
void share_count(struct share *s, int route, int status);

/* Notes that `from` types to `to`, for 6 seconds, or stopped. Account ids beyond 32 bits are left
 * out. True: `to` is to be woken, which is so at most every 3 seconds. */
bool share_typing_set(struct share *s, int64_t to, int64_t from, bool typing);

/* What an upload asks for: `bytes` of what is left to its account (`own_left`) and on the disk
 * (`disk_left`), where other uploads on their way are not taken off yet. */
struct share_claim {
	uint64_t id; /* of the request */
	int64_t account_id, bytes, own_left, disk_left;
	pid_t reader; /* the web server's process that asks; 0: unknown */
	bool at_most; /* its size is not known: less will do, but something */
	int64_t own_taken; /* out: what others of the account had claimed already */
};

enum share_result { SHARE_CLAIMED, SHARE_NO_QUOTA, SHARE_NO_ROOM, SHARE_TOO_MANY };

/* Sets bytes aside until share_upload_end, or until others need them and the reader is no more.
 * SHARE_TOO_MANY: too many are on their way at once. */
enum share_result share_upload_claim(struct share *s, struct share_claim *c);

/* Gives them back; of one that is not there, nothing happens. */
void share_upload_end(struct share *s, uint64_t id);

/* Gives all back: some of them may have ended unheard. */
void share_upload_end_all(struct share *s);

/* True while somebody may be typing to some group: only then its members need to look. */
bool share_group_typing(struct share *s);

/* The groups to which somebody types now, each once, in `out`; returns how many. */
#define SHARE_TYPED_GROUPS ((size_t)SHARE_BUCKETS * SHARE_SLOTS)
int share_typed_groups(struct share *s, int64_t out[static SHARE_TYPED_GROUPS]);

/* Who types to `to` now: up to SHARE_SLOTS ids in `out`; returns how many. */
int share_typing_get(struct share *s, int64_t to, int64_t out[static SHARE_SLOTS]);

#endif
