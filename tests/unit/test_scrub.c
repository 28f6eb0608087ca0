/* Scrubbing one message: what the store forgets in each way, and what it must go on knowing. */
#include "store_fixture.h"

#include "block.h"
#include "bridge.h"
#include "clock.h"
#include "file.h"
#include "scrub.h"
#include "sweep.h"
#include "sweep_pass.h"

static struct member ann, bob, carl;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	carl = sign_in("carl");
	store.db->retention = RETENTION_SCRUB_ALL_ON_FINAL;
	return 0;
}

/* The messages' part of a pass at `now`. */
static void
sweep_at(int64_t now)
{
	const struct conf c = { .queue_ttl_sec = 3600,
		.pchat_queue_ttl_sec = 3600,
		.retention_mode = (int)store.db->retention };
	struct sweep_plan plan;
	int64_t cursor = 0, count = 0;

	sweep_make_plan(&c, now, &plan);
	while (db_sweep_step(store.db, &plan, SWEEP_BRIDGE, now, &cursor, &count) == DB_DONE)
		;
	cursor = 0;
	while (db_sweep_step(store.db, &plan, SWEEP_MESSAGES, now, &cursor, &count) == DB_DONE)
		;
}

static void
sweep(void)
{
	sweep_at(NOW + 2);
}

static void
confirm(struct member *m, const char *texts)
{
	polls(m, polls(m, m->acc.delivered_seq, texts), "");
}

static struct message
receipt(struct sent sent)
{
	struct message m = { .state = DELIVERY__MAX };

	assert_int_equal(db_receipt_get(store.db, sent.id, ann.acc.id, &m), DB_ROW);
	return m;
}

static void
mark_read(struct member *m, struct sent sent, int64_t now)
{
	int updated = 0;

	assert_int_equal(db_receipt_read(store.db, actor_of(m),
			     (const uint8_t(*)[ID_BYTES]) & sent.id, 1, now, &updated),
	    DB_DONE);
	assert_int_equal(updated, 1);
}

TEST(content_goes_with_all_that_says_what_it_was)
{
	struct message_new m = letter(&ann, &bob, "text", NOW);
	struct sent first = send_text(&bob, &ann, "x");
	struct idempotency key = { .key = "k" };
	enum send_result result;

	store.db->retention = RETENTION_SCRUB_CONTENT_ON_FINAL;
	m.source = "label", m.reply_to = first.id, m.duration_ms = 7;
	memset(key.body_mac, 1, sizeof(key.body_mac));
	assert_int_equal(db_message_send(store.db, &m, &key, &result), DB_DONE);
	confirm(&bob, "text");
	sweep();
	assert_int_equal(
	    store_number("SELECT count(*) FROM message WHERE length(body) = 0 AND "
			 "reply_to IS NULL AND duration_ms IS NULL AND scrubbed_at > 0 "
			 "AND length(address) > 0"),
	    1);
	assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE body_key <> "
				      "zeroblob(32)"),
	    1);
	assert_int_equal(store_number("SELECT length(body_mac) FROM idempotency"), 0);
}

TEST(what_a_phone_brought_in_leaves_no_trace_in_its_key_either)
{
	struct message_new m = letter(&bob, &bob, "came in", NOW);
	struct idempotency key = { .key = "k" };
	enum send_result result;

	m.channel = "sms";
	m.to = (struct message_target){ TARGET_INBOUND, .inbound = { "+49301234", "", NOW } };
	memset(key.body_mac, 1, sizeof(key.body_mac));
	assert_int_equal(db_message_send(store.db, &m, &key, &result), DB_DONE);
	confirm(&bob, "came in");
	sweep();
	assert_int_equal(store_number("SELECT length(body_mac) FROM idempotency"), 0);
	assert_int_equal(
	    store_number("SELECT count(*) FROM message m JOIN content_key k ON k.id = m.id WHERE "
			 "address = x'' AND address_key = zeroblob(32)"),
	    1);
}

TEST(all_modes_keep_one_delivery_for_nobody)
{
	struct sent sent = send_text(&ann, &bob, "x");

	confirm(&bob, "x");
	sweep();
	assert_int_equal(store_number("SELECT count(*) FROM delivery WHERE account_id = 0"), 1);
	assert_int_equal(store_number("SELECT count(*) FROM delivery WHERE account_id > 0"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM stream"), 0);
	assert_int_equal(receipt(sent).state, DELIVERY_DELIVERED);
	assert_int_equal(receipt(sent).delivered_at, NOW + 1);
}

TEST(read_is_remembered_with_its_time)
{
	struct sent sent = send_text(&ann, &bob, "x");

	confirm(&bob, "x");
	mark_read(&bob, sent, NOW + 9);
	sweep();
	assert_int_equal(receipt(sent).state, DELIVERY_READ);
	assert_int_equal(receipt(sent).read_at, NOW + 9);
	assert_int_equal(receipt(sent).delivered_at, NOW + 1);
}

TEST(expired_stays_expired)
{
	struct sent sent = send_text(&ann, &bob, "x");

	sweep_at(NOW + HOUR + 10);
	assert_int_equal(store_number("SELECT state FROM delivery"), DELIVERY_EXPIRED);
	assert_int_equal(receipt(sent).state, DELIVERY_EXPIRED);
}

TEST(what_happened_after_a_block_stays_unknown_to_the_sender)
{
	struct sent delivered = send_text(&ann, &bob, "one"), claimed;
	int64_t next;

	confirm(&bob, "one");
	claimed = send_text(&ann, &bob, "two");
	next = polls(&bob, bob.acc.delivered_seq, "two");
	assert_int_equal(db_block_set(store.db, bob.acc.id, ann.acc.id, true, NOW + 5), DB_DONE);
	poll_page(&bob, next, NOW + 6, PAGE_ALL);
	mark_read(&bob, delivered, NOW + 7);
	assert_int_equal(receipt(delivered).state, DELIVERY_DELIVERED);
	assert_int_equal(receipt(claimed).state, DELIVERY_CLAIMED);
	sweep();
	assert_int_equal(store_number("SELECT count(*) FROM delivery WHERE account_id > 0"), 0);
	assert_int_equal(receipt(delivered).state, DELIVERY_DELIVERED);
	assert_int_equal(receipt(delivered).read_at, 0);
	assert_int_equal(receipt(claimed).state, DELIVERY_CLAIMED);
	/* and what they never learn of looks expired in the end */
	store.db->message_ttl_ms = 1;
	assert_int_equal(receipt(claimed).state, DELIVERY_EXPIRED);
	assert_int_equal(receipt(delivered).state, DELIVERY_DELIVERED);
}

/* -- files --------------------------------------------------------------------------------------
 */

static int64_t
make_file(const struct member *owner)
{
	struct file f = { .name = (char[]){ "f" }, .mime = (char[]){ "a/b" }, .size = 1 };

	id_make(f.public_id);
	assert_int_equal(
	    db_file_add(store.db, &f, owner->acc.id, 1 << 20, &(enum file_result){ 0 }), DB_DONE);
	return store_number("SELECT max(id) FROM file");
}

static struct sent
send_file(const struct member *from, const struct member *to, int64_t file)
{
	struct message_new m = letter(from, to, "x", NOW);
	enum send_result result;
	struct sent sent;

	m.files[m.file_count++] = file;
	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ NULL }, &result), DB_DONE);
	memcpy(sent.id, m.public_id, ID_BYTES);
	return sent;
}

static int64_t
files(void)
{
	return store_number("SELECT count(*) FROM file");
}

TEST(file_goes_with_the_last_message_that_names_it)
{
	int64_t file = make_file(&ann);

	send_file(&ann, &bob, file);
	send_file(&ann, &carl, file);
	confirm(&bob, "x");
	sweep();
	assert_int_equal(files(), 1);
	confirm(&carl, "x");
	sweep();
	assert_int_equal(files(), 0);
	assert_int_equal(store_number("SELECT count(*) FROM file_gone"), 1);
}

TEST(file_that_was_passed_on_goes_with_the_last_message_too)
{
	int64_t file = make_file(&ann);

	send_file(&ann, &bob, file);
	send_file(&bob, &carl, file);
	confirm(&bob, "x");
	sweep();
	assert_int_equal(files(), 1);
	confirm(&carl, "x");
	sweep();
	assert_int_equal(files(), 0);
}

TEST(file_that_no_message_named_stays)
{
	make_file(&ann);
	send_text(&ann, &bob, "x");
	confirm(&bob, "x");
	sweep();
	assert_int_equal(files(), 1);
}

/* -- on claim, and external ones ------------------------------------------------------------------
 */

TEST(claim_takes_the_text_and_leaves_the_file_until_it_is_confirmed)
{
	struct member *m = &bob;

	store.db->retention = RETENTION_SCRUB_ALL_ON_CLAIM;
	send_file(&ann, &bob, make_file(&ann));
	int64_t next = polls(m, 0, "x");

	assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE body_key <> "
				      "zeroblob(32)"),
	    1); /* the name of the file */
	sweep();
	assert_int_equal(files(), 1);
	polls(m, next, "");
	sweep();
	assert_int_equal(files(), 0);
}

static const enum conf_retention scrubbing[] = { RETENTION_SCRUB_CONTENT_ON_FINAL,
	RETENTION_SCRUB_ALL_ON_FINAL, RETENTION_SCRUB_CONTENT_ON_CLAIM,
	RETENTION_SCRUB_ALL_ON_CLAIM };

/* A message for a phone; its id. */
static struct sent
send_out(void)
{
	struct bridge_new way = { .phone_id = "" };
	struct message_new m = letter(&ann, &bob, "words", NOW);
	enum send_result result;
	struct sent sent;

	m.channel = "sms", m.destination = "+49301234";
	m.to = (struct message_target){ TARGET_EXTERNAL, .external = &way };
	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ NULL }, &result), DB_DONE);
	memcpy(sent.id, m.public_id, ID_BYTES);
	return sent;
}

/* What a phone is handed at `now`: text and destination, or nothing. */
static void
claims(int64_t now, const char *text)
{
	static struct bridge_item items[BRIDGE_CLAIM_MOST];
	struct bridge_claim c = { .owner_id = ann.acc.id,
		.phone_id = "p",
		.channels = 1,
		.limit = 10,
		.text_limit = 1 << 20,
		.now = now,
		.cutoff = NOW - HOUR };
	int count = -1;

	assert_int_equal(db_bridge_claim(store.db, &store.arena, &c, items, &count), DB_DONE);
	assert_int_equal(count, text ? 1 : 0);
	if (text) {
		assert_string_equal(items[0].m.text, text);
		assert_string_equal(items[0].m.destination, "+49301234");
	}
}

static void
acks(struct sent sent, enum delivery_state status, int64_t now)
{
	struct bridge_ack k = {
		.owner_id = ann.acc.id, .phone_id = "p", .status = status, .error = "", .now = now
	};

	memcpy(k.public_id, sent.id, ID_BYTES);
	assert_int_equal(db_bridge_ack(store.db, &k, 1), DB_DONE);
	assert_int_equal(k.result, ACK_DONE);
}

static void
start_again(enum conf_retention mode)
{
	store_other_runs("PRAGMA foreign_keys=ON; DELETE FROM message");
	store.db->retention = mode;
}

TEST(external_message_keeps_its_text_until_it_was_sent)
{
	for (size_t i = 0; i < ARRAY_LEN(scrubbing); i++) {
		struct sent sent;

		start_again(scrubbing[i]);
		sent = send_out();
		sweep_at(NOW);
		claims(NOW, "words");
		sweep_at(NOW + 1);
		claims(NOW + 1, NULL);
		/* a lease that ended, then a failure and its pause: it must go out again as it was
		 */
		claims(NOW + BRIDGE_LEASE_MS, "words");
		acks(sent, DELIVERY_FAILED, NOW + BRIDGE_LEASE_MS + 1);
		sweep_at(NOW + BRIDGE_LEASE_MS + 2);
		claims(NOW + HOUR / 2, "words");
		acks(sent, DELIVERY_SENT, NOW + HOUR / 2 + 1);
		assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE body_key <> "
					      "zeroblob(32)"),
		    1);
		sweep_at(NOW + HOUR / 2 + 2);
		assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE body_key <> "
					      "zeroblob(32)"),
		    0);
		assert_int_equal(state_of(&ann, sent), DELIVERY_SENT);
		/* the word of the other side may come later */
		acks(sent, DELIVERY_DELIVERED, NOW + HOUR / 2 + 3);
		assert_int_equal(state_of(&ann, sent), DELIVERY_DELIVERED);
	}
}

TEST(external_message_that_failed_for_good_or_expired_is_scrubbed)
{
	for (size_t i = 0; i < ARRAY_LEN(scrubbing); i++) {
		struct sent failed, expired;
		int64_t at = NOW;

		start_again(scrubbing[i]);
		failed = send_out();
		for (int tries = 0; tries <= BRIDGE_TRIES; tries++, at += 2 * HOUR) {
			claims(at, "words");
			acks(failed, DELIVERY_FAILED, at + 1);
		}
		expired = send_out();
		sweep_at(NOW + HOUR - 1);
		assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE body_key <> "
					      "zeroblob(32)"),
		    1);
		assert_int_equal(state_of(&ann, failed), DELIVERY_FAILED);
		sweep_at(NOW + HOUR);
		assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE body_key <> "
					      "zeroblob(32)"),
		    0);
		assert_int_equal(state_of(&ann, expired), DELIVERY_EXPIRED);
	}
}

/* Columns that are no content: what the relay knows of a message, not what anybody said or to whom.
 * A new column has to be named here or in content.h. */
static bool
is_record(const char *column)
{
	static const char *const records[] = { "message.id", "message.public_id",
		"message.sender_id", "message.channel", "message.kind", "message.created_at",
		"message.edited_at", "message.deleted_at", "message.changed_seq",
		"message.final_at", "message.scrubbed_at", "message.received_at",
		"bridge.message_id", "bridge.owner_id", "bridge.channel", "bridge.phone_id",
		"bridge.stage", "bridge.created_at", "bridge.next_try_at", "bridge.tries",
		"bridge.leased_by", "bridge.lease_id", "bridge.error_code",
		"idempotency.account_id", "idempotency.request_key",
		"idempotency.message_public_id", "idempotency.status", "idempotency.created_at" };

	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		if (strcmp(records[i], column) == 0)
			return true;
	return false;
}

#define NAME_IN_MESSAGE(column, gone) "message." #column,
#define NAME_IN_BRIDGE(column, gone) "bridge." #column,
#define NAME_IN_IDEMPOTENCY(column, gone) "idempotency." #column,

static bool
is_content(const char *column)
{
	static const char *const contents[] = { CONTENT_MESSAGE(NAME_IN_MESSAGE)
		    ROUTING_MESSAGE(NAME_IN_MESSAGE) CONTENT_BRIDGE(NAME_IN_BRIDGE)
			CONTENT_IDEMPOTENCY(NAME_IN_IDEMPOTENCY) };

	for (size_t i = 0; i < ARRAY_LEN(contents); i++)
		if (strcmp(contents[i], column) == 0)
			return true;
	return false;
}

TEST(every_column_of_a_message_is_content_or_a_record)
{
	sqlite3 *h = store_other();
	sqlite3_stmt *st = NULL;
	int count = 0;

	assert_int_equal(
	    sqlite3_prepare_v2(h,
		"SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
		"WHERE t.name IN ('message', 'bridge', 'idempotency')",
		-1, &st, NULL),
	    SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; count++) {
		const char *column = (const char *)sqlite3_column_text(st, 0);

		if (is_record(column) == is_content(column))
			fail_msg("%s is neither, or both", column);
	}
	assert_true(count > 30);
	sqlite3_finalize(st);
	sqlite3_close(h);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(content_goes_with_all_that_says_what_it_was),
		EACH(what_a_phone_brought_in_leaves_no_trace_in_its_key_either),
		EACH(all_modes_keep_one_delivery_for_nobody),
		EACH(read_is_remembered_with_its_time),
		EACH(expired_stays_expired),
		EACH(what_happened_after_a_block_stays_unknown_to_the_sender),
		EACH(file_goes_with_the_last_message_that_names_it),
		EACH(file_that_was_passed_on_goes_with_the_last_message_too),
		EACH(file_that_no_message_named_stays),
		EACH(claim_takes_the_text_and_leaves_the_file_until_it_is_confirmed),
		EACH(external_message_keeps_its_text_until_it_was_sent),
		EACH(external_message_that_failed_for_good_or_expired_is_scrubbed),
		EACH(every_column_of_a_message_is_content_or_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
