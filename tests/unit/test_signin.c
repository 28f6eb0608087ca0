/* Signing in: codes and their five tries, throttles, the account that is made, and sessions. */
#include "store_fixture.h"

static int64_t retry_at;

static struct signin_limit
limit_of(const char *email, const char *client, int per_address, int per_client, int64_t now)
{
	retry_at = 0;
	return (struct signin_limit){ .email = email,
		.client = client,
		.per_address = per_address,
		.per_client = per_client,
		.now = now };
}

static void
asks(const char *email, const char *code, int64_t now)
{
	const struct signin_limit l = limit_of(email, "192.0.2.1", 0, 0, now);

	assert_int_equal(db_code_request(store.db, &l, code, NULL, &retry_at), DB_DONE);
}

static struct member m;

/* Uses a code for ann@example.org. */
static enum signin_result
verify(const char *code, int64_t now)
{
	struct signin in = signin_of(&m, "ann", now);
	enum signin_result result = SIGNIN_LIMITED;

	in.code = code;
	assert_int_equal(
	    db_code_verify(store.db, &store.arena, &in, &result, &m.acc, &m.s, &retry_at), DB_DONE);
	return result;
}

TEST(code_opens_a_session_and_makes_the_account)
{
	asks("ann@example.org", "111111", NOW);
	assert_int_equal(verify("111111", NOW), SIGNIN_OK);
	assert_string_equal(m.acc.email, "ann@example.org");
	assert_string_equal(m.acc.chat_address, "ann");
	assert_int_equal(m.acc.role, ROLE_USER);
	assert_int_equal(m.s.created_at, NOW);
	fresh(&m);
	assert_string_equal(m.acc.chat_address, "ann");
	assert_int_equal(store_number("SELECT count(*) FROM account"), 1);
}

TEST(code_is_good_for_one_use)
{
	asks("ann@example.org", "111111", NOW);
	assert_int_equal(verify("111111", NOW), SIGNIN_OK);
	assert_int_equal(verify("111111", NOW), SIGNIN_WRONG);
	assert_int_equal(store_number("SELECT count(*) FROM login_code"), 0);
}

TEST(code_that_was_never_asked_for_is_wrong)
{
	assert_int_equal(verify("111111", NOW), SIGNIN_WRONG);
	assert_int_equal(store_number("SELECT count(*) FROM account"), 0);
}

TEST(code_of_another_address_is_wrong)
{
	asks("bob@example.org", "111111", NOW);
	assert_int_equal(verify("111111", NOW), SIGNIN_WRONG);
}

TEST(code_is_good_after_four_wrong_tries)
{
	asks("ann@example.org", "111111", NOW);
	for (int i = 0; i < 4; i++)
		assert_int_equal(verify("000000", NOW), SIGNIN_WRONG);
	assert_int_equal(verify("111111", NOW), SIGNIN_OK);
}

TEST(code_is_gone_after_five_wrong_tries)
{
	asks("ann@example.org", "111111", NOW);
	for (int i = 0; i < 5; i++)
		assert_int_equal(verify("000000", NOW), SIGNIN_WRONG);
	assert_int_equal(verify("111111", NOW), SIGNIN_WRONG);
}

TEST(new_code_has_tries_of_its_own)
{
	asks("ann@example.org", "111111", NOW);
	for (int i = 0; i < 5; i++)
		verify("000000", NOW);
	asks("ann@example.org", "222222", NOW);
	assert_int_equal(verify("111111", NOW), SIGNIN_WRONG);
	assert_int_equal(verify("222222", NOW), SIGNIN_OK);
}

TEST(three_codes_are_alive_and_a_fourth_ends_the_first)
{
	static const char *const codes[] = { "111111", "222222", "333333", "444444" };

	for (int i = 0; i < 4; i++)
		asks("ann@example.org", codes[i], NOW);
	assert_int_equal(store_number("SELECT count(*) FROM login_code"), 3);
	assert_int_equal(verify("111111", NOW), SIGNIN_WRONG);
	assert_int_equal(verify("222222", NOW), SIGNIN_OK);
	assert_int_equal(store_number("SELECT count(*) FROM login_code"), 0);
}

TEST(code_of_the_operator_works_for_everybody)
{
	const struct signin_limit l = limit_of("ann@example.org", NULL, 0, 0, NOW);

	assert_int_equal(db_code_request(store.db, &l, "111111", NULL, &retry_at), DB_DONE);
	assert_int_equal(verify("111111", NOW), SIGNIN_OK);
}

TEST(code_expires_after_ten_minutes)
{
	asks("ann@example.org", "111111", NOW);
	assert_int_equal(verify("111111", NOW + 600000), SIGNIN_WRONG);
	assert_int_equal(verify("111111", NOW + 599999), SIGNIN_OK);
}

TEST(code_is_stored_as_its_keyed_hash)
{
	asks("ann@example.org", "111111", NOW);
	assert_int_equal(store_number("SELECT length(code_mac) = 32 AND instr(code_mac, "
				      "CAST('111111' AS BLOB)) = 0 FROM login_code"),
	    1);
}

TEST(code_of_two_addresses_is_stored_differently)
{
	asks("ann@example.org", "111111", NOW);
	asks("bob@example.org", "111111", NOW);
	assert_int_equal(store_number("SELECT count(DISTINCT code_mac) FROM login_code"), 2);
}

TEST(attempt_without_a_code_stores_none)
{
	const struct signin_limit l = limit_of("ann@example.org", "c", 1, 0, NOW);
	const struct mail mail = { "ann@example.org", "s", "b", NOW + 1 };

	assert_int_equal(db_code_request(store.db, &l, NULL, &mail, &retry_at), DB_DONE);
	assert_int_equal(store_number("SELECT count(*) FROM login_code"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM outbox"), 0);
	assert_int_equal(db_code_request(store.db, &l, NULL, &mail, &retry_at), DB_DONE);
	assert_true(retry_at > 0);
}

static bool
request_limited(const char *email, const char *client, int64_t now)
{
	const struct signin_limit l = limit_of(email, client, 2, 3, now);
	const struct mail mail = { email, "subject", "body", now + 1000 };

	assert_int_equal(db_code_request(store.db, &l, "111111", &mail, &retry_at), DB_DONE);
	return retry_at > 0;
}

TEST(throttle_by_client_and_address_lasts_an_hour_from_the_first_attempt)
{
	assert_false(request_limited("a@x", "c1", NOW));
	assert_false(request_limited("a@x", "c1", NOW + 10));
	assert_true(request_limited("a@x", "c1", NOW + 20));
	assert_int_equal(retry_at, NOW + HOUR);
	assert_false(request_limited("a@x", "c2", NOW + HOUR - 1));
	assert_false(request_limited("a@x", "c1", NOW + HOUR));
}

TEST(throttle_by_address_is_ten_shares)
{
	char client[16];

	for (int i = 0; i < 20; i++) {
		snprintf(client, sizeof(client), "c%d", i);
		assert_false(request_limited("a@x", client, NOW));
	}
	assert_true(request_limited("a@x", "other", NOW));
	assert_int_equal(retry_at, NOW + HOUR);
	assert_false(request_limited("a@x", "another", NOW + HOUR));
}

TEST(throttle_by_client_counts_over_all_addresses)
{
	assert_false(request_limited("a@x", "c", NOW));
	assert_false(request_limited("b@x", "c", NOW));
	assert_false(request_limited("c@x", "c", NOW));
	assert_true(request_limited("d@x", "c", NOW));
	assert_int_equal(retry_at, NOW + HOUR);
	assert_false(request_limited("d@x", "other", NOW));
	assert_false(request_limited("d@x", "c", NOW + HOUR));
}

TEST(throttled_attempt_counts_against_its_client)
{
	assert_false(request_limited("a@x", "c", NOW));
	assert_false(request_limited("a@x", "c", NOW));
	assert_true(request_limited("a@x", "c", NOW));
	assert_true(request_limited("b@x", "c", NOW));
}

TEST(throttled_attempt_leaves_code_and_outbox_as_they_were)
{
	for (int i = 0; i < 4; i++)
		request_limited("a@x", "c", NOW + i);
	assert_int_equal(store_number("SELECT count(*) FROM outbox"), 2);
	assert_int_equal(store_number("SELECT max(expires_at) FROM login_code"), NOW + 1 + 600000);
}

TEST(throttle_of_zero_lets_everybody_through)
{
	for (int i = 0; i < 20; i++)
		asks("ann@example.org", "111111", NOW);
	assert_int_equal(store_number("SELECT count(*) FROM throttle"), 0);
}

TEST(throttle_forgets_what_is_over)
{
	request_limited("a@x", "c", NOW);
	assert_int_equal(store_number("SELECT count(*) FROM throttle"), 3);
	request_limited("b@x", "d", NOW + HOUR);
	assert_int_equal(store_number("SELECT count(*) FROM throttle"), 3);
}

TEST(throttle_keeps_no_address_in_the_clear)
{
	request_limited("a@x", "192.0.2.1", NOW);
	assert_int_equal(store_number("SELECT count(*) FROM throttle WHERE length(key_mac) = 32 "
				      "AND instr(key_mac, CAST('a@x' AS BLOB)) = 0"),
	    3);
}

TEST(throttle_of_verifying_counts_clients_only)
{
	struct signin in = signin_of(&m, "ann", NOW);
	enum signin_result result = SIGNIN_OK;

	in.limit.per_client = 2;
	in.limit.per_address = 1;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    db_code_verify(store.db, &store.arena, &in, &result, &m.acc, &m.s, &retry_at),
		    DB_DONE);
		assert_int_equal(result, i < 2 ? SIGNIN_WRONG : SIGNIN_LIMITED);
	}
	assert_int_equal(retry_at, NOW + HOUR);
}

TEST(address_asked_for_is_given_once_and_then_taken)
{
	struct signin in;
	struct member bob;

	sign_in("ann");
	in = signin_of(&bob, "bob", NOW);
	in.chat_address = "ann";
	assert_int_equal(sign_in_as(&bob, &in), SIGNIN_ADDRESS_TAKEN);
	assert_int_equal(store_number("SELECT count(*) FROM account"), 1);
}

TEST(taken_address_leaves_the_code_usable)
{
	struct signin in;
	enum signin_result result;
	struct member bob;

	sign_in("ann");
	in = signin_of(&bob, "bob", NOW);
	in.chat_address = "ann";
	assert_int_equal(sign_in_as(&bob, &in), SIGNIN_ADDRESS_TAKEN);
	in.chat_address = "robert";
	assert_int_equal(
	    db_code_verify(store.db, &store.arena, &in, &result, &bob.acc, &bob.s, &retry_at),
	    DB_DONE);
	assert_int_equal(result, SIGNIN_OK);
	assert_string_equal(bob.acc.chat_address, "robert");
}

TEST(address_of_the_relay_and_of_groups_is_taken)
{
	static const char *const reserved[] = { "relay", "grp_", "grp_abc" };

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		const struct signin in = signin_of(&m, reserved[i], NOW);

		assert_int_equal(sign_in_as(&m, &in), SIGNIN_ADDRESS_TAKEN);
	}
	sign_in("relays");
	sign_in("grp");
}

TEST(address_that_nobody_asked_for_is_random)
{
	struct signin in = signin_of(&m, "ann", NOW);

	in.chat_address = NULL;
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	assert_int_equal(strlen(m.acc.chat_address), 16);
	assert_int_equal(strspn(m.acc.chat_address, "0123456789abcdef"), 16);
	assert_string_equal(account_name(&m.acc), m.acc.chat_address);
}

TEST(address_of_an_account_stays_whatever_is_asked_later)
{
	struct signin in;

	sign_in("ann");
	in = signin_of(&m, "ann", NOW);
	in.chat_address = "anna";
	in.display_name = "Other";
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	assert_string_equal(m.acc.chat_address, "ann");
	assert_string_equal(m.acc.display_name, "");
}

TEST(admin_by_the_settings_becomes_one_at_any_sign_in)
{
	struct signin in;

	sign_in("ann");
	in = signin_of(&m, "ann", NOW);
	in.admin = true;
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	assert_int_equal(m.acc.role, ROLE_ADMIN);
	m = sign_in("ann"); /* once an admin, always one */
	assert_int_equal(m.acc.role, ROLE_ADMIN);
	fresh(&m);
	assert_int_equal(m.acc.role, ROLE_ADMIN);
}

TEST(blocked_account_cannot_sign_in_and_learns_no_more_than_by_a_wrong_code)
{
	struct member ann = sign_in("ann");
	struct signin in = signin_of(&m, "ann", NOW);

	assert_int_equal(db_account_act(store.db, &store.arena, "ann", "block", "test", NOW,
			     &ann.acc, &(enum account_result){ 0 }),
	    DB_DONE);
	in.admin = true;
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_WRONG);
	assert_int_equal(store_number("SELECT count(*) FROM session"), 0);
	assert_int_equal(store_number("SELECT count(*) FROM account WHERE role = 1"), 0);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(code_opens_a_session_and_makes_the_account),
	EACH(code_is_good_for_one_use),
	EACH(code_that_was_never_asked_for_is_wrong),
	EACH(code_of_another_address_is_wrong),
	EACH(code_is_good_after_four_wrong_tries),
	EACH(code_is_gone_after_five_wrong_tries),
	EACH(new_code_has_tries_of_its_own),
	EACH(three_codes_are_alive_and_a_fourth_ends_the_first),
	EACH(code_of_the_operator_works_for_everybody),
	EACH(code_expires_after_ten_minutes),
	EACH(code_is_stored_as_its_keyed_hash),
	EACH(code_of_two_addresses_is_stored_differently),
	EACH(attempt_without_a_code_stores_none),
	EACH(throttle_by_client_and_address_lasts_an_hour_from_the_first_attempt),
	EACH(throttle_by_address_is_ten_shares),
	EACH(throttle_by_client_counts_over_all_addresses),
	EACH(throttled_attempt_counts_against_its_client),
	EACH(throttled_attempt_leaves_code_and_outbox_as_they_were),
	EACH(throttle_of_zero_lets_everybody_through),
	EACH(throttle_forgets_what_is_over),
	EACH(throttle_keeps_no_address_in_the_clear),
	EACH(throttle_of_verifying_counts_clients_only),
	EACH(address_asked_for_is_given_once_and_then_taken),
	EACH(taken_address_leaves_the_code_usable),
	EACH(address_of_the_relay_and_of_groups_is_taken),
	EACH(address_that_nobody_asked_for_is_random),
	EACH(address_of_an_account_stays_whatever_is_asked_later),
	EACH(admin_by_the_settings_becomes_one_at_any_sign_in),
	EACH(blocked_account_cannot_sign_in_and_learns_no_more_than_by_a_wrong_code),
};

int
main(void)
{
	return cmocka_run_group_tests_name("signin", tests, NULL, NULL);
}
