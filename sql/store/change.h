/* What a poll carries beside messages, for clients that ask: how messages moved on, and which of
 * the user's own records changed. */
#ifndef SQL_CHANGE_H
#define SQL_CHANGE_H

#include "message.h"

/* So many changes of messages a page carries. */
#define CHANGES_MAX 500

/* Records of a user that clients keep a copy of. */
enum change_subject {
	SUBJECT_PROFILE,
	SUBJECT_CONTACTS,
	SUBJECT_BLOCKS,
	SUBJECT_GROUPS,
	SUBJECT__MAX
};

/* The wire's word for a subject. */
const char *change_subject_name(enum change_subject s);

/* A message that the user sent moved on, or one that they received was read in another session. */
struct change {
	uint8_t public_id[ID_BYTES];
	enum delivery_state state;
	int64_t at; /* when it came to that state; 0: not known */
};

struct change_page {
	struct change *list; /* in the arena */
	int count;
	bool subjects[SUBJECT__MAX];
};

#endif
