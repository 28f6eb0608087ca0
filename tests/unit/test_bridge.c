/* External messages: the order of states, and leases, pauses and expiry to the millisecond.
 */
#include "bridge.h"
#include "store_fixture.h"

#define TTL HOUR

static struct member ann;
static struct bridge_item items[BRIDGE_CLAIM_MOST];
static struct bridge_claim claimed;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	return 0;
}

/* Ann sends an external message; the row's id. */
static int64_t
send_out(const char *channel, const char *phone_id, int64_t now, uint8_t id[static ID_BYTES])
{
	struct bridge_new way = { .phone_id = phone_id };
	struct message_new m = { .sender_id = ann.acc.id,
		.channel = channel,
		.kind = "text",
		.destination = "1",
		.text = "x",
		.to = { TARGET_EXTERNAL, .external = &way },
		.now = now };
	struct idempotency none = { .key = NULL };
	enum send_result result = SEND_KEY_REUSED;

	assert_int_equal(db_message_send(store.db, &m, &none, &result), DB_DONE);
	assert_int_equal(result, SEND_NEW);
	memcpy(id, m.public_id, ID_BYTES);
	return store_number("SELECT max(message_id) FROM bridge");
}

/* How many are handed out to a phone. */
static int
claim(const char *phone_id, int limit, int64_t now)
{
	int count = -1;

	claimed = (struct bridge_claim){ .owner_id = ann.acc.id,
		.phone_id = phone_id,
		.channels = (1U << CHANNEL_COUNT) - 1,
		.limit = limit,
		.text_limit = 1 << 20,
		.now = now,
		.cutoff = now - TTL };
	assert_int_equal(db_bridge_claim(store.db, &store.arena, &claimed, items, &count), DB_DONE);
	return count;
}

static enum ack_result
ack(const uint8_t id[static ID_BYTES], const uint8_t *lease_id, enum delivery_state status,
    int64_t now)
{
	struct bridge_ack k = { .owner_id = ann.acc.id,
		.phone_id = "p",
		.lease_id = lease_id,
		.status = status,
		.error = "why",
		.now = now };

	memcpy(k.public_id, id, ID_BYTES);
	assert_int_equal(db_bridge_ack(store.db, &k, 1), DB_DONE);
	return k.result;
}

static int64_t
state_now(int64_t message_id)
{
	return store_number("SELECT state FROM delivery WHERE message_id = %lld AND account_id = 0",
	    (long long)message_id);
}

TEST(states_go_forward_only)
{
	static const char *const allowed[] = { /* to: QCDRSFE */
		[DELIVERY_QUEUED] = ".xxxxxx",
		[DELIVERY_CLAIMED] = "..xxxxx",
		[DELIVERY_DELIVERED] = "...x...",
		[DELIVERY_READ] = ".......",
		[DELIVERY_SENT] = "..xx...",
		[DELIVERY_FAILED] = ".......",
		[DELIVERY_EXPIRED] = "......."
	};

	for (int from = 0; from < DELIVERY__MAX; from++)
		for (int to = 0; to < DELIVERY__MAX; to++)
			if (delivery_may_become((enum delivery_state)from,
				(enum delivery_state)to) != (allowed[from][to] == 'x'))
				fail_msg("from %s to %s", delivery_state_name(from),
				    delivery_state_name(to));
}

TEST(lease_ends_to_the_millisecond)
{
	uint8_t id[ID_BYTES];

	send_out("sms", "p", NOW, id);
	assert_int_equal(claim("p", 10, NOW - 1), 0);
	assert_int_equal(claim("p", 10, NOW), 1);
	assert_int_equal(claim("p", 10, NOW + BRIDGE_LEASE_MS - 1), 0);
	assert_int_equal(claim("p", 10, NOW + BRIDGE_LEASE_MS), 1);
}

TEST(expiry_is_to_the_millisecond)
{
	uint8_t id[ID_BYTES];
	int64_t first = send_out("sms", "p", NOW, id), second = send_out("sms", "p", NOW + 1, id);

	assert_int_equal(claim("p", 10, NOW + TTL), 1);
	assert_int_equal(state_now(first), DELIVERY_EXPIRED);
	assert_int_equal(state_now(second), DELIVERY_CLAIMED);
	assert_int_equal(db_bridge_expire(store.db, ann.acc.id, NOW + 2 * TTL, NOW + TTL), DB_DONE);
	assert_int_equal(state_now(second), DELIVERY_CLAIMED); /* under a lease */
	assert_int_equal(
	    db_bridge_expire(store.db, ann.acc.id, NOW + 2 * TTL, NOW + TTL + BRIDGE_LEASE_MS),
	    DB_DONE);
	assert_int_equal(state_now(second), DELIVERY_EXPIRED);
}

TEST(message_that_waits_for_its_next_try_expires_meanwhile)
{
	uint8_t id[ID_BYTES];
	int64_t message = send_out("sms", "p", NOW, id);

	assert_int_equal(claim("p", 10, NOW + TTL - 1), 1);
	assert_int_equal(ack(id, claimed.lease_id, DELIVERY_FAILED, NOW + TTL - 1), ACK_DONE);
	assert_int_equal(db_bridge_expire(store.db, ann.acc.id, NOW, NOW + TTL), DB_DONE);
	assert_int_equal(state_now(message), DELIVERY_EXPIRED);
}

TEST(pause_after_a_failure_is_to_the_millisecond)
{
	uint8_t id[ID_BYTES];

	send_out("sms", "p", NOW, id);
	assert_int_equal(claim("p", 10, NOW), 1);
	assert_int_equal(ack(id, NULL, DELIVERY_FAILED, NOW), ACK_DONE);
	assert_int_equal(claim("p", 10, NOW + 29999), 0);
	assert_int_equal(claim("p", 10, NOW + 30000), 1);
}

TEST(expiry_of_one_owner_leaves_the_others)
{
	uint8_t id[ID_BYTES];
	int64_t message = send_out("sms", "p", NOW, id);

	assert_int_equal(db_bridge_expire(store.db, ann.acc.id + 1, NOW + TTL, NOW + TTL), DB_DONE);
	assert_int_equal(state_now(message), DELIVERY_QUEUED);
}

TEST(mail_that_left_ends_with_its_message)
{
	uint8_t id[ID_BYTES];
	int64_t message = send_out("email", "", NOW, id);
	struct outbox_mail mail = { .id = 1, .message_id = message };

	store_other_runs("INSERT INTO outbox (id, recipient, subject, body, created_at, "
			 "expires_at, next_try_at, tries, last_error, kind, message_id) SELECT 1, "
			 "'', '', '', 1, 9, 1, 0, '', 0, max(message_id) FROM bridge");
	assert_int_equal(db_outbox_refused(store.db, &mail, "no"), DB_DONE);
	assert_int_equal(state_now(message), DELIVERY_FAILED);
	assert_int_equal(store_number("SELECT count(*) FROM outbox"), 0);
	assert_int_equal(db_outbox_sent(store.db, &mail), DB_NONE); /* gone: nothing changes */
	assert_int_equal(state_now(message), DELIVERY_FAILED);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(states_go_forward_only),
	EACH(lease_ends_to_the_millisecond),
	EACH(expiry_is_to_the_millisecond),
	EACH(message_that_waits_for_its_next_try_expires_meanwhile),
	EACH(pause_after_a_failure_is_to_the_millisecond),
	EACH(expiry_of_one_owner_leaves_the_others),
	EACH(mail_that_left_ends_with_its_message),
};

int
main(void)
{
	return cmocka_run_group_tests_name("bridge", tests, NULL, NULL);
}
