/* What is content: the one table that scrubbing, backups without content, the search of what was
 * scrubbed and the tests read. X(table's column, what stands there once it is gone): an empty BLOB,
 * an empty TEXT, or NULL. A new column that says what somebody wrote, or to whom, is a line here.
 */
#ifndef SQL_CONTENT_H
#define SQL_CONTENT_H

/* What a message says. Gone once it was scrubbed, in every mode that scrubs. */
#define CONTENT_MESSAGE(X) \
	X(body, BLOB) \
	X(reply_to, NULL) X(request_id, NULL) X(duration_ms, NULL)
#define CONTENT_BRIDGE(X) X(bot_token, NULL) X(last_error, TEXT)
/* What is kept of a failure is its code. */
#define CONTENT_IDEMPOTENCY(X) X(body_mac, BLOB)

/* Where it went, or whom it is about. Gone besides in the modes that take all; the rows of `stream`
 * and `delivery` go with it. */
#define ROUTING_MESSAGE(X) X(address, BLOB) X(group_id, NULL) X(about_id, NULL) X(session_id, NULL)

/* Tables that hold nothing but content, or what hangs on it: a backup without content has no row of
 * theirs. */
#define CONTENT_TABLES(X) \
	X(message_file) \
	X(file) X(file_gone) X(outbox) X(bridge) X(login_code) X(prefs) X(prefs_key) X(push)

/* Pieces of statements; $1 is an empty blob. */
#define CONTENT_GONE_BLOB "$1"
#define CONTENT_GONE_TEXT "''"
#define CONTENT_GONE_NULL "NULL"
#define CONTENT_SET(column, gone) #column " = " CONTENT_GONE_##gone ", "
#define CONTENT_LEFT_BLOB(column) "length(" column ") > 0"
#define CONTENT_LEFT_TEXT(column) column " <> ''"
#define CONTENT_LEFT_NULL(column) column " IS NOT NULL"
#define CONTENT_IS_LEFT(column, gone) CONTENT_LEFT_##gone(#column) " OR "

#endif
