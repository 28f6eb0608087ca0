/* Calls to the C library that fail when they are told to: linked into a program, or loaded before
 * it (LD_PRELOAD). Calls are counted by class; the call of a number fails, and those after it if
 * that is wanted. */
#ifndef TORTURE_FAULTS_H
#define TORTURE_FAULTS_H

#include <stdbool.h>

/* What may fail together. FAULT_LIBFCGI is memory that libfcgi asks for, FAULT_JSON_C a copy of a
 * name by json-c: these end the process where there is none, and nobody can keep them from that. */
enum fault_class {
	FAULT_MEMORY,
	FAULT_LIBFCGI,
	FAULT_JSON_C,
	FAULT_OPEN,
	FAULT_READ,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_TRUNCATE,
	FAULT_NAME,
	FAULT_UNLINK,
	FAULT_LOCK,
	FAULT_MAP,
	FAULT_TALK,
	FAULT__MAX
};

#define FAULT_DEPTH 24 /* of a trace */
#define FAULT_SHORT (-1) /* instead of an errno: half of the bytes */

/* A way in which the calls of a class may fail. */
struct fault_way {
	enum fault_class class;
	const char *class_name, *name;
	int error; /* errno, or FAULT_SHORT */
	bool lasts; /* may also fail from there on; else the next call succeeds */
};

/* Ends with an entry without a name. */
extern const struct fault_way fault_ways[];

struct fault {
	const struct fault_way *way; /* NULL: calls are only counted */
	long at; /* the number of the call that fails, from 1 */
	bool lasting;
};

/* From here on; counts start at 0. */
void faults_arm(const struct fault *f);

/* Back to the C library alone. */
void faults_disarm(void);

/* Has this called when one fails first. */
void faults_on(void (*failed)(void));

/* Did one fail since then? How many calls of the class were there? */
bool faults_happened(void);
long faults_counted(enum fault_class class);

/* Where the call that failed first came from, for a report. */
const void *const *faults_trace(int *depth);

#endif
