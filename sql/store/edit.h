/* Editing and withdrawing a message, and removing it for oneself. */
#ifndef SQL_EDIT_H
#define SQL_EDIT_H

#include "actor.h"
#include "message.h"

enum change_result {
	CHANGE_DONE,
	CHANGE_FORBIDDEN,
	CHANGE_TOO_LATE,
	CHANGE_WITHDRAWN,
	CHANGE_WAITING_FULL, /* too much of the sender's waits already */
	CHANGE_REMOVED
};

/* Replaces the text; the sender's right alone, for `window_ms` after sending. DB_DONE with *result,
 * or DB_NONE. */
enum db_result
db_message_edit(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    struct actor who, const char *text, int64_t window_ms, int64_t now, enum change_result *result);

/* Withdraws a message for everyone (its sender: CHANGE_DONE) or removes it for oneself (a
 * recipient: CHANGE_REMOVED). Doing it again changes nothing. DB_DONE with *result, or DB_NONE. */
enum db_result
db_message_delete(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    struct actor who, int64_t now, enum change_result *result);

#endif
