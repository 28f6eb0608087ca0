/* Polling: what is new for an account. */
#ifndef SQL_STREAM_H
#define SQL_STREAM_H

#include "message.h"

struct poll {
	int64_t account_id, session_id, session_created_at, session_sent_seq, delivered_seq;
	int64_t from; /* the stream up to here is confirmed and not sent again */
	int64_t now;
};

/* Confirms the stream up to asked->from and reads the page that follows, claiming it. Writes only
 * if there is something to confirm or to hand out. DB_DONE. */
enum db_result
db_stream_poll(struct db *db, struct arena *a, const struct poll *asked, struct message_page *page);

#endif
