/* Messages: reading them, what became of them, and pages of them. */
#include "message_internal.h"

#include "body.h"

#include <string.h>

const char *
delivery_state_name(enum delivery_state s)
{
	static const char *const names[DELIVERY__MAX] = { "queued", "claimed", "delivered", "read",
		"sent", "failed", "expired" };

	return names[s];
}

bool
message_is_reaction(const char *kind)
{
	return strcmp(kind, "reaction") == 0;
}

bool
delivery_may_become(enum delivery_state from, enum delivery_state to)
{
	static const int rank[DELIVERY__MAX] = { [DELIVERY_QUEUED] = 0,
		[DELIVERY_CLAIMED] = 1,
		[DELIVERY_SENT] = 2,
		[DELIVERY_DELIVERED] = 3,
		[DELIVERY_READ] = 4,
		[DELIVERY_FAILED] = 5,
		[DELIVERY_EXPIRED] = 5 };

	if (to == DELIVERY_FAILED || to == DELIVERY_EXPIRED)
		return rank[from] < rank[DELIVERY_SENT];
	return rank[to] > rank[from];
}

enum db_result
message_read(struct db *db, struct db_stmt *st, struct arena *a, struct message *out)
{
	char *parts[BODY__MAX], *address[ADDRESS__MAX];
	enum db_result r;
	bool ok = true;

	*out = (struct message){ .id = db_i64(st, MESSAGE_ID_COLUMN),
		.sender_id = db_i64(st, MESSAGE_SENDER_ID_COLUMN),
		.created_at = db_i64(st, MESSAGE_CREATED_AT_COLUMN),
		.edited_at = db_i64(st, MESSAGE_EDITED_AT_COLUMN),
		.deleted_at = db_i64(st, MESSAGE_DELETED_AT_COLUMN),
		.scrubbed_at = db_i64(st, MESSAGE_SCRUBBED_AT_COLUMN),
		.group_id = db_i64(st, MESSAGE_GROUP_ID_COLUMN),
		.duration_ms = db_i64(st, MESSAGE_DURATION_MS_COLUMN),
		.received_at = db_i64(st, MESSAGE_RECEIVED_AT_COLUMN) };
	if (!db_blob(st, MESSAGE_PUBLIC_ID_COLUMN, out->public_id, ID_BYTES))
		return DB_FAIL;
	r = body_open(db, st, MESSAGE_BODY_COLUMN, out->public_id, a, parts, BODY__MAX);
	if (r == DB_DONE)
		r = body_open(
		    db, st, MESSAGE_ADDRESS_COLUMN, out->public_id, a, address, ADDRESS__MAX);
	if (r != DB_DONE)
		return r;
#define SEALED(NAME, field, shown) out->field = parts[BODY_##NAME];
#include "sealed.def"
#undef SEALED
	out->destination = address[ADDRESS_TO];
	out->phone_id = address[ADDRESS_PHONE];
	out->channel = db_text(st, MESSAGE_CHANNEL_COLUMN, a, &ok);
	out->kind = db_text(st, MESSAGE_KIND_COLUMN, a, &ok);
	out->is_reply = db_blob(st, MESSAGE_REPLY_TO_COLUMN, out->reply_to, ID_BYTES);
	out->from = address[ADDRESS_EXTERNAL] ? address[ADDRESS_EXTERNAL] :
						db_text(st, MESSAGE_FROM_COLUMN, a, &ok);
	out->from_name = address[ADDRESS_EXTERNAL] ? arena_strdup(a, "") :
						     db_text(st, MESSAGE_FROM_NAME_COLUMN, a, &ok);
	if (out->packed_fact)
		ok = fact_unpack(a, out->packed_fact, &out->fact) && ok;
	if (out->fact)
		out->fact->has_request =
		    db_blob(st, MESSAGE_REQUEST_ID_COLUMN, out->fact->request, ID_BYTES);
	return ok ? DB_ROW : DB_FAIL;
}

void
message_hide(struct message *m)
{
	char *text = m->text;

#define SEALED(NAME, field, shown) m->field = NULL;
#include "sealed.def"
#undef SEALED
	m->text = text;
	m->text[0] = '\0';
	m->fact = NULL;
	m->is_reply = false;
	m->duration_ms = 0;
}

enum delivery_state
message_state(struct db *db, int64_t created_at, int state)
{
	if (state >= EXTERNAL_STATE)
		return (enum delivery_state)(state - EXTERNAL_STATE);
	if (state < 0 || (state < DELIVERY_DELIVERED && created_at <= db_expired_at(db)))
		return DELIVERY_EXPIRED;
	return (enum delivery_state)state;
}

void
message_receipt(struct db *db, struct db_stmt *st, int c, struct message *out)
{
	out->state = message_state(db, out->created_at, db_int(st, c));
	out->delivered_at =
	    out->state == DELIVERY_DELIVERED || out->state == DELIVERY_READ ? db_i64(st, c + 1) : 0;
	out->read_at = out->state == DELIVERY_READ ? db_i64(st, c + 2) : 0;
}

static bool
read_own(struct db_stmt *st, struct arena *a, struct message *m)
{
	bool ok = true;

	m->is_own = db_int(st, MESSAGE_COLUMN_COUNT + 3);
	m->request_key = db_text(st, MESSAGE_COLUMN_COUNT + 4, a, &ok);
	return ok;
}

/* DB_ROW, or as message_read. */
static enum db_result
read_row(struct db *db, struct db_stmt *st, struct arena *a, bool with_own, struct message *m)
{
	int64_t removed_at = db_i64(st, MESSAGE_COLUMN_COUNT + 2);
	enum db_result r = message_read(db, st, a, m);

	if (r != DB_ROW)
		return r;
	m->seq = db_i64(st, MESSAGE_COLUMN_COUNT);
	m->state = (enum delivery_state)db_int(st, MESSAGE_COLUMN_COUNT + 1);
	if (removed_at) {
		m->deleted_at = removed_at;
		message_hide(m);
	}
	return !with_own || read_own(st, a, m) ? DB_ROW : DB_FAIL;
}

/* Who did what the messages tell of. DB_DONE. */
static enum db_result
name_actors(struct db *db, struct arena *a, const struct message *list, int count)
{
	enum db_result r = DB_DONE;

	for (int i = 0; i < count && r == DB_DONE; i++)
		if (list[i].fact)
			r = fact_name_actor(db, a, list[i].fact);
	return r;
}

enum db_result
message_page_read(
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
		r = page->more ? DB_DONE : read_row(db, st, a, page->with_own, m);
		if (r != DB_ROW)
			break;
		page->next = m->seq;
		page->count++;
	}
	db_reset(st);
	return r == DB_DONE ? name_actors(db, a, page->list, page->count) : r;
}

/* The account's own delivery of a message: DB_ROW or DB_NONE. */
static enum db_result
delivery_get(
    struct db *db, int64_t message_id, int64_t account_id, struct message *out, int64_t *removed_at)
{
	struct db_stmt *st = db_bind(db, ST_DELIVERY_GET, message_id, account_id);
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	out->state = message_state(db, out->created_at, db_int(st, 0));
	out->delivered_at = db_i64(st, 1);
	out->read_at = db_i64(st, 2);
	*removed_at = db_i64(st, 3);
	db_reset(st);
	return r;
}

/* Any message by its id, as its sender sees it. DB_ROW or DB_NONE. */
static enum db_result
message_find(
    struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES], struct message *out)
{
	struct db_stmt *st =
	    db_bind(db, ST_MESSAGE_BY_ID, &(struct db_blob){ public_id, ID_BYTES });
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	r = message_read(db, st, a, out);
	message_receipt(db, st, MESSAGE_COLUMN_COUNT, out);
	db_reset(st);
	if (r == DB_ROW && name_actors(db, a, out, 1) != DB_DONE)
		r = DB_FAIL;
	return r;
}

enum db_result
db_message_get(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    int64_t account_id, struct message *out)
{
	int64_t removed_at = 0;
	enum db_result r = message_find(db, a, public_id, out);

	if (r != DB_ROW)
		return r;
	if (out->sender_id == account_id) {
		if (out->state == DELIVERY_EXPIRED)
			message_hide(out);
		return r;
	}
	r = delivery_get(db, out->id, account_id, out, &removed_at);
	return r == DB_ROW && (removed_at || out->state == DELIVERY_EXPIRED) ? DB_NONE : r;
}

enum db_result
db_message_export(struct db *db, struct arena *a, int64_t account_id, bool sent, int64_t after,
    struct message_page *page)
{
	struct db_stmt *st = db_bind(db, sent ? ST_EXPORT_SENT : ST_EXPORT_RECEIVED, account_id,
	    after, (int64_t)page->limit + 1);

	return message_page_read(db, st, a, after, page);
}
