/* Accounts: flags and the last admin, listing, the directory, and erasing. */
#include "store_fixture.h"

#include <locale.h>

static struct member ann, bob;

static int
set_up(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

static enum account_result
act(struct member *m, const char *action)
{
	enum account_result result = ACCOUNT_LAST_ADMIN;
	struct account acc;

	assert_int_equal(db_account_act(store.db, &store.arena, m->acc.chat_address, action, "test",
			     NOW, &acc, &result),
	    DB_DONE);
	return result;
}

TEST(last_admin_cannot_be_demoted)
{
	assert_int_equal(act(&ann, "promote"), ACCOUNT_OK);
	assert_int_equal(act(&ann, "demote"), ACCOUNT_LAST_ADMIN);
	fresh(&ann);
	assert_int_equal(ann.acc.role, ROLE_ADMIN);
}

/* Whose request was under way when another admin erased them. */
TEST(admin_who_was_erased_is_not_named_by_what_they_still_did)
{
	enum account_result result;
	struct account acc;

	assert_int_equal(act(&ann, "hide"), ACCOUNT_OK);
	assert_int_equal(
	    db_account_act(store.db, &store.arena, "ann", "unhide", "bob", NOW, &acc, &result),
	    DB_DONE);
	assert_int_equal(db_account_erase(store.db, &store.arena, &bob.acc, NOW), DB_DONE);
	assert_int_equal(
	    db_account_act(store.db, &store.arena, "ann", "hide", "bob", NOW, &acc, &result),
	    DB_DONE);
	assert_int_equal(store_number("SELECT count(*) FROM audit WHERE actor = 'bob'"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM audit WHERE actor = 'erased'"), 3);
	assert_int_equal(
	    db_account_act(store.db, &store.arena, "ann", "hide", "relayctl", NOW, &acc, &result),
	    DB_DONE);
	assert_int_equal(store_number("SELECT count(*) FROM audit WHERE actor = 'relayctl'"), 1);
}

TEST(last_admin_cannot_be_blocked)
{
	assert_int_equal(act(&ann, "promote"), ACCOUNT_OK);
	assert_int_equal(act(&ann, "block"), ACCOUNT_LAST_ADMIN);
	fresh(&ann); /* and keeps the session */
	assert_false(ann.acc.blocked);
}

TEST(admin_beside_a_blocked_admin_is_the_last_one)
{
	assert_int_equal(act(&ann, "promote"), ACCOUNT_OK);
	assert_int_equal(act(&bob, "promote"), ACCOUNT_OK);
	assert_int_equal(act(&bob, "block"), ACCOUNT_OK);
	assert_int_equal(act(&ann, "demote"), ACCOUNT_LAST_ADMIN);
}

TEST(one_of_two_admins_can_be_demoted)
{
	assert_int_equal(act(&ann, "promote"), ACCOUNT_OK);
	assert_int_equal(act(&bob, "promote"), ACCOUNT_OK);
	assert_int_equal(act(&ann, "demote"), ACCOUNT_OK);
	assert_int_equal(act(&bob, "demote"), ACCOUNT_LAST_ADMIN);
}

TEST(users_can_be_blocked_where_there_is_no_admin)
{
	assert_int_equal(act(&ann, "block"), ACCOUNT_OK);
}

TEST(blocked_account_loses_its_sessions)
{
	sign_in("ann");
	assert_int_equal(act(&ann, "block"), ACCOUNT_OK);
	assert_int_equal(store_number("SELECT count(*) FROM session WHERE account_id = %lld",
			     (long long)ann.acc.id),
	    0);
	fresh(&bob);
	assert_int_equal(act(&ann, "block"), ACCOUNT_OK);
}

TEST(flags_of_an_unknown_account_are_none)
{
	enum account_result result;
	struct account acc;

	assert_int_equal(
	    db_account_act(store.db, &store.arena, "nobody", "hide", "test", NOW, &acc, &result),
	    DB_NONE);
}

TEST(account_is_found_by_email_and_by_address)
{
	struct account acc;
	char *address = NULL;

	assert_int_equal(
	    db_account_by_email(store.db, &store.arena, "ann@example.org", &acc), DB_ROW);
	assert_int_equal(acc.id, ann.acc.id);
	assert_int_equal(db_account_by_address(store.db, &store.arena, "bob", &acc), DB_ROW);
	assert_int_equal(acc.id, bob.acc.id);
	assert_int_equal(db_account_by_address(store.db, &store.arena, "BOB", &acc), DB_NONE);
	assert_int_equal(db_account_by_email(store.db, &store.arena, "x@y", &acc), DB_NONE);
	assert_int_equal(db_account_address(store.db, &store.arena, bob.acc.id, &address), DB_ROW);
	assert_string_equal(address, "bob");
	assert_int_equal(db_account_address(store.db, &store.arena, 999, &address), DB_NONE);
}

static void
lists(const char *after, int limit, const char *want)
{
	struct account list[20];
	char got[256] = "";
	size_t len = 0;
	int count = -1;

	assert_int_equal(
	    db_account_list(store.db, &store.arena, "", after, limit, list, &count), DB_DONE);
	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s ", list[i].chat_address);
	assert_string_equal(got, want);
}

TEST(list_is_in_order_of_address_page_by_page)
{
	sign_in("carl");
	lists("", 10, "ann bob carl ");
	lists("", 2, "ann bob ");
	lists("bob", 2, "carl ");
	lists("carl", 2, "");
}

static void
shows(const char *match, const char *want)
{
	struct account list[20];
	char got[256] = "";
	size_t len = 0;
	int count = -1;

	assert_int_equal(
	    db_account_list_public(store.db, &store.arena, match, "", 20, list, &count), DB_DONE);
	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s ", list[i].chat_address);
	assert_string_equal(got, want);
}

static void
publish(struct member *m, const char *name)
{
	const struct account_change change = { .display_name = name,
		.language = "en",
		.public_visible = true,
		.mail_reply_to = -1,
		.invites_from = -1 };

	assert_int_equal(db_account_update(store.db, &store.arena, &m->acc, &change), DB_DONE);
}

TEST(directory_shows_who_wants_to_be_seen)
{
	shows("", "");
	publish(&ann, "Ann");
	shows("", "ann ");
	publish(&bob, "Bob");
	shows("", "ann bob ");
}

TEST(directory_leaves_out_the_hidden_and_the_blocked)
{
	publish(&ann, "Ann");
	publish(&bob, "Bob");
	assert_int_equal(act(&bob, "hide"), ACCOUNT_OK);
	shows("", "ann ");
	assert_int_equal(act(&ann, "block"), ACCOUNT_OK);
	shows("", "");
}

TEST(directory_search_finds_parts_of_name_and_address)
{
	publish(&ann, "\xc3\x84nne Gro\xc3\x9f");
	publish(&bob, "Robert");
	shows("\xc3\xa4nne", "ann ");
	shows("nne g", "ann ");
	shows("ann", "ann ");
	shows("ober", "bob ");
	shows("bo", "bob ");
	shows("zzz", "");
}

TEST(directory_search_takes_wildcards_literally)
{
	publish(&ann, "100% \\o/ a_b");
	publish(&bob, "Robert");
	shows("%", "ann ");
	shows("_", "ann ");
	shows("a_b", "ann ");
	shows("\\", "ann ");
	shows("\\o/", "ann ");
	shows("1%0", "");
	shows("r_b", "");
	shows("'", "");
}

TEST(account_update_is_stored)
{
	publish(&ann, "Ann B");
	assert_string_equal(ann.acc.display_name, "Ann B");
	assert_string_equal(ann.acc.language, "en");
	assert_true(ann.acc.public_visible);
}

/* Messages in both directions: read, changed, withdrawn, waiting. */
static void
correspond(void)
{
	struct sent sent = send_text(&bob, &ann, "edited");
	enum change_result result;

	send_text(&bob, &ann, "read");
	polls(&ann, 0, "edited read");
	assert_int_equal(db_message_edit(store.db, &store.arena, sent.id, actor_of(&bob), "new",
			     HOUR, NOW, &result),
	    DB_DONE);
	send_text(&bob, &ann, "waiting");
	send_text(&ann, &bob, "answer");
	poll_from(&bob, 0);
	send_text(&ann, &bob, "never fetched");
	send_text(&bob, &bob, "note");
}

static void
erase(const struct member *m)
{
	assert_int_equal(db_account_erase(store.db, &store.arena, &m->acc, NOW), DB_DONE);
}

TEST(erase_removes_messages_deliveries_and_streams)
{
	const long long id = bob.acc.id;

	correspond();
	send_text(&ann, &ann, "stays");
	erase(&bob);
	assert_int_equal(store_number("SELECT count(*) FROM message"), 1);
	assert_int_equal(store_number("SELECT count(*) FROM delivery"), 1);
	assert_int_equal(store_number("SELECT count(*) FROM stream WHERE stream_id = %lld", id), 0);
	assert_int_equal(
	    store_number("SELECT count(*) FROM session WHERE account_id = %lld", id), 0);
	assert_int_equal(store_number("SELECT count(*) FROM account"), 1);
	poll_from(&ann, 0);
	polls(&ann, 0, "stays");
}

TEST(erase_leaves_no_item_in_a_stream_without_its_message)
{
	correspond();
	erase(&bob);
	assert_int_equal(store_number("SELECT count(*) FROM stream WHERE message_id NOT IN "
				      "(SELECT id FROM message)"),
	    0);
}

TEST(erase_removes_what_was_withdrawn_before_it_was_fetched)
{
	struct sent sent = send_text(&ann, &bob, "x");
	enum change_result result;

	assert_int_equal(
	    db_message_delete(store.db, &store.arena, sent.id, actor_of(&ann), NOW, &result),
	    DB_DONE);
	erase(&bob);
	assert_int_equal(store_number("SELECT count(*) FROM message"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM delivery"), 0);
}

TEST(erase_removes_keys_mails_codes_and_requests)
{
	const struct signin_limit l = { .email = "bob@example.org", .client = "c", .now = NOW };
	const struct mail mail = { "bob@example.org", "s", "b", NOW + HOUR };
	struct message_new m = letter(&bob, &ann, "x", NOW);
	enum send_result result;
	int64_t retry_at;

	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ .key = "k" }, &result), DB_DONE);
	assert_int_equal(db_code_request(store.db, &l, "111111", &mail, &retry_at), DB_DONE);
	assert_int_equal(db_access_ask(store.db, &l, "Bob", NULL, &retry_at), DB_DONE);
	erase(&bob);
	assert_int_equal(store_number("SELECT (SELECT count(*) FROM idempotency) + (SELECT "
				      "count(*) FROM outbox) + (SELECT count(*) FROM login_code) + "
				      "(SELECT count(*) FROM access_request)"),
	    0);
}

TEST(erase_retires_the_address)
{
	struct member m;
	struct signin in;

	erase(&bob);
	in = signin_of(&m, "robert", NOW);
	in.chat_address = "bob";
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_ADDRESS_TAKEN);
	assert_int_equal(store_number("SELECT count(*) FROM retired_address WHERE "
				      "length(address_mac) = 16"),
	    1);
}

TEST(erase_leaves_nothing_to_the_next_account)
{
	struct member next;

	correspond();
	erase(&bob);
	next = sign_in("carl");
	polls(&next, 0, "");
	assert_int_equal(next.acc.delivered_seq, 0);
	assert_int_equal(next.s.start_seq, 0);
}

TEST(erase_leaves_the_others_alone)
{
	struct member carl = sign_in("carl");
	struct sent sent = send_text(&ann, &carl, "x");

	correspond();
	erase(&bob);
	fresh(&ann);
	polls(&carl, 0, "x");
	assert_int_equal(state_of(&ann, sent), DELIVERY_CLAIMED);
}

static int
count_step(void *arg)
{
	++*(int *)arg;
	return 0;
}

/* How much work it is for the database to see that `a` has not met account `other_id`. */
static int
steps_of(const struct member *a, int64_t other_id)
{
	int steps = 0;

	sqlite3_progress_handler(sqlite_of(store.db->engine)->handle, 1, count_step, &steps);
	assert_int_equal(db_account_met(store.db, a->acc.id, other_id), DB_NONE);
	sqlite3_progress_handler(sqlite_of(store.db->engine)->handle, 0, NULL, NULL);
	return steps;
}

TEST(who_has_not_been_met_is_as_much_work_as_nobody)
{
	struct member carl = sign_in("carl");
	enum { MANY = 200 };
	int nobody;

	for (int i = 0; i < MANY; i++) {
		send_text(&carl, &ann, "x");
		send_text(&bob, &carl, "x");
	}
	nobody = steps_of(&ann, 0);
	assert_true(nobody > MANY);
	assert_int_equal(steps_of(&ann, bob.acc.id), nobody);
	assert_int_equal(db_account_met(store.db, ann.acc.id, carl.acc.id), DB_ROW);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(last_admin_cannot_be_demoted),
	EACH(admin_who_was_erased_is_not_named_by_what_they_still_did),
	EACH(last_admin_cannot_be_blocked),
	EACH(admin_beside_a_blocked_admin_is_the_last_one),
	EACH(one_of_two_admins_can_be_demoted),
	EACH(users_can_be_blocked_where_there_is_no_admin),
	EACH(blocked_account_loses_its_sessions),
	EACH(flags_of_an_unknown_account_are_none),
	EACH(account_is_found_by_email_and_by_address),
	EACH(list_is_in_order_of_address_page_by_page),
	EACH(directory_shows_who_wants_to_be_seen),
	EACH(directory_leaves_out_the_hidden_and_the_blocked),
	EACH(directory_search_finds_parts_of_name_and_address),
	EACH(directory_search_takes_wildcards_literally),
	EACH(account_update_is_stored),
	EACH(erase_removes_messages_deliveries_and_streams),
	EACH(erase_leaves_no_item_in_a_stream_without_its_message),
	EACH(erase_removes_what_was_withdrawn_before_it_was_fetched),
	EACH(erase_removes_keys_mails_codes_and_requests),
	EACH(erase_retires_the_address),
	EACH(erase_leaves_nothing_to_the_next_account),
	EACH(erase_leaves_the_others_alone),
	EACH(who_has_not_been_met_is_as_much_work_as_nobody),
};

int
main(void)
{
	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
