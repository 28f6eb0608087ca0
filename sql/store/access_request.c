/* Requests for access by people outside the allow-list, and the message which notifies admins of
 * them. */
#include "access_request.h"

#include "audit.h"
#include "cleanup.h"
#include "channel.h"
#include "post.h"
#include "throttle.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1 << 16)

static enum db_result
read_row(struct db_stmt *st, struct arena *a, struct access_request *out)
{
	bool ok = true;

	out->id = db_i64(st, 0);
	if (!db_blob(st, 1, out->public_id, ID_BYTES))
		return DB_FAIL;
	out->email = db_text(st, 2, a, &ok);
	out->display_name = db_text(st, 3, a, &ok);
	out->status = (enum access_status)db_int(st, 4);
	out->created_at = db_i64(st, 5);
	return ok ? DB_ROW : DB_FAIL;
}

static enum db_result
read_one(struct db *db, struct db_stmt *st, struct arena *a, struct access_request *out)
{
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	r = read_row(st, a, out);
	db_reset(st);
	return r;
}

/* One message from the relay itself. */
static enum db_result
notify(struct db *db, int64_t admin_id, const char *admin_address, const struct access_request *q,
    int64_t now)
{
	struct fact fact = { .type = FACT_ACCESS,
		.role = GROUP_NOBODY,
		.address = q->email,
		.name = q->display_name,
		.group_name = "",
		.has_request = true };
	struct message_new m = { .channel = CHANNEL_CHAT,
		.kind = "system",
		.destination = admin_address,
		.fact = &fact,
		.to = { TARGET_ACCOUNT, .account = { .id = admin_id } },
		.now = now };

	memcpy(fact.request, q->public_id, ID_BYTES);
	return post_put(db, &m);
}

static enum db_result
notify_admins(struct db *db, const struct access_request *q, int64_t now)
{
	int64_t last = 0;
	enum db_result r;

	do {
		struct db_stmt *st = db_bind(db, ST_ACCOUNT_ADMIN_IDS, last);
		char address[80];

		r = db_step(db, st);
		if (r != DB_ROW)
			break;
		last = db_i64(st, 0);
		snprintf(address, sizeof(address), "%s", db_str(st, 1));
		db_reset(st);
		r = notify(db, last, address, q, now);
	} while (r == DB_DONE);
	return r;
}

enum db_result
access_notify_pending(struct db *db, const struct account *admin, int64_t now)
{
	struct access_request q = { .id = 0 };
	struct arena a;
	enum db_result r;

	arena_init(&a, ARENA_BYTES);
	while ((r = read_one(db, db_bind(db, ST_ACCESS_PENDING, q.id), &a, &q)) == DB_ROW) {
		r = notify(db, admin->id, admin->chat_address, &q, now);
		arena_reset(&a);
		if (r != DB_DONE)
			break;
	}
	arena_free(&a);
	return r == DB_NONE ? DB_DONE : r;
}

static enum db_result
ask(struct db *db, const struct signin_limit *l, char *display_name, const struct mail *mail,
    int64_t *retry_at)
{
	char email[256];
	struct access_request q = { .email = email, .display_name = display_name };
	enum db_result r = throttle_signin(db, l, retry_at);

	if (r == DB_DONE && !*retry_at && mail)
		r = outbox_put(db, mail, l->now);
	if (r != DB_DONE || *retry_at)
		return r;
	snprintf(email, sizeof(email), "%s", l->email);
	id_make(q.public_id);
	r = db_find(db, ST_ACCESS_INSERT, &(struct db_blob){ q.public_id, ID_BYTES }, l->email,
	    display_name, l->now);
	if (r != DB_ROW) /* asked before: nobody is notified again */
		return r == DB_NONE ? DB_DONE : r;
	return notify_admins(db, &q, l->now);
}

enum db_result
db_access_ask(struct db *db, const struct signin_limit *l, const char *display_name,
    const struct mail *mail, int64_t *retry_at)
{
	char name[300];
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	snprintf(name, sizeof(name), "%s", display_name);
	return db_end(db, ask(db, l, name, mail, retry_at));
}

enum db_result
db_access_by_email(struct db *db, struct arena *a, const char *email, struct access_request *out)
{
	return read_one(db, db_bind(db, ST_ACCESS_BY_EMAIL, email), a, out);
}

enum db_result
db_access_list(struct db *db, struct arena *a, int64_t before, int limit,
    struct access_request *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_ACCESS_LIST, before, (int64_t)limit);
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW)
		if (read_row(st, a, &out[(*count)++]) != DB_ROW) {
			db_reset(st);
			return DB_FAIL;
		}
	return r;
}

/* Takes one notice out of the streams of admins. DB_DONE, or DB_NONE: there is none. */
static enum db_result
forget_notice(struct db *db, const uint8_t request_id[static ID_BYTES])
{
	struct db_stmt *st =
	    db_bind(db, ST_ACCESS_NOTICE, &(struct db_blob){ request_id, ID_BYTES });
	int64_t id;
	enum db_result r = db_number(db, st, &id);

	if (r != DB_ROW)
		return r;
	r = db_exec(db, ST_MESSAGE_DELETE, id);
	return db_failed(r) ? r : DB_DONE;
}

enum db_result
access_forget(struct db *db, struct arena *a, const char *email)
{
	struct access_request q;
	enum db_result r = db_access_by_email(db, a, email, &q);

	if (r != DB_ROW)
		return r == DB_NONE ? DB_DONE : r;
	do
		r = forget_notice(db, q.public_id);
	while (r == DB_DONE);
	if (r == DB_NONE)
		r = db_exec(db, ST_ACCESS_DELETE, email);
	return db_failed(r) ? r : DB_DONE;
}

static enum db_result
decide(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES], bool approve,
    struct mail *mail, const char *actor, int64_t now, enum access_result *result)
{
	enum access_status want = approve ? ACCESS_APPROVED : ACCESS_DENIED;
	char id[ID_TEXT_BYTES];
	struct access_request q;
	enum db_result r;

	r = read_one(
	    db, db_bind(db, ST_ACCESS_BY_ID, &(struct db_blob){ public_id, ID_BYTES }), a, &q);
	if (r != DB_ROW)
		return r;
	*result = q.status == ACCESS_PENDING || q.status == want ? ACCESS_DECIDED :
								   ACCESS_DECIDED_OTHERWISE;
	if (q.status != ACCESS_PENDING)
		return DB_DONE;
	r = db_exec(db, ST_ACCESS_DECIDE, q.id, (int64_t)want, now);
	id_format("req_", q.public_id, id);
	if (r == DB_DONE)
		r = audit_note(db, now, actor, approve ? "approve-access" : "deny-access", id);
	if (r != DB_DONE || !mail)
		return r;
	mail->recipient = q.email;
	return outbox_put(db, mail, now);
}

enum db_result
db_access_decide(struct db *db, struct arena *a, const uint8_t public_id[static ID_BYTES],
    bool approve, struct mail *mail, const char *actor, int64_t now, enum access_result *result)
{
	enum db_result r = db_begin(db);

	return r == DB_DONE ?
	    db_end(db, decide(db, a, public_id, approve, mail, actor, now, result)) :
	    r;
}
