/* Scrubbing: what a message said, and where it went, is cleared from the store. Inside a write.
 * That it is gone from the files too needs a checkpoint of the WAL, which is housekeeping's. */
#ifndef SQL_SCRUB_H
#define SQL_SCRUB_H

#include "db_internal.h"
#include "message.h"

/* What MESSAGE_RETENTION_MODE says: does the text go with the response that hands it out, and does
 * it also take where it went? */
bool scrub_is_on_claim(const struct db *db);
bool scrub_takes_all(const struct db *db);

/* Clears what a message said: body, key, label, reply, what its idempotency record knows. Its files
 * stay until scrub_files. DB_DONE. */
enum db_result scrub_content(
    struct db *db, int64_t message_id, const uint8_t public_id[static ID_BYTES], int64_t now);

/* Lets go of the files that the message names; those that no other message names are deleted,
 * whoever sent them on, and those that only final ones name are held for their recipients. DB_DONE.
 */
enum db_result scrub_files(struct db *db, int64_t message_id, int64_t now);

/* The message was scrubbed: its files, unless one that is open names them, go at once if all
 * recipients have fetched them, else when they have, or after file_hold_ms. DB_DONE. */
enum db_result scrub_hold_files(struct db *db, int64_t message_id, int64_t now);

/* Clears the address that a message went to or came from. DB_DONE. */
enum db_result scrub_address(struct db *db, int64_t message_id);

/* Clears who got a message that is final: one delivery for nobody is left, with what the sender may
 * still learn. DB_DONE. */
enum db_result scrub_recipients(struct db *db, int64_t message_id);

#endif
