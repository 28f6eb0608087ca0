/* The rounds of a piece of work: it is done in a forked process from the same state each time, with
 * another call of the C library failing. */
#ifndef TORTURE_TORTURE_H
#define TORTURE_TORTURE_H

#include "faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What comes back from the process that did the work. */
struct round {
	const struct fault *fault; /* NULL: the one that the others are held against */
	bool happened;
	bool ended; /* the process did, as it may */
	long counted[FAULT__MAX];
	char problem[1024]; /* "": none */
	int depth;
	const void *trace[FAULT_DEPTH]; /* where the call that failed came from */
};

struct work {
	char name[200];
	void *arg; /* in memory that processes share: a reference round may note things there */
	void (*run)(void *arg, struct round *r);
	void (*died)(void *arg, struct round *r); /* after a process that may end so; its remains */
	struct round reference;
};

struct torture {
	const char *only_class; /* NULL: all */
	long only_at; /* 0: all */
	uint64_t seed; /* of a sample; 0: everything */
	double seconds; /* of the processor's time, after which a sample ends */
	bool aloud; /* what led to a problem is shown, and what was logged */
	long rounds, faults, ended, problems; /* out */
};

/* All rounds, or a sample of them. */
void torture_run(struct torture *t, struct work *list, int count);

/* Called by a round when all was looked at: what leaked is a problem, if a sanitizer can tell. */
void torture_note(struct round *r);

/* Notes a problem; the first one counts. */
void torture_problem(struct round *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Memory that processes share. */
void *torture_shared(size_t size);

#endif
