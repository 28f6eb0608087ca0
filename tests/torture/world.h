/* A relay in one process: folder, settings, store, worker and turns as a worker of the pool has
 * them, and a web server's side of its socket. Time stands still and chance is always the same, so
 * that the same call does the same each time. */
#ifndef TORTURE_WORLD_H
#define TORTURE_WORLD_H

#include "faults.h"

#include "conf.h"
#include "turn.h"

#include <stddef.h>
#include <stdint.h>

#define WORLD_PATH 512
#define REPLY_BYTES 131072

struct world {
	char dir[WORLD_PATH];
	struct conf conf;
	struct worker worker;
	struct wake wake;
	struct turn turn;
	int listen_fd;
	bool is_open;
};

extern struct world world;

/* A call as a web server hands it over. `path` has the query behind it; `extra` holds more
 * parameters, "NAME=VALUE" separated by blanks; with BODY_FILE=1 among them the body is a file. */
struct asked {
	const char *method, *path, *token, *body, *extra;
};

struct reply {
	int status; /* 0: there was none */
	size_t len;
	char text[REPLY_BYTES]; /* the headers and the body; NUL-terminated */
};

/* Makes an empty relay in a new folder below `base` with these lines of settings, and opens it. */
void world_make(const char *base, const char *settings);

/* The store, the worker and its turns, as a new worker process has them. False: see `error`. */
bool world_open(char *error);
void world_close(void);

/* Removes the folder. */
void world_remove(void);

/* People, groups, messages and all else that the cases name. */
void world_fill(void);

/* The texts with {NAME} replaced by what world_fill kept under it; valid until the fourth next
 * call. */
const char *world_text(const char *text);

/* From here on it is so many seconds later. */
void world_later(long sec);

/* From here on chance is as after this number. */
void world_chance(uint64_t number);

/* Calls; with a fault, the worker's side of it alone has it. */
void world_call(const struct asked *a, const struct fault *f, struct reply *out);

/* Ends the program with a line. */
void give_up(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
