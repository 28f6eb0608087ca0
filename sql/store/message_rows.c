/* Reading messages, what became of them, and pages of them. */
#include "message_rows.h"

#include "body.h"

#define OUTSIDE_STATE 10 /* in RECEIPT_COLUMNS */

bool
rows_message(struct db_stmt *st, struct arena *a, struct message *out)
{
	char *parts[BODY__MAX], *address[ADDRESS__MAX];
	bool ok = true;

	*out = (struct message){ .id = db_i64(st, 0),
		.sender_id = db_i64(st, 2),
		.created_at = db_i64(st, 11),
		.edited_at = db_i64(st, 12),
		.deleted_at = db_i64(st, 13),
		.scrubbed_at = db_i64(st, 14),
		.group_id = db_i64(st, 18),
		.duration_ms = db_i64(st, 19),
		.received_at = db_i64(st, 20) };
	if (!db_blob(st, 1, out->public_id, ID_BYTES) ||
	    !body_open(st, MESSAGE_BODY_COLUMN, out->public_id, a, parts, BODY__MAX) ||
	    !body_open(st, MESSAGE_ADDRESS_COLUMN, out->public_id, a, address, ADDRESS__MAX))
		return false;
	out->text = parts[BODY_TEXT];
	out->subject = parts[BODY_SUBJECT];
	out->title = parts[BODY_TITLE];
	out->source = parts[BODY_SOURCE];
	out->attachments = parts[BODY_ATTACHMENTS];
	out->waveform = parts[BODY_WAVEFORM];
	out->destination = address[ADDRESS_TO];
	out->channel = db_text(st, 3, a, &ok);
	out->kind = db_text(st, 4, a, &ok);
	out->is_reply = db_blob(st, 9, out->reply_to, ID_BYTES);
	out->actions = db_text(st, 10, a, &ok);
	out->from = address[ADDRESS_OUTSIDE] ? address[ADDRESS_OUTSIDE] : db_text(st, 15, a, &ok);
	out->from_name = address[ADDRESS_OUTSIDE] ? arena_strdup(a, "") : db_text(st, 16, a, &ok);
	out->event = parts[BODY_EVENT] ? parts[BODY_EVENT] : db_text(st, 17, a, &ok);
	return ok;
}

void
rows_hide_content(struct message *m)
{
	m->text[0] = '\0';
	m->subject = m->title = m->attachments = m->waveform = m->source = m->event = NULL;
	m->is_reply = false;
	m->duration_ms = 0;
}

enum delivery_state
rows_state(struct db *db, int64_t created_at, int state)
{
	if (state >= OUTSIDE_STATE)
		return (enum delivery_state)(state - OUTSIDE_STATE);
	if (state < 0 || (state < DELIVERY_DELIVERED && created_at <= db_expired_at(db)))
		return DELIVERY_EXPIRED;
	return (enum delivery_state)state;
}

void
rows_receipt(struct db *db, struct db_stmt *st, int c, struct message *out)
{
	out->state = rows_state(db, out->created_at, db_int(st, c));
	out->delivered_at =
	    out->state == DELIVERY_DELIVERED || out->state == DELIVERY_READ ? db_i64(st, c + 1) : 0;
	out->read_at = out->state == DELIVERY_READ ? db_i64(st, c + 2) : 0;
}

static bool
read_row(struct db_stmt *st, struct arena *a, struct message *m)
{
	int64_t removed_at = db_i64(st, MESSAGE_COLUMN_COUNT + 2);

	if (!rows_message(st, a, m))
		return false;
	m->seq = db_i64(st, MESSAGE_COLUMN_COUNT);
	m->state = (enum delivery_state)db_int(st, MESSAGE_COLUMN_COUNT + 1);
	if (removed_at) {
		m->deleted_at = removed_at;
		rows_hide_content(m);
	}
	return true;
}

enum db_result
rows_page(
    struct db *db, struct db_stmt *st, struct arena *a, int64_t from, struct message_page *page)
{
	size_t text = 0;
	enum db_result r = DB_FAIL;

	page->count = 0;
	page->more = false;
	page->next = from;
	page->list = arena_alloc(a, (size_t)page->limit * sizeof(*page->list));
	while (page->list && (r = db_step(db, st)) == DB_ROW) {
		struct message *m = &page->list[page->count];

		text += body_text_bytes(st, MESSAGE_BODY_COLUMN);
		page->more =
		    page->count == page->limit || (page->count > 0 && text > page->text_limit);
		if (page->more || !read_row(st, a, m)) {
			r = page->more ? DB_DONE : DB_FAIL;
			break;
		}
		page->next = m->seq;
		page->count++;
	}
	db_reset(st);
	return r;
}
