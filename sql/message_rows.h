/* Reading message rows: shared by the store's own files. */
#ifndef SQL_MESSAGE_ROWS_H
#define SQL_MESSAGE_ROWS_H

#include "db_internal.h"
#include "message.h"

#define MESSAGE_COLUMN_COUNT 23
#define MESSAGE_TEXT_COLUMN 6
#define MESSAGE_ATTACHMENTS_COLUMN 19

/* Reads MESSAGE_COLUMNS from column 0 on; false when the arena is full. */
bool rows_message(sqlite3_stmt *st, struct arena *a, struct message *out);

/* Reads RECEIPT_COLUMNS from column `c` on: the state of the least advanced recipient, and when all
 * had got that far. */
void rows_receipt(sqlite3_stmt *st, int c, struct message *out);

/* Reads a page from a statement that asks for one row more than the page's limit: MESSAGE_COLUMNS,
 * then place, state, removed_at. page->next is the place of its last message, or `from`. DB_DONE.
 */
enum db_result rows_page(
    struct db *db, sqlite3_stmt *st, struct arena *a, int64_t from, struct message_page *page);

#endif
