/* What a poll carries beside messages, for clients that ask: how messages moved on, and which of
 * the user's own records changed. */
#ifndef SQL_CHANGE_H
#define SQL_CHANGE_H

#include "message.h"
#include "record.h"

/* So many changes of messages a page carries. */
#define CHANGES_MAX 500

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
