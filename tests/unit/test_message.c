/* Messages: idempotency, who may see one, editing, withdrawing, removing, and the export. */
#include "store_fixture.h"

#define WINDOW ((int64_t)900000)
#define DAY (24 * HOUR)

static struct member ann, bob, carl;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	carl = sign_in("carl");
	return 0;
}

static enum send_result
send_key(const struct member *from, const char *key, uint8_t body, int64_t now, struct sent *sent)
{
	struct message_new m = letter(from, &bob, "x", now);
	struct idempotency i = { .key = key };
	enum send_result result = SEND_NEW;

	memset(i.body_mac, body, sizeof(i.body_mac));
	assert_int_equal(db_message_send(store.db, &m, &i, &result), DB_DONE);
	memcpy(sent->id, m.public_id, ID_BYTES);
	return result;
}

TEST(send_without_a_key_is_always_new)
{
	send_text(&ann, &bob, "x");
	send_text(&ann, &bob, "x");
	assert_int_equal(store_number("SELECT count(*) FROM message"), 2);
	assert_int_equal(store_number("SELECT count(*) FROM idempotency"), 0);
}

TEST(send_queues_message_delivery_and_stream)
{
	struct sent sent = send_text(&ann, &bob, "x");

	assert_int_equal(state_of(&ann, sent), DELIVERY_QUEUED);
	assert_int_equal(store_number("SELECT count(*) FROM stream s JOIN delivery d ON "
				      "d.message_id = s.seq AND d.account_id = s.stream_id "
				      "WHERE s.message_id = s.seq AND s.stream_id = %lld",
			     (long long)bob.acc.id),
	    1);
}

TEST(key_used_again_with_the_same_body_is_the_same_message)
{
	struct sent one, two;

	assert_int_equal(send_key(&ann, "k", 1, NOW, &one), SEND_NEW);
	assert_int_equal(send_key(&ann, "k", 1, NOW + 5, &two), SEND_REPEATED);
	assert_memory_equal(one.id, two.id, ID_BYTES);
	assert_int_equal(store_number("SELECT count(*) FROM message"), 1);
}

TEST(key_used_again_with_another_body_is_reported)
{
	struct sent one, two;

	assert_int_equal(send_key(&ann, "k", 1, NOW, &one), SEND_NEW);
	assert_int_equal(send_key(&ann, "k", 2, NOW, &two), SEND_KEY_REUSED);
	assert_int_equal(store_number("SELECT count(*) FROM message"), 1);
	assert_int_equal(send_key(&ann, "k", 1, NOW, &two), SEND_REPEATED);
}

TEST(key_of_another_sender_or_name_is_another_key)
{
	struct sent sent;

	assert_int_equal(send_key(&ann, "k", 1, NOW, &sent), SEND_NEW);
	assert_int_equal(send_key(&carl, "k", 1, NOW, &sent), SEND_NEW);
	assert_int_equal(send_key(&ann, "K", 1, NOW, &sent), SEND_NEW);
	assert_int_equal(store_number("SELECT count(*) FROM message"), 3);
}

TEST(key_is_good_for_24_hours)
{
	struct sent one, two;

	assert_int_equal(send_key(&ann, "k", 1, NOW, &one), SEND_NEW);
	assert_int_equal(send_key(&ann, "k", 1, NOW + DAY - 1, &two), SEND_REPEATED);
	assert_int_equal(send_key(&ann, "k", 2, NOW + DAY, &two), SEND_NEW);
	assert_memory_not_equal(one.id, two.id, ID_BYTES);
	assert_int_equal(send_key(&ann, "k", 2, NOW + DAY + 1, &one), SEND_REPEATED);
	assert_memory_equal(one.id, two.id, ID_BYTES);
}

static enum db_result
get(const struct member *who, struct sent sent, struct message *out)
{
	return db_message_get(store.db, &store.arena, sent.id, who->acc.id, out);
}

TEST(message_is_for_its_sender_and_recipient_only)
{
	struct sent sent = send_text(&ann, &bob, "x"), none;
	struct message m;

	assert_int_equal(get(&ann, sent, &m), DB_ROW);
	assert_string_equal(m.text, "x");
	assert_int_equal(get(&bob, sent, &m), DB_ROW);
	assert_int_equal(m.state, DELIVERY_QUEUED);
	assert_int_equal(get(&carl, sent, &m), DB_NONE);
	id_make(none.id);
	assert_int_equal(get(&ann, none, &m), DB_NONE);
}

static enum db_result
edit_at(const struct member *who, struct sent sent, int64_t now, enum change_result *result)
{
	return db_message_edit(
	    store.db, &store.arena, sent.id, actor_of(who), "new", WINDOW, now, result);
}

static void
edits(const struct member *who, struct sent sent, int64_t now, enum change_result want)
{
	enum change_result result = CHANGE_REMOVED;

	assert_int_equal(edit_at(who, sent, now, &result), DB_DONE);
	assert_int_equal(result, want);
}

TEST(edit_before_it_was_fetched_overwrites_it)
{
	struct sent sent = send_text(&ann, &bob, "old");
	struct message_page page;

	edits(&ann, sent, NOW + 5, CHANGE_DONE);
	assert_int_equal(store_number("SELECT count(*) FROM stream"), 1);
	page = poll_from(&bob, 0);
	page_is(&page, "new");
	assert_int_equal(page.list[0].edited_at, NOW + 5);
	assert_int_equal(page.list[0].created_at, NOW);
}

TEST(edit_after_it_was_fetched_is_a_change_in_the_stream)
{
	struct sent sent = send_text(&ann, &bob, "old"), next;
	struct message_page page;
	int64_t cursor = polls(&bob, 0, "old");

	next = send_text(&ann, &bob, "later");
	edits(&ann, sent, NOW + 5, CHANGE_DONE);
	page = poll_from(&bob, cursor);
	page_is(&page, "later new");
	assert_memory_equal(page.list[1].public_id, sent.id, ID_BYTES);
	assert_true(page.list[1].seq > page.list[1].id);
	polls(&bob, page.next, "");
	assert_int_equal(state_of(&ann, next), DELIVERY_DELIVERED);
}

TEST(edit_after_it_was_confirmed_reaches_a_later_session_too)
{
	struct sent sent = send_text(&ann, &bob, "old");
	int64_t cursor = polls(&bob, 0, "old");
	struct member later;

	polls(&bob, cursor, "");
	edits(&ann, sent, NOW + 5, CHANGE_DONE);
	later = sign_in_at("bob", NOW + 10);
	polls(&later, later.s.start_seq, "new");
}

TEST(edit_closes_after_its_window)
{
	struct sent sent = send_text(&ann, &bob, "old");

	edits(&ann, sent, NOW + WINDOW, CHANGE_DONE);
	edits(&ann, sent, NOW + WINDOW + 1, CHANGE_TOO_LATE);
	polls(&bob, 0, "new");
}

TEST(edit_by_anyone_but_the_sender_is_forbidden)
{
	struct sent sent = send_text(&ann, &bob, "old");
	enum change_result result;

	edits(&bob, sent, NOW, CHANGE_FORBIDDEN);
	assert_int_equal(edit_at(&carl, sent, NOW, &result), DB_NONE);
	polls(&bob, 0, "old");
}

static void
deletes(const struct member *who, struct sent sent, enum change_result want)
{
	enum change_result result = CHANGE_TOO_LATE;

	assert_int_equal(
	    db_message_delete(store.db, &store.arena, sent.id, actor_of(who), NOW + 7, &result),
	    DB_DONE);
	assert_int_equal(result, want);
}

TEST(edit_of_a_withdrawn_message_is_reported)
{
	struct sent sent = send_text(&ann, &bob, "old");

	deletes(&ann, sent, CHANGE_DONE);
	edits(&ann, sent, NOW, CHANGE_WITHDRAWN);
}

TEST(withdraw_before_it_was_fetched_leaves_nothing_to_see)
{
	struct sent sent = send_text(&ann, &bob, "secret");
	struct message m;

	deletes(&ann, sent, CHANGE_DONE);
	polls(&bob, 0, "");
	assert_int_equal(get(&bob, sent, &m), DB_NONE);
	assert_int_equal(get(&ann, sent, &m), DB_ROW);
	assert_string_equal(m.text, "");
	assert_int_equal(m.deleted_at, NOW + 7);
}

TEST(withdraw_after_it_was_fetched_is_a_change_without_text)
{
	struct sent sent = send_text(&ann, &bob, "secret");
	int64_t cursor = polls(&bob, 0, "secret");
	struct message_page page;

	deletes(&ann, sent, CHANGE_DONE);
	page = poll_from(&bob, cursor);
	page_is(&page, "-");
	assert_string_equal(page.list[0].text, "");
	assert_memory_equal(page.list[0].public_id, sent.id, ID_BYTES);
	page = poll_from(&bob, 0); /* the original is gone */
	page_is(&page, "-");
}

TEST(withdraw_clears_every_text_of_the_message)
{
	struct message_new m = letter(&ann, &bob, "secret", NOW);
	struct sent first = send_text(&bob, &ann, "x"), sent;
	enum send_result result;

	m.subject = "subject", m.title = "title", m.reply_to = first.id;
	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ NULL }, &result), DB_DONE);
	memcpy(sent.id, m.public_id, ID_BYTES);
	deletes(&ann, sent, CHANGE_DONE);
	assert_int_equal(
	    store_number("SELECT count(*) FROM message m WHERE body = x'' AND reply_to "
			 "IS NULL AND scrubbed_at > 0 AND EXISTS (SELECT 1 FROM "
			 "content_key k WHERE k.id = m.id AND body_key = zeroblob(32))"),
	    1);
}

TEST(withdraw_twice_changes_nothing_more)
{
	struct sent sent = send_text(&ann, &bob, "x");
	int64_t cursor = polls(&bob, 0, "x");

	deletes(&ann, sent, CHANGE_DONE);
	deletes(&ann, sent, CHANGE_DONE);
	polls(&bob, cursor, "-");
}

TEST(withdraw_by_a_stranger_finds_nothing)
{
	struct sent sent = send_text(&ann, &bob, "x");
	enum change_result result;

	assert_int_equal(
	    db_message_delete(store.db, &store.arena, sent.id, actor_of(&carl), NOW, &result),
	    DB_NONE);
	polls(&bob, 0, "x");
}

TEST(remove_for_oneself_leaves_it_to_the_sender)
{
	struct sent sent = send_text(&ann, &bob, "x");
	struct message m;

	polls(&bob, 0, "x");
	deletes(&bob, sent, CHANGE_REMOVED);
	assert_int_equal(get(&bob, sent, &m), DB_NONE);
	assert_int_equal(get(&ann, sent, &m), DB_ROW);
	assert_string_equal(m.text, "x");
	assert_int_equal(m.deleted_at, 0);
	assert_int_equal(m.state, DELIVERY_DELIVERED);
	polls(&bob, 0, "-");
}

TEST(remove_for_oneself_reaches_ones_other_sessions)
{
	struct member other = sign_in("bob");
	struct sent sent = send_text(&ann, &bob, "x");
	int64_t cursor = polls(&other, 0, "x");
	struct message_page page;

	polls(&bob, 0, "x");
	deletes(&bob, sent, CHANGE_REMOVED);
	page = poll_from(&other, cursor);
	page_is(&page, "-");
	assert_string_equal(page.list[0].text, "");
	assert_int_equal(page.list[0].deleted_at, NOW + 7);
}

TEST(remove_for_oneself_twice_finds_nothing)
{
	struct sent sent = send_text(&ann, &bob, "x");
	enum change_result result;

	deletes(&bob, sent, CHANGE_REMOVED);
	assert_int_equal(
	    db_message_delete(store.db, &store.arena, sent.id, actor_of(&bob), NOW, &result),
	    DB_NONE);
}

TEST(removed_for_oneself_gets_no_more_changes)
{
	struct sent sent = send_text(&ann, &bob, "x");
	int64_t cursor;

	polls(&bob, 0, "x");
	deletes(&bob, sent, CHANGE_REMOVED);
	cursor = poll_from(&bob, 0).next;
	edits(&ann, sent, NOW, CHANGE_DONE);
	deletes(&ann, sent, CHANGE_DONE);
	polls(&bob, cursor, "");
}

static int64_t
exports(const struct member *who, bool sent, int64_t after, int limit, const char *want, bool more)
{
	struct message_page page = { .limit = limit, .text_limit = 1000 };

	assert_int_equal(
	    db_message_export(store.db, &store.arena, who->acc.id, sent, after, &page), DB_DONE);
	page_is(&page, want);
	assert_int_equal(page.more, more);
	return page.next;
}

TEST(export_holds_what_was_sent_and_received)
{
	struct sent gone;
	int64_t cursor;

	send_text(&ann, &bob, "a");
	send_text(&ann, &carl, "b");
	send_text(&bob, &ann, "c");
	send_text(&ann, &ann, "d");
	gone = send_text(&ann, &bob, "e");
	cursor = exports(&ann, true, 0, 2, "a b", true);
	exports(&ann, true, cursor, 2, "d e", false);
	exports(&ann, false, 0, 5, "c", false);
	polls(&bob, 0, "a e");
	deletes(&bob, gone, CHANGE_REMOVED);
	exports(&bob, false, 0, 5, "a", false);
	exports(&carl, false, 0, 5, "b", false);
	exports(&carl, true, 0, 5, "", false);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(send_without_a_key_is_always_new),
	EACH(send_queues_message_delivery_and_stream),
	EACH(key_used_again_with_the_same_body_is_the_same_message),
	EACH(key_used_again_with_another_body_is_reported),
	EACH(key_of_another_sender_or_name_is_another_key),
	EACH(key_is_good_for_24_hours),
	EACH(message_is_for_its_sender_and_recipient_only),
	EACH(edit_before_it_was_fetched_overwrites_it),
	EACH(edit_after_it_was_fetched_is_a_change_in_the_stream),
	EACH(edit_after_it_was_confirmed_reaches_a_later_session_too),
	EACH(edit_closes_after_its_window),
	EACH(edit_by_anyone_but_the_sender_is_forbidden),
	EACH(edit_of_a_withdrawn_message_is_reported),
	EACH(withdraw_before_it_was_fetched_leaves_nothing_to_see),
	EACH(withdraw_after_it_was_fetched_is_a_change_without_text),
	EACH(withdraw_clears_every_text_of_the_message),
	EACH(withdraw_twice_changes_nothing_more),
	EACH(withdraw_by_a_stranger_finds_nothing),
	EACH(remove_for_oneself_leaves_it_to_the_sender),
	EACH(remove_for_oneself_reaches_ones_other_sessions),
	EACH(remove_for_oneself_twice_finds_nothing),
	EACH(removed_for_oneself_gets_no_more_changes),
	EACH(export_holds_what_was_sent_and_received),
};

int
main(void)
{
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
