/* Reading messages: for the store's own files. */
#ifndef SQL_MESSAGE_INTERNAL_H
#define SQL_MESSAGE_INTERNAL_H

#include "columns.h"
#include "db_internal.h"
#include "message.h"

#define EXTERNAL_STATE 10 /* in RECEIPT_COLUMNS it is added to the state of an external one */

/* Reads MESSAGE_COLUMNS from column 0 on. DB_ROW; DB_BUSY as key_unwrap; DB_FAIL: the arena is
 * full. */
enum db_result
message_read(struct db *db, struct db_stmt *st, struct arena *a, struct message *out);

/* Reads RECEIPT_COLUMNS from column `c` on of the message of out->created_at: the state of the
 * least advanced recipient, and when all had got that far. */
void message_receipt(struct db *db, struct db_stmt *st, int c, struct message *out);

/* A delivery's state, as shown for the message: what nobody confirmed expires by the clock alone.
 */
enum delivery_state message_state(struct db *db, int64_t created_at, int state);

/* What was removed, or is about to be scrubbed, is shown no more. */
void message_hide(struct message *m);

/* Reads a page from a statement that asks for one row more than the page's limit: MESSAGE_COLUMNS,
 * then position, state, removed_at; page->with_own: then is_own, request_key. page->next is the
 * position of its last message, or `from`. DB_DONE.
 */
enum db_result message_page_read(
    struct db *db, struct db_stmt *st, struct arena *a, int64_t from, struct message_page *page);

#endif
