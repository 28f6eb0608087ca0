/* Polling: what is new for an account. */
#ifndef SQL_STREAM_H
#define SQL_STREAM_H

#include "change.h"

struct poll {
	int64_t account_id, session_id, session_created_at, session_sent_seq, delivered_seq;
	int64_t session_confirmed_seq;
	bool session_own; /* what it asked for the last time */
	bool own; /* it asks for what the account's other sessions do, and for changes */
	int64_t from; /* the stream up to here is confirmed and not sent again */
	int64_t now;
};

/* Confirms the stream up to asked->from and reads the page that follows, claiming it, and with
 * asked->own the changes up to its end. Writes only if there is something to confirm or to hand
 * out, or `own` is another than before. DB_DONE. */
enum db_result db_stream_poll(struct db *db, struct arena *a, const struct poll *asked,
    struct message_page *page, struct change_page *changes);

#endif
