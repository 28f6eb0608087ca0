/* What became of a message, for its sender; and reading, by its recipient. */
#include "receipt.h"

#include "change_internal.h"
#include "message_internal.h"

enum db_result
db_receipt_read(struct db *db, struct actor who, const uint8_t (*ids)[ID_BYTES], int n, int64_t now,
    int *updated)
{
	enum db_result r = db_begin(db);
	bool others;

	*updated = 0;
	if (r != DB_DONE)
		return r;
	r = change_has_others(db, who.account_id, who.session_id);
	others = r == DB_ROW;
	for (int i = 0; i < n && !db_failed(r); i++) {
		r = change_exec(db, ST_DELIVERY_READ, &(struct db_blob){ ids[i], ID_BYTES },
		    who.account_id, now, db_expired_at(db));
		*updated += r == DB_DONE;
		if (r == DB_DONE && others)
			r = change_read(db, who.account_id, who.session_id, ids[i]);
	}
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_receipt_get(struct db *db, const uint8_t public_id[static ID_BYTES], int64_t account_id,
    struct message *out)
{
	struct db_stmt *st =
	    db_bind(db, ST_RECEIPT_GET, &(struct db_blob){ public_id, ID_BYTES }, account_id);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	out->id = db_i64(st, 3);
	out->created_at = db_i64(st, 4);
	message_receipt(db, st, 0, out);
	db_reset(st);
	return r;
}

enum db_result
db_receipt_list(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, int limit, struct receipt *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_RECEIPT_LIST, &(struct db_blob){ public_id, ID_BYTES },
	    account_id, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct receipt *p = &out[(*count)++];

		p->chat_address = db_text(st, 0, a, &ok);
		p->state = message_state(db, db_i64(st, 4), db_int(st, 1));
		p->delivered_at = db_i64(st, 2);
		p->read_at = db_i64(st, 3);
	}
	return ok ? r : DB_FAIL;
}
