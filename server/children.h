/* All children of the parent: as many of each kind as the table of kinds wants, replaced when they
 * die, stopped in the order of their turns. */
#ifndef SERVER_CHILDREN_H
#define SERVER_CHILDREN_H

#include "child.h"

#define CHILDREN_MAX 160 /* twice the most workers, for a reload, and a few */

/* Starts as zeros but for `setup`. */
struct children {
	struct kind_setup setup;
	struct child all[CHILDREN_MAX];
	int64_t due_ms[KIND__MAX]; /* of a pass: when the next one is, monotonic */
	bool stopping; /* who dies is not planned again */
};

/* Makes sockets and bells that the table names, in `setup`. False: see errno. */
bool children_prepare(struct children *all);

/* Closes them and removes the sockets. */
void children_close(struct children *all);

/* Starts what is missing, and what died and has waited its time; stops what is not wanted. */
void children_tend(struct children *all);

/* Notes who died. */
void children_reap(struct children *all);

/* Milliseconds until somebody is to be started again; `most` when that is sooner. */
int64_t children_wait_ms(struct children *all, int64_t most);

/* How many of the kind have a process. */
int children_alive(struct children *all, enum kind k);

/* Each returns how many are still there; call it until that is 0. */
int children_stop(struct children *all, enum kind k, int grace_ms);
int children_stop_older(struct children *all); /* those that run with older settings */
int children_stop_all(struct children *all);

/* Tells every kind of new settings, or to open its log anew, by the signal of its line. */
void children_signal_reload(struct children *all);
void children_signal_log(struct children *all);

#endif
