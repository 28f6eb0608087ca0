/* A store of the test's own: a migrated and sealed database, members who signed in, and short forms
 * of sending and polling that stop the test when they fail. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include "scratch.h"

#include "account.h"
#include "cleanup.h"
#include "db_internal.h"
#include "log.h"
#include "message.h"
#include "outbox.h"
#include "signin.h"
#include "text.h"
#include "lock.h"
#include "sqlite_internal.h"
#include "session_internal.h"
#include "account_internal.h"
#include "access_request.h"
#include "post.h"
#include "edit.h"
#include "stream.h"
#include "receipt.h"
#include "erase.h"
#include "search.h"
#include "seq.h"
#include "throttle.h"

#define NOW ((int64_t)1700000000000)
#define HOUR ((int64_t)3600000)
#define BUSY_TIMEOUT 120 /* milliseconds: more than the short one of the store */

struct store {
	char dir[SCRATCH_BYTES], path[SCRATCH_BYTES + 16];
	struct db_options options;
	struct db *db;
	struct arena arena;
	struct arena people; /* what accounts and sessions point to: a test may reset the other */
	char error[DB_ERROR_BYTES];
};

/* The store of the running test. */
static struct store store;

struct member {
	struct account acc;
	struct session s;
	uint8_t hash[SECRET_HASH_BYTES];
};

static inline struct db *
store_open(void)
{
	struct db *db = db_open(&store.options, store.error);

	if (!db)
		fail_msg("%s", store.error);
	return db;
}

/* An empty folder and the options; nothing is opened. */
static inline int
store_folder(void **state)
{
	char no_key[SECRET_ERROR_BYTES];

	(void)state;
	log_setup("unit", LOG_LEVEL_ERROR);
	scratch_make(store.dir);
	snprintf(store.path, sizeof(store.path), "%s/bridge.db", store.dir);
	store.options = (struct db_options){ .path = store.path, .busy_timeout_ms = BUSY_TIMEOUT };
	store.db = NULL;
	store.error[0] = '\0';
	arena_init(&store.arena, 8 << 20);
	arena_init(&store.people, 8 << 20);
	return secret_init() && secret_key_load(store.dir, true, no_key) ? 0 : -1;
}

static inline int
store_setup(void **state)
{
	if (store_folder(state) != 0 || !db_migrate(&store.options, store.error))
		return -1;
	store.db = store_open();
	db_seal(store.db);
	return 0;
}

static inline int
store_teardown(void **state)
{
	(void)state;
	db_close(store.db);
	arena_free(&store.arena);
	arena_free(&store.people);
	scratch_remove(store.dir);
	return 0;
}

/* Another connection, as another program would have it. */
static inline sqlite3 *
store_other(void)
{
	sqlite3 *h = NULL;

	assert_int_equal(sqlite3_open(store.path, &h), SQLITE_OK);
	return h;
}

static inline void
store_other_runs(const char *sql)
{
	sqlite3 *h = store_other();

	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

/* The first column of the first row as another connection sees it; -1 when there is no row. */
static inline int64_t
store_number(const char *fmt, ...)
{
	sqlite3 *h = store_other();
	sqlite3_stmt *st = NULL;
	int64_t n = -1;
	char sql[512];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(sql, sizeof(sql), fmt, ap) < (int)sizeof(sql));
	va_end(ap);
	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(h));
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(h);
	return n;
}

/* NAME@example.org signs in as NAME, from a device that has no name. */
static inline struct signin
signin_of(struct member *m, const char *name, int64_t now)
{
	char token[SECRET_TOKEN_BYTES];

	secret_token_make("pct_", token);
	secret_hash(token, m->hash);
	return (
	    struct signin){ .limit = { .email = arena_printf(&store.people, "%s@example.org", name),
				.client = "192.0.2.1",
				.now = now },
		.code = "123456",
		.chat_address = name,
		.display_name = "",
		.language = "",
		.device_name = "",
		.session_name = "",
		.listen_channel = "",
		.token_hash = m->hash };
}

/* Asks for the code and uses it. */
static inline enum signin_result
sign_in_as(struct member *m, const struct signin *in)
{
	enum signin_result result = SIGNIN_WRONG;
	int64_t retry_at = 0;

	assert_int_equal(db_code_request(store.db, &in->limit, in->code, NULL, &retry_at), DB_DONE);
	assert_int_equal(
	    db_code_verify(store.db, &store.people, in, &result, &m->acc, &m->s, &retry_at),
	    DB_DONE);
	return result;
}

static inline struct member
sign_in_at(const char *name, int64_t now)
{
	struct member m = { 0 };
	const struct signin in = signin_of(&m, name, now);

	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	return m;
}

static inline struct member
sign_in(const char *name)
{
	return sign_in_at(name, NOW);
}

/* Account and session as they are stored now. */
static inline void
fresh(struct member *m)
{
	assert_int_equal(
	    db_session_by_token(store.db, &store.people, m->hash, &m->s, &m->acc), DB_ROW);
}

struct sent {
	uint8_t id[ID_BYTES];
};

static inline struct actor
actor_of(const struct member *m)
{
	return (struct actor){ .account_id = m->acc.id, .session_id = m->s.id };
}

static inline struct message_new
letter(const struct member *from, const struct member *to, const char *text, int64_t now)
{
	return (struct message_new){ .sender_id = from->acc.id,
		.session_id = from->s.id,
		.channel = "pchat",
		.kind = "text",
		.destination = to->acc.chat_address,
		.text = text,
		.to = { TARGET_ACCOUNT, .account = { .id = to->acc.id } },
		.now = now };
}

static inline struct sent
send_at(const struct member *from, const struct member *to, const char *text, int64_t now)
{
	struct message_new m = letter(from, to, text, now);
	enum send_result result = SEND_REPEATED;
	struct sent sent;

	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ NULL }, &result), DB_DONE);
	assert_int_equal(result, SEND_NEW);
	memcpy(sent.id, m.public_id, ID_BYTES);
	return sent;
}

static inline struct sent
send_text(const struct member *from, const struct member *to, const char *text)
{
	return send_at(from, to, text, NOW);
}

#define PAGE_ALL ((struct message_page){ .limit = 100, .text_limit = 1 << 20 })

/* One poll from cursor `from`, with account and session as they are stored; with `changes` one that
 * asks for what the account's other sessions do. */
static inline struct message_page
poll_with(struct member *m, int64_t from, int64_t now, struct message_page page,
    struct change_page *changes)
{
	struct change_page none;
	struct poll p;

	fresh(m);
	p = (struct poll){ .account_id = m->acc.id,
		.session_id = m->s.id,
		.session_created_at = m->s.created_at,
		.session_sent_seq = m->s.sent_seq,
		.session_confirmed_seq = m->s.confirmed_seq,
		.session_own = m->s.own,
		.own = changes != NULL,
		.delivered_seq = m->acc.delivered_seq,
		.from = from,
		.now = now };
	assert_int_equal(
	    db_stream_poll(store.db, &store.arena, &p, &page, changes ? changes : &none), DB_DONE);
	fresh(m);
	return page;
}

static inline struct message_page
poll_page(struct member *m, int64_t from, int64_t now, struct message_page page)
{
	return poll_with(m, from, now, page, NULL);
}

static inline struct message_page
poll_from(struct member *m, int64_t from)
{
	return poll_page(m, from, NOW + 1, PAGE_ALL);
}

/* The page holds these texts, joined by blanks; a deleted message shows as "-". */
static inline void
page_is(const struct message_page *page, const char *want)
{
	char got[4096] = "";
	size_t len = 0;

	for (int i = 0; i < page->count; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "",
		    page->list[i].deleted_at ? "-" : page->list[i].text);
	assert_string_equal(got, want);
}

/* Polls from `from`, expects the texts, returns the next cursor. */
static inline int64_t
polls(struct member *m, int64_t from, const char *want)
{
	struct message_page page = poll_from(m, from);

	page_is(&page, want);
	return page.next;
}

/* How far the message got, as its sender sees it. */
static inline enum delivery_state
state_of(const struct member *sender, struct sent sent)
{
	struct message m = { .state = DELIVERY__MAX };

	assert_int_equal(db_receipt_get(store.db, sent.id, sender->acc.id, &m), DB_ROW);
	return m.state;
}

#endif
