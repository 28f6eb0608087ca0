/* Housekeeping's steps: what goes to the millisecond, in batches larger than one step, and whose
 * turn a pass is while clocks are wrong. */
#include "store_fixture.h"

#include "clock.h"
#include "group.h"
#include "sweep.h"
#include "sweep_pass.h"

#define MANY 1203 /* rows: more than two steps take */
#define DAY (24 * HOUR)

static struct member ann, bob;
static struct conf conf;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	ann = sign_in("ann");
	bob = sign_in("bob");
	conf = (struct conf){ .queue_ttl_sec = 3600,
		.pchat_queue_ttl_sec = 3600,
		.join_request_ttl_sec = 3600,
		.audit_ttl_sec = 3600,
		.retention_mode = RETENTION_SCRUB_CONTENT_ON_FINAL };
	store.db->retention = RETENTION_SCRUB_CONTENT_ON_FINAL;
	return 0;
}

/* Runs a job of a pass at `now` to its end; what was counted before is what goes. */
static int64_t
clear_at(enum sweep_job job, int64_t now)
{
	struct sweep_plan plan;
	int64_t cursor = 0, counted = 0, count = 0, all = 0;
	enum db_result r;

	sweep_make_plan(&conf, now, &plan);
	assert_int_equal(db_sweep_count(store.db, &plan, job, &counted), DB_ROW);
	while ((r = db_sweep_step(store.db, &plan, job, now + 1, &cursor, &count)) == DB_DONE)
		all += count;
	assert_int_equal(r, DB_NONE);
	assert_int_equal(all, counted);
	return all;
}

/* What goes by its time alone: how rows are made whose time is %lld, and how long after it. */
static const struct {
	enum sweep_job job;
	const char *table, *columns, *values;
	int64_t after_ms;
} plain[] = {
	{ SWEEP_SESSIONS, "session",
	    "expires_at, public_id, token_hash, account_id, device_name, session_name, "
	    "listen_channel, visible, start_seq, sent_seq, created_at, last_seen_at",
	    "randomblob(16), randomblob(32), 1, '', '', '', 0, 0, 0, 0, 0", 0 },
	{ SWEEP_CODES, "login_code", "expires_at, email, client_mac, code_mac, tries",
	    "hex(randomblob(8)), x'', x'', 0", 0 },
	{ SWEEP_THROTTLES, "throttle", "resets_at, key_mac, hits", "randomblob(16), 1", 0 },
	{ SWEEP_ACCESS, "access_request",
	    "created_at, public_id, email, display_name, status, decided_at",
	    "randomblob(16), hex(randomblob(8)), '', 0, 0", HOUR },
	{ SWEEP_JOINS, "join_request", "created_at, public_id, group_id, account_id",
	    "randomblob(16), random(), 1", HOUR },
	{ SWEEP_KEYS, "idempotency",
	    "created_at, account_id, request_key, body_mac, message_public_id, status",
	    "1, hex(randomblob(8)), x'', randomblob(16), 0", DAY },
	{ SWEEP_OUTBOX, "outbox",
	    "expires_at, recipient, subject, body, created_at, next_try_at, tries, last_error",
	    "'', '', '', 0, 0, 0, ''", 0 },
	{ SWEEP_BRIDGE, "bridge",
	    "created_at, message_id, owner_id, channel, phone_id, stage, next_try_at, tries, "
	    "leased_by, last_error",
	    "abs(random()), 1, 'sms', '', 1, 0, 0, '', ''", HOUR },
	{ SWEEP_AUDIT, "audit", "at, actor, action, target", "'a', 'b', 'c'", HOUR },
	{ SWEEP_FILES, "file", "expires_at, public_id, owner_id, token_hash, label, size",
	    "randomblob(16), 1, x'', x'', 1", 0 },
};

static void
make_rows(size_t i, int64_t at, int count)
{
	char sql[1024];

	/* of files, when they were made is asked for as well */
	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	    "INSERT INTO %s (%s%s) SELECT %lld, %s%s FROM n",
	    count, plain[i].table, plain[i].columns,
	    plain[i].job == SWEEP_FILES ? ", created_at" : "", (long long)at, plain[i].values,
	    plain[i].job == SWEEP_FILES ? ", 0" : "");
	store_other_runs(sql);
}

TEST(each_plain_job_takes_what_is_over_to_the_millisecond)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		/* what the people of the test have of their own is out of the way */
		clear_at(plain[i].job, NOW + 365 * DAY);
		make_rows(i, NOW, 1);
		assert_int_equal(clear_at(plain[i].job, NOW + plain[i].after_ms - 1), 0);
		assert_int_equal(clear_at(plain[i].job, NOW + plain[i].after_ms), 1);
		make_rows(i, NOW, 1);
		assert_int_equal(clear_at(plain[i].job, NOW + plain[i].after_ms + 1), 1);
		assert_int_equal(clear_at(plain[i].job, NOW + plain[i].after_ms + 1), 0);
	}
}

TEST(each_plain_job_ends_what_is_more_than_one_step_takes)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		clear_at(plain[i].job, NOW + 365 * DAY);
		make_rows(i, NOW, MANY);
		make_rows(i, NOW + 2 * DAY, 3);
		assert_int_equal(clear_at(plain[i].job, NOW + DAY), MANY);
		assert_int_equal(store_number("SELECT count(*) FROM %s%s", plain[i].table,
				     plain[i].job == SWEEP_BRIDGE       ? " WHERE stage = 1" :
					 plain[i].job == SWEEP_SESSIONS ? " WHERE created_at = 0" :
									  ""),
		    3);
	}
}

TEST(ttl_of_zero_switches_its_jobs_off)
{
	static const enum sweep_job off[] = { SWEEP_ACCESS, SWEEP_JOINS, SWEEP_BRIDGE,
		SWEEP_AUDIT };

	conf.queue_ttl_sec = conf.join_request_ttl_sec = conf.audit_ttl_sec =
	    conf.pchat_queue_ttl_sec = 0;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		for (size_t n = 0; n < ARRAY_LEN(off); n++)
			if (plain[i].job == off[n]) {
				make_rows(i, 1, 1);
				assert_int_equal(clear_at(off[n], NOW), 0);
			}
	send_text(&ann, &bob, "x");
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 365 * DAY), 0);
}

TEST(session_and_file_that_never_expire_stay)
{
	make_rows(0, 0, 1);
	make_rows(ARRAY_LEN(plain) - 1, 0, 1);
	clear_at(SWEEP_SESSIONS, NOW + 365 * DAY);
	assert_int_equal(store_number("SELECT count(*) FROM session WHERE created_at = 0"), 1);
	assert_int_equal(clear_at(SWEEP_FILES, NOW + 365 * DAY), 0);
}

static int64_t
number_of(struct sent sent)
{
	sqlite3 *h = store_other();
	sqlite3_stmt *st = NULL;
	int64_t n;

	sqlite3_prepare_v2(h, "SELECT id FROM message WHERE public_id = ?", -1, &st, NULL);
	sqlite3_bind_blob(st, 1, sent.id, ID_BYTES, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(h);
	return n;
}

/* What the store still holds of what it said: bodies that are not empty, and keys. */
static int64_t
held(struct sent sent)
{
	const long long id = number_of(sent);

	return store_number("SELECT (SELECT count(*) FROM message WHERE id = %lld AND "
			    "length(body) > 0) + (SELECT count(*) FROM content_key WHERE "
			    "id = %lld AND body_key <> zeroblob(32))",
	    id, id);
}

/* The whole stream up to now is fetched and confirmed. */
static void
deliver(struct member *m)
{
	int64_t next = poll_from(m, m->acc.delivered_seq).next;

	poll_from(m, next);
}

TEST(message_expires_to_the_millisecond_and_is_scrubbed_then)
{
	struct sent sent = send_text(&ann, &bob, "x");
	int64_t over = NOW + HOUR;

	assert_int_equal(clear_at(SWEEP_MESSAGES, over - 1), 0);
	assert_int_equal(held(sent), 2);
	assert_int_equal(clear_at(SWEEP_MESSAGES, over), 1);
	assert_int_equal(held(sent), 0);
	assert_int_equal(state_of(&ann, sent), DELIVERY_EXPIRED);
	assert_int_equal(clear_at(SWEEP_MESSAGES, over + 1), 0);
	polls(&bob, 0, "");
}

TEST(delivered_messages_are_scrubbed_in_batches_and_others_stay)
{
	struct sent waits;

	for (int i = 0; i < 250; i++)
		send_text(&ann, &bob, "x");
	deliver(&bob);
	deliver(&bob);
	deliver(&bob);
	waits = send_text(&ann, &bob, "waits");
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 250);
	assert_int_equal(
	    store_number("SELECT count(*) FROM content_key WHERE body_key <> zeroblob(32)"), 1);
	assert_int_equal(held(waits), 2);
}

TEST(claimed_message_is_kept_until_it_is_confirmed)
{
	struct sent sent = send_text(&ann, &bob, "x");
	int64_t next = polls(&bob, 0, "x");

	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 0);
	polls(&bob, next, "");
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 1);
	assert_int_equal(held(sent), 0);
}

static void
edit(struct sent sent, const char *text)
{
	enum change_result result = CHANGE_REMOVED;

	assert_int_equal(db_message_edit(store.db, &store.arena, sent.id, actor_of(&ann), text,
			     HOUR, NOW, &result),
	    DB_DONE);
	assert_int_equal(result, CHANGE_DONE);
}

TEST(edit_before_the_message_was_fetched_does_not_hold_it_up)
{
	struct sent sent = send_text(&ann, &bob, "old");

	edit(sent, "new");
	deliver(&bob);
	assert_int_equal(state_of(&ann, sent), DELIVERY_DELIVERED);
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 1);
	assert_int_equal(held(sent), 0);
}

TEST(edit_after_the_message_was_fetched_waits_for_its_own_confirmation)
{
	struct sent sent = send_text(&ann, &bob, "old");
	int64_t next = polls(&bob, 0, "old");

	edit(sent, "new");
	next = polls(&bob, next, "new");
	assert_int_equal(state_of(&ann, sent), DELIVERY_DELIVERED);
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 0);
	assert_int_equal(held(sent), 2);
	polls(&bob, next, "");
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 1);
	assert_int_equal(held(sent), 0);
}

TEST(edit_of_a_final_message_makes_it_open_again)
{
	struct sent sent = send_text(&ann, &bob, "old");

	deliver(&bob);
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 1);
	edit(sent, "new");
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 0);
	deliver(&bob);
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 1);
	assert_int_equal(held(sent), 0);
}

TEST(kept_messages_are_scrubbed_when_the_settings_changed)
{
	struct sent sent = send_text(&ann, &bob, "x");

	store.db->retention = conf.retention_mode = RETENTION_FULL;
	deliver(&bob);
	assert_int_equal(clear_at(SWEEP_MESSAGES, NOW + 2), 1);
	assert_int_equal(clear_at(SWEEP_KEPT, clock_ms()), 0);
	assert_int_equal(held(sent), 2);
	store.db->retention = conf.retention_mode = RETENTION_SCRUB_CONTENT_ON_FINAL;
	assert_int_equal(clear_at(SWEEP_KEPT, clock_ms()), 1);
	assert_int_equal(held(sent), 0);
}

static struct group room;

/* A group of ann, bob and carl. */
static struct member
make_group(void)
{
	struct member carl = sign_in("carl");
	struct member *others[] = { &bob, &carl };
	uint8_t request[ID_BYTES];
	enum group_result result;

	room = (struct group){ .name = arena_strdup(&store.arena, "room"),
		.description = arena_strdup(&store.arena, ""),
		.is_public = true,
		.is_open = true };
	assert_int_equal(db_group_create(store.db, &room, &ann.acc, NOW), DB_DONE);
	for (int i = 0; i < 2; i++)
		assert_int_equal(db_group_join(store.db, &store.arena,
				     &(struct group_act){ &others[i]->acc, room.public_id, NOW },
				     request, &result),
		    DB_DONE);
	deliver(&ann);
	deliver(&bob);
	deliver(&carl);
	clear_at(SWEEP_MESSAGES, NOW + 2);
	return carl;
}

static struct sent
send_to_group(void)
{
	struct message_new m = letter(&ann, &ann, "for all", NOW);
	enum send_result result = SEND_REPEATED;
	struct sent sent;

	m.to = (struct message_target){ TARGET_GROUP, .group = { .id = room.id } };
	assert_int_equal(
	    db_message_send(store.db, &m, &(struct idempotency){ NULL }, &result), DB_DONE);
	assert_int_equal(result, SEND_NEW);
	memcpy(sent.id, m.public_id, ID_BYTES);
	return sent;
}

TEST(group_message_is_final_when_every_member_has_it)
{
	struct member carl = make_group();
	struct sent sent = send_to_group();

	deliver(&bob);
	clear_at(SWEEP_MESSAGES, NOW + 2);
	assert_int_equal(held(sent), 2);
	deliver(&carl);
	clear_at(SWEEP_MESSAGES, NOW + 2);
	assert_int_equal(held(sent), 0);
}

TEST(group_message_is_final_when_the_last_who_had_it_not_left)
{
	struct member carl = make_group();
	struct sent sent = send_to_group();
	enum group_result result;

	deliver(&bob);
	assert_int_equal(db_group_leave(store.db, &store.arena,
			     &(struct group_act){ &carl.acc, room.public_id, NOW }, &result),
	    DB_DONE);
	clear_at(SWEEP_MESSAGES, NOW + 2);
	assert_int_equal(held(sent), 0);
}

TEST(group_message_is_final_when_its_time_is_over)
{
	struct sent sent;

	make_group();
	sent = send_to_group();
	deliver(&bob);
	clear_at(SWEEP_MESSAGES, NOW + HOUR / 2);
	assert_int_equal(held(sent), 2);
	clear_at(SWEEP_MESSAGES, NOW + HOUR + 1000);
	assert_int_equal(held(sent), 0);
	assert_int_equal(state_of(&ann, sent), DELIVERY_EXPIRED);
}

/* -- whose turn it is ---------------------------------------------------------------------------
 */

#define INTERVAL ((int64_t)60000)
#define LEASE ((int64_t)30000)

static enum db_result
take_at(int64_t now)
{
	return db_sweep_take(store.db, now, INTERVAL, LEASE);
}

TEST(second_pass_waits_for_the_interval_and_for_the_lease)
{
	assert_int_equal(take_at(NOW), DB_DONE);
	assert_int_equal(take_at(NOW), DB_NONE);
	assert_int_equal(take_at(NOW + INTERVAL - 1), DB_NONE);
	assert_int_equal(take_at(NOW + INTERVAL), DB_DONE);
	assert_int_equal(db_sweep_take(store.db, NOW + INTERVAL + LEASE - 1, 0, LEASE), DB_NONE);
	assert_int_equal(db_sweep_take(store.db, NOW + INTERVAL + LEASE, 0, LEASE), DB_DONE);
	assert_int_equal(db_sweep_done(store.db, NOW + INTERVAL + LEASE + 5, 0), DB_DONE);
	assert_int_equal(db_sweep_take(store.db, NOW + INTERVAL + LEASE + 5, 0, LEASE), DB_DONE);
}

TEST(clock_set_back_does_not_stop_passes)
{
	assert_int_equal(take_at(NOW), DB_DONE);
	assert_int_equal(take_at(NOW - HOUR), DB_DONE);
	assert_int_equal(take_at(NOW - HOUR + 1), DB_NONE);
	assert_int_equal(take_at(NOW - HOUR + INTERVAL), DB_DONE);
}

TEST(clock_a_year_ahead_and_back_does_not_stop_passes)
{
	struct sweep_state s;

	assert_int_equal(take_at(NOW), DB_DONE);
	assert_int_equal(take_at(NOW + 365 * DAY), DB_DONE);
	assert_int_equal(db_sweep_searched(store.db, NOW + 365 * DAY, 1, 2), DB_DONE);
	assert_int_equal(db_sweep_done(store.db, NOW + 365 * DAY, 0), DB_DONE);
	assert_int_equal(take_at(NOW + INTERVAL), DB_DONE);
	assert_int_equal(db_sweep_done(store.db, NOW + INTERVAL + 7, 0), DB_DONE);
	assert_int_equal(db_sweep_state(store.db, &s), DB_ROW);
	assert_int_equal(s.duration_ms, 7);
	assert_int_equal(s.finished_at, NOW + INTERVAL + 7);
}

TEST(each_step_renews_the_lease)
{
	send_text(&ann, &bob, "x");
	deliver(&bob);
	assert_int_equal(db_sweep_take(store.db, NOW, 0, LEASE), DB_DONE);
	clear_at(SWEEP_MESSAGES, NOW + LEASE);
	assert_int_equal(store_number("SELECT lease_until FROM sweep"), NOW + LEASE + 1);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(each_plain_job_takes_what_is_over_to_the_millisecond),
		EACH(each_plain_job_ends_what_is_more_than_one_step_takes),
		EACH(ttl_of_zero_switches_its_jobs_off),
		EACH(session_and_file_that_never_expire_stay),
		EACH(message_expires_to_the_millisecond_and_is_scrubbed_then),
		EACH(delivered_messages_are_scrubbed_in_batches_and_others_stay),
		EACH(claimed_message_is_kept_until_it_is_confirmed),
		EACH(edit_before_the_message_was_fetched_does_not_hold_it_up),
		EACH(edit_after_the_message_was_fetched_waits_for_its_own_confirmation),
		EACH(edit_of_a_final_message_makes_it_open_again),
		EACH(kept_messages_are_scrubbed_when_the_settings_changed),
		EACH(group_message_is_final_when_every_member_has_it),
		EACH(group_message_is_final_when_the_last_who_had_it_not_left),
		EACH(group_message_is_final_when_its_time_is_over),
		EACH(second_pass_waits_for_the_interval_and_for_the_lease),
		EACH(clock_set_back_does_not_stop_passes),
		EACH(clock_a_year_ahead_and_back_does_not_stop_passes),
		EACH(each_step_renews_the_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
