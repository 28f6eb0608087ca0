/* Sessions: which ones a sign-in replaces, who is listed, how they end, and presence. */
#include "store_fixture.h"

static struct member m;

static struct member
sign_in_from(const char *device, const char *session, int64_t now, int64_t expires_at)
{
	struct signin in = signin_of(&m, "ann", now);

	in.device_name = device;
	in.session_name = session;
	in.expires_at = expires_at;
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	return m;
}

static int64_t
sessions(void)
{
	return store_number("SELECT count(*) FROM session");
}

TEST(sessions_without_names_stand_side_by_side)
{
	sign_in("ann");
	sign_in("ann");
	assert_int_equal(sessions(), 2);
}

TEST(session_of_the_same_names_is_replaced)
{
	struct member one = sign_in_from("phone", "a", NOW, 0), two;

	sign_in_from("phone", "b", NOW, 0);
	sign_in_from("pad", "a", NOW, 0);
	two = sign_in_from("phone", "a", NOW, 0);
	assert_int_equal(sessions(), 3);
	assert_int_equal(
	    db_session_by_token(store.db, &store.arena, one.hash, &one.s, &one.acc), DB_NONE);
	fresh(&two);
}

TEST(session_of_the_same_names_of_another_account_stays)
{
	struct signin in = signin_of(&m, "bob", NOW);

	in.device_name = "phone";
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	sign_in_from("phone", "", NOW, 0);
	assert_int_equal(sessions(), 2);
}

TEST(session_that_expired_goes_at_the_next_sign_in)
{
	sign_in_from("", "", NOW, NOW + 10);
	sign_in_from("", "", NOW, NOW + 11);
	sign_in_from("", "", NOW + 10, 0);
	assert_int_equal(sessions(), 2);
}

TEST(session_that_expired_is_still_found_by_its_token)
{
	struct member one = sign_in_from("", "", NOW, NOW + 10);

	fresh(&one);
	assert_int_equal(one.s.expires_at, NOW + 10);
}

TEST(session_of_an_unknown_token_is_none)
{
	const uint8_t hash[SECRET_HASH_BYTES] = { 1 };

	sign_in("ann");
	assert_int_equal(db_session_by_token(store.db, &store.arena, hash, &m.s, &m.acc), DB_NONE);
}

TEST(session_is_stored_as_it_was_opened)
{
	struct member one = sign_in_from("phone", "a", NOW, NOW + 10);
	const struct session opened = one.s;

	fresh(&one);
	assert_int_equal(one.s.id, opened.id);
	assert_memory_equal(one.s.public_id, opened.public_id, ID_BYTES);
	assert_string_equal(one.s.device_name, "phone");
	assert_string_equal(one.s.session_name, "a");
	assert_false(one.s.visible);
	assert_int_equal(one.s.last_seen_at, NOW);
}

static int
listed(int64_t now, int64_t seen_after, int limit)
{
	struct session list[10];
	int count = -1;

	assert_int_equal(seen_after > 0 ?
		db_session_live(
		    store.db, &store.arena, m.acc.id, now, seen_after, limit, list, &count) :
		db_session_list(store.db, &store.arena, m.acc.id, now, 0, limit, list, &count),
	    DB_DONE);
	return count;
}

TEST(list_leaves_out_what_expired_and_keeps_to_its_limit)
{
	sign_in("bob");
	sign_in_from("", "", NOW, 0);
	sign_in_from("", "", NOW, NOW + 10);
	assert_int_equal(listed(NOW + 9, 0, 10), 2);
	assert_int_equal(listed(NOW + 10, 0, 10), 1);
	assert_int_equal(listed(NOW, 0, 1), 1);
}

TEST(list_of_the_live_ones_wants_them_visible_and_seen)
{
	struct member one = sign_in_from("", "", NOW, 0);

	assert_int_equal(listed(NOW, NOW - 1, 10), 0);
	assert_int_equal(db_session_presence(
			     store.db, one.s.id, &one.acc, &(struct presence){ .visible = true }),
	    DB_DONE);
	assert_int_equal(listed(NOW, NOW - 1, 10), 1);
	assert_int_equal(listed(NOW, NOW, 10), 0);
	assert_int_equal(
	    db_session_touch(store.db, one.s.id, "192.0.2.1", NOW + 5, false), DB_DONE);
	assert_int_equal(listed(NOW, NOW, 10), 1);
}

TEST(presence_changes_session_and_name)
{
	struct member one = sign_in_from("phone", "a", NOW, 0);

	assert_int_equal(
	    db_session_presence(store.db, one.s.id, &one.acc,
		&(struct presence){
		    .device_name = "pad", .listen_channel = "ch", .account_name = "Ann B" }),
	    DB_DONE);
	fresh(&one);
	assert_string_equal(one.s.device_name, "pad");
	assert_string_equal(one.s.session_name, "a");
	assert_string_equal(one.s.listen_channel, "ch");
	assert_string_equal(one.acc.display_name, "Ann B");
	assert_string_equal(account_name(&one.acc), "Ann B");
	assert_int_equal(
	    store_number("SELECT search_key = 'ann b' || char(10) || 'ann' FROM account"), 1);
}

TEST(delete_ends_ones_own_session_only)
{
	struct member ann = sign_in("ann"), bob = sign_in("bob");

	assert_int_equal(db_session_delete(store.db, ann.acc.id, bob.s.public_id), DB_NONE);
	assert_int_equal(db_session_delete(store.db, bob.acc.id, bob.s.public_id), DB_DONE);
	assert_int_equal(db_session_delete(store.db, bob.acc.id, bob.s.public_id), DB_NONE);
	assert_int_equal(sessions(), 1);
	fresh(&ann);
}

TEST(delete_of_the_others_keeps_the_one_that_asks)
{
	struct member one = sign_in("ann");
	int ended = -1;

	sign_in("ann");
	sign_in("ann");
	sign_in("bob");
	assert_int_equal(db_session_delete_others(store.db, one.acc.id, one.s.id, &ended), DB_DONE);
	assert_int_equal(ended, 2);
	assert_int_equal(db_session_delete_others(store.db, one.acc.id, one.s.id, &ended), DB_DONE);
	assert_int_equal(ended, 0);
	fresh(&one);
	assert_int_equal(sessions(), 2);
}

TEST(touch_waits_for_the_lock_as_long_as_allowed)
{
	struct member ann = sign_in("ann");
	int fd = lock_open(store.path);

	assert_true(fd >= 0 && lock_take(fd, 0));
	assert_int_equal(db_session_touch(store.db, ann.s.id, "192.0.2.1", NOW + 1, true), DB_BUSY);
	assert_int_not_equal(store.db->timeout_ms, BUSY_TIMEOUT); /* it was waited out */
	close(fd);
}

TEST(touch_does_not_wait_for_the_lock)
{
	struct member ann = sign_in("ann");
	int fd = lock_open(store.path);

	assert_true(fd >= 0 && lock_take(fd, 0));
	assert_int_equal(
	    db_session_touch(store.db, ann.s.id, "192.0.2.1", NOW + 1, false), DB_BUSY);
	assert_int_equal(store.db->timeout_ms, BUSY_TIMEOUT);
	close(fd);
	assert_int_equal(
	    db_session_touch(store.db, ann.s.id, "192.0.2.1", NOW + 1, false), DB_DONE);
	fresh(&ann);
	assert_int_equal(ann.s.last_seen_at, NOW + 1);
}

TEST(sessions_of_who_was_erased_meanwhile_are_none_and_name_nobody)
{
	struct member ann = sign_in("ann");
	int ended = -1;

	assert_int_equal(db_account_erase(store.db, &store.arena, &ann.acc, NOW), DB_DONE);
	assert_int_equal(db_session_end_all(store.db, &ann.acc, "relayctl", NOW, &ended), DB_NONE);
	assert_int_equal(
	    db_session_end(store.db, &ann.acc, ann.s.public_id, "relayctl", NOW), DB_NONE);
	assert_int_equal(ended, 0);
	assert_int_equal(store_number("SELECT count(*) FROM audit"), 0);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(sessions_without_names_stand_side_by_side),
	EACH(session_of_the_same_names_is_replaced),
	EACH(session_of_the_same_names_of_another_account_stays),
	EACH(session_that_expired_goes_at_the_next_sign_in),
	EACH(session_that_expired_is_still_found_by_its_token),
	EACH(session_of_an_unknown_token_is_none),
	EACH(session_is_stored_as_it_was_opened),
	EACH(list_leaves_out_what_expired_and_keeps_to_its_limit),
	EACH(list_of_the_live_ones_wants_them_visible_and_seen),
	EACH(presence_changes_session_and_name),
	EACH(delete_ends_ones_own_session_only),
	EACH(delete_of_the_others_keeps_the_one_that_asks),
	EACH(touch_waits_for_the_lock_as_long_as_allowed),
	EACH(touch_does_not_wait_for_the_lock),
	EACH(sessions_of_who_was_erased_meanwhile_are_none_and_name_nobody),
};

int
main(void)
{
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
