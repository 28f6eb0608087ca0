/* The children of the parent as a table: what each kind is, how many run, what ends with one. */
#ifndef SERVER_KINDS_H
#define SERVER_KINDS_H

#include "conf.h"
#include "live.h"
#include "share.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The lines of the table, in the order in which they are started. */
enum kind {
	KIND_NGINX,
	KIND_WORKER,
	KIND_ASK,
	KIND_MAILER,
	KIND_LIVE,
	KIND_BROADCAST,
	KIND_EPOCHS,
	KIND_SWEEP,
	KIND__MAX
};

/* What children are started from. */
struct kind_setup {
	const struct conf *conf;
	struct share *share;
	struct live *live;
	const char *dir, *program_dir, *run_dir;
	bool with_nginx;
	int listen_fd[KIND__MAX], bell_fd[KIND__MAX]; /* of kinds that have them */
	int ready_fd;
	uint32_t generation; /* of the settings: counted up with new ones */
	uid_t uid;
	gid_t gid;
};

/* What stands behind a word of a command line. Descriptors stay open in the program. */
enum kind_value {
	VALUE_NONE, /* nothing: the word stands alone */
	VALUE_DIR, /* the operator's folder */
	VALUE_RUN_DIR, /* its run folder, with a slash at its end */
	VALUE_BELL_FD, /* the kind's own */
	VALUE_LIVE_FD, /* socket, memory and bell of relay-live */
	VALUE_WAKE_FD,
	VALUE_WAKE_BELL_FD,
	VALUE_LIVE_MAX,
	VALUE_LOG_LEVEL,
	VALUE_UID,
	VALUE_GID
};

#define KIND_WORDS 8 /* the most of a command line, each with a value or without */

struct kind_word {
	const char *word;
	enum kind_value value;
};

/* How long one lives. */
enum kind_life {
	LIFE_SETTINGS, /* started again when it dies; new settings start others, then it ends */
	LIFE_KEPT, /* started again when it dies; `reload_signal` tells it of new settings */
	LIFE_PASS /* runs to its end, and again after a while, one at a time */
};

enum kind_flag {
	KIND_OF_PATH = 1, /* the program is the system's, not one beside relayd */
	KIND_GROUP = 2, /* has a process group, which ends with it, and works in the run folder */
	KIND_BARE = 4, /* sees nothing of our environment, which may hold secrets */
	KIND_RENEWS = 8, /* may end with status 0 at any time and is replaced at once */
	KIND_BELL = 16, /* is woken by an eventfd */
	ENDS_UPLOADS_IF_KILLED = 32, /* maybe nobody will say that uploads on their way ended */
	ENDS_STREAMS = 64, /* live streams end with it */
	KIND_HOLDS_SIGNALS =
	    128 /* starts with those of reload and log blocked, and takes them once up */
};

struct kind_line {
	const char *name; /* in the log */
	/* a program and its command line, or what runs in the forked process; returns its status */
	const char *program;
	struct kind_word words[KIND_WORDS];
	int (*run)(const struct kind_setup *s, enum kind k, pid_t parent);
	const char
	    *socket; /* in the run folder, where it listens; NULL: nowhere, or made elsewhere */
	int (*wanted)(const struct kind_setup *s); /* how many; of a pass: every so many seconds */
	enum kind_life life;
	unsigned flags; /* enum kind_flag */
	int reload_signal, log_signal; /* log_signal: open the log anew; 0: none */
	int stop_signal, stop_turn, grace_ms; /* the first turn is over before the second begins */
};

#define KIND_TURNS 2

extern const struct kind_line kinds[KIND__MAX];

/* The text of a value, in `out`; a descriptor is made to stay open, so call it in the child. */
void kind_value(const struct kind_setup *s, enum kind k, enum kind_value v, char *out, size_t size);

#endif
