/* Who does something. */
#ifndef SQL_ACTOR_H
#define SQL_ACTOR_H

#include <stdint.h>

/* A user in one of their sessions, or by one of their keys. */
struct actor {
	int64_t account_id, session_id;
};

#endif
