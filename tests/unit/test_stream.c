/* Streams: what sessions are handed, what confirms it, and what a cursor may and may not hide. */
#include "store_fixture.h"

static struct member ann, bob;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

TEST(empty_stream_gives_its_cursor_back)
{
	struct message_page page = poll_from(&bob, 0);

	assert_int_equal(page.count, 0);
	assert_false(page.more);
	assert_int_equal(page.next, 0);
}

TEST(messages_come_in_order_to_their_recipient_only)
{
	struct member carl = sign_in("carl");

	for (int i = 0; i < 5; i++)
		send_text(&ann, &bob, (const char *const[]){ "a", "b", "c", "d", "e" }[i]);
	polls(&bob, 0, "a b c d e");
	polls(&ann, 0, "");
	polls(&carl, 0, "");
}

TEST(message_comes_as_it_was_sent)
{
	struct message_new m = letter(&ann, &bob, "text \xf0\x9f\x98\x80", NOW);
	struct sent first = send_text(&bob, &ann, "x");
	enum send_result result;
	struct message_page page;
	const struct message *got;

	m.kind = "note", m.source = "src", m.subject = "sub", m.title = "tit";
	m.reply_to = first.id;
	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ NULL }, &result), DB_DONE);
	page = poll_from(&bob, 0);
	assert_int_equal(page.count, 1);
	got = &page.list[0];
	assert_memory_equal(got->public_id, m.public_id, ID_BYTES);
	assert_string_equal(got->text, "text \xf0\x9f\x98\x80");
	assert_string_equal(got->kind, "note");
	assert_string_equal(got->channel, "pchat");
	assert_string_equal(got->destination, "bob");
	assert_string_equal(got->from, "ann");
	assert_string_equal(got->source, "src");
	assert_string_equal(got->subject, "sub");
	assert_string_equal(got->title, "tit");
	assert_true(got->is_reply);
	assert_memory_equal(got->reply_to, first.id, ID_BYTES);
	assert_int_equal(got->created_at, NOW);
	assert_int_equal(got->edited_at | got->deleted_at, 0);
	assert_int_equal(got->seq, page.next);
	assert_int_equal(got->id, got->seq);
}

TEST(message_of_the_relay_itself_has_no_sender)
{
	struct message_new m = letter(&ann, &bob, "hello", NOW);
	struct message_page page;

	m.sender_id = 0;
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(db_end(store.db, post_put(store.db, &m)), DB_DONE);
	page = poll_from(&bob, 0);
	page_is(&page, "hello");
	assert_int_equal(page.list[0].sender_id, 0);
	assert_null(page.list[0].from);
	assert_null(page.list[0].from_name);
	assert_null(page.list[0].fact);
	assert_null(page.list[0].subject);
	assert_false(page.list[0].is_reply);
}

TEST(message_to_oneself_is_one_message)
{
	struct sent sent = send_text(&ann, &ann, "note");
	int64_t next = polls(&ann, 0, "note");

	polls(&ann, next, "");
	assert_int_equal(state_of(&ann, sent), DELIVERY_DELIVERED);
}

TEST(fetched_is_claimed_and_the_next_cursor_confirms)
{
	struct sent sent = send_text(&ann, &bob, "a");
	int64_t next;

	assert_int_equal(state_of(&ann, sent), DELIVERY_QUEUED);
	next = polls(&bob, 0, "a");
	assert_int_equal(state_of(&ann, sent), DELIVERY_CLAIMED);
	polls(&bob, next, "");
	assert_int_equal(state_of(&ann, sent), DELIVERY_DELIVERED);
	assert_int_equal(bob.acc.delivered_seq, next);
	assert_int_equal(store_number("SELECT delivered_at FROM delivery"), NOW + 1);
}

TEST(only_what_stands_before_the_cursor_is_confirmed)
{
	struct sent a = send_text(&ann, &bob, "a"), b = send_text(&ann, &bob, "b");
	struct message_page page = poll_from(&bob, 0);

	polls(&bob, page.list[0].seq, "b");
	assert_int_equal(state_of(&ann, a), DELIVERY_DELIVERED);
	assert_int_equal(state_of(&ann, b), DELIVERY_CLAIMED);
}

TEST(lost_response_is_given_again_and_confirms_nothing)
{
	struct sent sent = send_text(&ann, &bob, "a");
	int64_t next;

	for (int i = 0; i < 3; i++)
		next = polls(&bob, 0, "a");
	assert_int_equal(state_of(&ann, sent), DELIVERY_CLAIMED);
	polls(&bob, next, "");
	polls(&bob, 0, "a"); /* even after it was confirmed */
}

TEST(cursor_that_was_confirmed_again_writes_nothing)
{
	int64_t next, version;

	send_text(&ann, &bob, "a");
	next = polls(&bob, 0, "a");
	polls(&bob, next, "");
	version = sqlite3_total_changes(sqlite_of(store.db->engine)->handle);
	polls(&bob, next, "");
	assert_int_equal(sqlite3_total_changes(sqlite_of(store.db->engine)->handle), version);
}

#define FUTURE 999999999999999999

TEST(cursor_from_the_future_hides_nothing_that_comes_later_from_a_new_session)
{
	struct member later;

	send_text(&ann, &bob, "a");
	polls(&bob, 0, "a");
	poll_from(&bob, FUTURE);
	assert_true(bob.acc.delivered_seq < FUTURE);
	send_text(&ann, &bob, "b");
	later = sign_in_at("bob", NOW + 10);
	polls(&later, later.s.start_seq, "b");
}

TEST(cursor_from_the_future_hides_nothing_that_comes_later_from_its_own_session)
{
	struct message_page page;

	send_text(&ann, &bob, "a");
	polls(&bob, 0, "a");
	page = poll_from(&bob, FUTURE);
	send_text(&ann, &bob, "b");
	polls(&bob, bob.s.sent_seq, "b"); /* a client without cursors */
	polls(&bob, page.next, "b");
}

TEST(cursor_from_the_future_confirms_nothing_that_was_not_handed_out)
{
	struct sent sent = send_text(&ann, &bob, "a");

	poll_from(&bob, FUTURE);
	assert_int_equal(state_of(&ann, sent), DELIVERY_QUEUED);
}

TEST(cursor_of_a_session_without_cursors_is_where_its_last_response_ended)
{
	send_text(&ann, &bob, "a");
	send_text(&ann, &bob, "b");
	assert_int_equal(bob.s.sent_seq, 0);
	for (int i = 0; i < 2; i++) {
		struct message_page page = poll_page(&bob, bob.s.sent_seq, NOW,
		    (struct message_page){ .limit = 1, .text_limit = 100 });

		page_is(&page, i ? "b" : "a");
		assert_int_equal(bob.s.sent_seq, page.next);
	}
	polls(&bob, bob.s.sent_seq, "");
}

TEST(two_sessions_see_everything)
{
	struct member other = sign_in("bob");
	int64_t next;

	send_text(&ann, &bob, "a");
	next = polls(&bob, 0, "a");
	polls(&bob, next, "");
	polls(&other, other.s.start_seq, "a");
	send_text(&ann, &bob, "b");
	polls(&other, other.s.start_seq, "a b");
	polls(&bob, next, "b");
}

TEST(sign_in_starts_after_what_was_delivered)
{
	struct member later;
	int64_t next;

	send_text(&ann, &bob, "a");
	next = polls(&bob, 0, "a");
	polls(&bob, next, "");
	send_text(&ann, &bob, "b");
	later = sign_in_at("bob", NOW + 10);
	assert_int_equal(later.s.start_seq, next);
	assert_int_equal(later.s.sent_seq, next);
	polls(&later, later.s.start_seq, "b");
	polls(&later, 0, "b"); /* nor by an older cursor */
}

TEST(sign_in_gets_what_was_fetched_but_never_confirmed)
{
	struct member later;

	send_text(&ann, &bob, "a");
	polls(&bob, 0, "a");
	later = sign_in_at("bob", NOW + 10);
	polls(&later, later.s.start_seq, "a");
}

TEST(sign_in_does_not_get_what_was_read_out_of_order)
{
	struct sent b;
	struct member later;
	int updated = 0;

	send_text(&ann, &bob, "a");
	b = send_text(&ann, &bob, "b");
	send_text(&ann, &bob, "c");
	assert_int_equal(db_receipt_read(store.db, actor_of(&bob), (const uint8_t(*)[ID_BYTES])b.id,
			     1, NOW, &updated),
	    DB_DONE);
	later = sign_in_at("bob", NOW + 10);
	polls(&later, later.s.start_seq, "a c");
}

static struct message_page
page_of(int limit, size_t text_limit, int64_t from)
{
	return poll_page(
	    &bob, from, NOW + 1, (struct message_page){ .limit = limit, .text_limit = text_limit });
}

TEST(limit_cuts_a_page_and_the_next_one_follows)
{
	struct message_page page;

	send_text(&ann, &bob, "a");
	send_text(&ann, &bob, "b");
	send_text(&ann, &bob, "c");
	page = page_of(2, 100, 0);
	page_is(&page, "a b");
	assert_true(page.more);
	page = page_of(2, 100, page.next);
	page_is(&page, "c");
	assert_false(page.more);
	page = page_of(3, 100, 0);
	assert_int_equal(page.count, 3);
	assert_false(page.more);
}

TEST(page_that_was_cut_claims_only_what_it_holds)
{
	struct sent a = send_text(&ann, &bob, "a"), b = send_text(&ann, &bob, "b");

	page_of(1, 100, 0);
	assert_int_equal(state_of(&ann, a), DELIVERY_CLAIMED);
	assert_int_equal(state_of(&ann, b), DELIVERY_QUEUED);
}

TEST(text_limit_cuts_a_page)
{
	struct message_page page;

	send_text(&ann, &bob, "aaaa");
	send_text(&ann, &bob, "bbbb");
	send_text(&ann, &bob, "cccc");
	page = page_of(10, 8, 0);
	page_is(&page, "aaaa bbbb");
	assert_true(page.more);
	page = page_of(10, 7, 0);
	page_is(&page, "aaaa");
	assert_true(page.more);
	page = page_of(10, 12, 0);
	page_is(&page, "aaaa bbbb cccc");
	assert_false(page.more);
}

TEST(text_limit_never_keeps_the_first_message_back)
{
	struct message_page page;

	send_text(&ann, &bob, "a very long text");
	send_text(&ann, &bob, "b");
	page = page_of(10, 0, 0);
	page_is(&page, "a very long text");
	assert_true(page.more);
	page = page_of(10, 0, page.next);
	page_is(&page, "b");
	assert_false(page.more);
}

TEST(stream_numbers_never_go_back)
{
	struct message_page page;

	store_other_runs("UPDATE meta SET stream_seq = 9000000000000000");
	send_text(&ann, &bob, "a");
	send_text(&ann, &bob, "b");
	page = poll_from(&bob, 0);
	assert_int_equal(page.list[0].seq, 9000000000000001);
	assert_int_equal(page.list[1].seq, 9000000000000002);
}

static int
read_ids(const uint8_t (*ids)[ID_BYTES], int n, int64_t now)
{
	int updated = -1;

	assert_int_equal(db_receipt_read(store.db, actor_of(&bob), ids, n, now, &updated), DB_DONE);
	return updated;
}

TEST(receipt_marks_ones_own_messages_once)
{
	struct sent mine = send_text(&ann, &bob, "a"), other = send_text(&bob, &ann, "b");
	uint8_t ids[3][ID_BYTES];
	struct message m;

	memcpy(ids[0], mine.id, ID_BYTES);
	memcpy(ids[1], other.id, ID_BYTES);
	id_make(ids[2]);
	assert_int_equal(read_ids(ids, 3, NOW + 5), 1);
	assert_int_equal(read_ids(ids, 3, NOW + 6), 0);
	assert_int_equal(db_receipt_get(store.db, mine.id, ann.acc.id, &m), DB_ROW);
	assert_int_equal(m.state, DELIVERY_READ);
	assert_int_equal(m.read_at, NOW + 5);
	assert_int_equal(m.delivered_at, NOW + 5);
	assert_int_equal(state_of(&bob, other), DELIVERY_QUEUED);
}

TEST(receipt_of_no_message_is_done)
{
	assert_int_equal(read_ids(NULL, 0, NOW), 0);
}

TEST(receipt_is_for_the_sender_only)
{
	struct sent sent = send_text(&ann, &bob, "a");
	struct member carl = sign_in("carl");
	struct message m;

	assert_int_equal(db_receipt_get(store.db, sent.id, bob.acc.id, &m), DB_NONE);
	assert_int_equal(db_receipt_get(store.db, sent.id, carl.acc.id, &m), DB_NONE);
}

TEST(what_was_read_stays_read_when_it_is_fetched_and_confirmed)
{
	struct sent sent = send_text(&ann, &bob, "a");
	int64_t next;

	read_ids((const uint8_t(*)[ID_BYTES])sent.id, 1, NOW);
	next = polls(&bob, 0, "a");
	assert_int_equal(state_of(&ann, sent), DELIVERY_READ);
	polls(&bob, next, "");
	assert_int_equal(state_of(&ann, sent), DELIVERY_READ);
}

TEST(states_have_their_words)
{
	assert_string_equal(delivery_state_name(DELIVERY_QUEUED), "queued");
	assert_string_equal(delivery_state_name(DELIVERY_CLAIMED), "claimed");
	assert_string_equal(delivery_state_name(DELIVERY_DELIVERED), "delivered");
	assert_string_equal(delivery_state_name(DELIVERY_READ), "read");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(empty_stream_gives_its_cursor_back),
	EACH(messages_come_in_order_to_their_recipient_only),
	EACH(message_comes_as_it_was_sent),
	EACH(message_of_the_relay_itself_has_no_sender),
	EACH(message_to_oneself_is_one_message),
	EACH(fetched_is_claimed_and_the_next_cursor_confirms),
	EACH(only_what_stands_before_the_cursor_is_confirmed),
	EACH(lost_response_is_given_again_and_confirms_nothing),
	EACH(cursor_that_was_confirmed_again_writes_nothing),
	EACH(cursor_from_the_future_hides_nothing_that_comes_later_from_a_new_session),
	EACH(cursor_from_the_future_hides_nothing_that_comes_later_from_its_own_session),
	EACH(cursor_from_the_future_confirms_nothing_that_was_not_handed_out),
	EACH(cursor_of_a_session_without_cursors_is_where_its_last_response_ended),
	EACH(two_sessions_see_everything),
	EACH(sign_in_starts_after_what_was_delivered),
	EACH(sign_in_gets_what_was_fetched_but_never_confirmed),
	EACH(sign_in_does_not_get_what_was_read_out_of_order),
	EACH(limit_cuts_a_page_and_the_next_one_follows),
	EACH(page_that_was_cut_claims_only_what_it_holds),
	EACH(text_limit_cuts_a_page),
	EACH(text_limit_never_keeps_the_first_message_back),
	EACH(stream_numbers_never_go_back),
	EACH(receipt_marks_ones_own_messages_once),
	EACH(receipt_of_no_message_is_done),
	EACH(receipt_is_for_the_sender_only),
	EACH(what_was_read_stays_read_when_it_is_fetched_and_confirmed),
	EACH(states_have_their_words),
};

int
main(void)
{
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
