/* Epochs: keys are wrapped, machines share what wraps them and overwrite it in the end, and nothing
 * that waits is lost on the way. Two machines on one database are two connections, each with slots
 * of its own, and time is what a test says. */
#include "store_fixture.h"

#include "document.h"
#include "epoch.h"
#include "key.h"
#include "scrub.h"

#define LENGTH ((int64_t)600000)
#define TIMEOUT ((int64_t)EPOCH_TIMEOUT_MS)

struct machine {
	struct db *db;
	const char *name;
};

static struct machine one, two;
static struct member ann, bob;
static int64_t at;

static struct machine
machine(struct db *db, const char *name)
{
	char path[SCRATCH_BYTES + 32], error[SLOTS_ERROR_BYTES];

	snprintf(path, sizeof(path), "%s/%s", store.dir, name);
	db->slots = slots_open(path, false, error);
	assert_non_null(db->slots);
	return (struct machine){ db, name };
}

static void
step(const struct machine *m)
{
	const struct epoch_plan p = { .length_ms = LENGTH, .name = m->name };

	assert_int_equal(db_epoch_step(m->db, &p, at), DB_DONE);
}

/* Time goes by while the machines that are up (the second may be NULL) take their steps. */
static void
run_for(int64_t ms, const struct machine *a, const struct machine *b)
{
	for (const int64_t until = at + ms; at < until; at += 5000) {
		step(a);
		if (b)
			step(b);
	}
}

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	at = NOW;
	one = machine(store.db, "one");
	two = machine(store_open(), "two");
	step(&one);
	ann = sign_in("ann");
	bob = sign_in("bob");
	return 0;
}

static int
tear_down(void **state)
{
	db_close(two.db);
	return store_teardown(state);
}

static int64_t
current(void)
{
	return store_number("SELECT number FROM epoch WHERE state = 1");
}

static bool
has(const struct machine *m, int64_t epoch)
{
	uint8_t key[SECRET_SEAL_KEY_BYTES];

	return slots_get(m->db->slots, epoch, key);
}

static int64_t
rows_under(int64_t epoch)
{
	return store_number("SELECT count(*) FROM content_key WHERE hex(substr(body_key, 1, 8)) = "
			    "printf('%%016X', %lld)",
	    (long long)epoch);
}

static enum db_result
try_send(const struct machine *m, const char *text)
{
	struct message_new letter_of = letter(&ann, &bob, text, NOW);
	enum send_result result;

	return db_message_send(m->db, &letter_of, &(struct idempotency){ NULL }, &result);
}

static enum db_result
try_read(const struct machine *m, struct sent sent, const char *want)
{
	struct message got;
	enum db_result r = db_message_get(m->db, &store.arena, sent.id, bob.acc.id, &got);

	if (r == DB_ROW)
		assert_string_equal(got.text, want);
	return r;
}

static struct epoch_late
late(void)
{
	struct epoch_late l;

	assert_int_equal(db_epoch_late(store.db, LENGTH, at, &l), DB_DONE);
	return l;
}

/* -- wrapping ---------------------------------------------------------------------------------- */

TEST(nothing_is_wrapped_in_a_file_of_ones_own)
{
	struct slots *slots = store.db->slots;

	store.db->slots = NULL;
	step(&one);
	assert_true(db_epoch_is_here(store.db));
	send_text(&ann, &bob, "plain");
	assert_int_equal(
	    store_number("SELECT count(*) FROM content_key WHERE length(body_key) <> 32 OR "
			 "length(address_key) <> 32"),
	    0);
	polls(&bob, 0, "plain");
	assert_int_equal(late().since, 0);
	store.db->slots = slots;
}

TEST(key_in_the_row_is_wrapped_under_the_current_epoch)
{
	send_text(&ann, &bob, "wrapped");
	assert_int_equal(rows_under(current()), 1);
	assert_int_equal(store_number("SELECT count(*) FROM content_key WHERE length(body_key) = "
				      "80 AND length(address_key) = 80"),
	    1);
	polls(&bob, 0, "wrapped");
}

TEST(key_that_waits_from_before_epochs_opens)
{
	struct slots *slots = store.db->slots;

	store.db->slots = NULL;
	send_text(&ann, &bob, "older");
	store.db->slots = slots;
	polls(&bob, 0, "older");
	run_for(2 * LENGTH, &one, NULL);
	polls(&bob, 0, "older");
}

TEST(wrapped_key_of_another_message_opens_nothing)
{
	struct sent first = send_text(&ann, &bob, "first");

	send_text(&ann, &bob, "second");
	log_setup("unit", LOG_LEVEL_NOTICE);
	store_other_runs("UPDATE content_key SET body_key = (SELECT body_key FROM content_key "
			 "ORDER BY id DESC LIMIT 1)");
	assert_int_equal(try_read(&one, first, ""), DB_ROW);
}

TEST(machine_without_the_key_says_busy_and_shows_nothing_emptied)
{
	struct sent sent = send_text(&ann, &bob, "waits");

	assert_false(db_epoch_is_here(two.db));
	assert_int_equal(try_send(&two, "x"), DB_BUSY);
	assert_int_equal(try_read(&two, sent, "waits"), DB_BUSY);
	assert_int_equal(try_read(&one, sent, "waits"), DB_ROW);
}

/* -- one machine ------------------------------------------------------------------------------- */

TEST(what_waits_is_readable_after_three_epochs_and_their_keys_are_gone)
{
	char text[] = "mine", etag[] = "v1";
	const struct document prefs = { .text = text, .etag = etag };
	struct document got = { NULL };
	enum document_result result;
	int64_t seen[3];

	send_text(&ann, &bob, "still here");
	assert_int_equal(
	    db_document_put(store.db, DOCUMENT_PREFS, bob.acc.id, &prefs, NULL, &result), DB_DONE);
	for (int i = 0; i < 3; i++) {
		seen[i] = current();
		run_for(LENGTH + 60000, &one, NULL);
		assert_int_not_equal(current(), seen[i]);
		assert_int_equal(rows_under(current()), 1);
		assert_false(has(&one, seen[i]));
	}
	polls(&bob, 0, "still here");
	assert_int_equal(
	    db_document_get(store.db, &store.arena, DOCUMENT_PREFS, bob.acc.id, &got), DB_ROW);
	assert_string_equal(got.text, "mine");
	assert_int_equal(late().since, 0);
	assert_int_equal(store_number("SELECT count(*) FROM epoch WHERE state = 4"), 1);
}

TEST(old_epoch_stays_a_while_after_its_last_key_moved)
{
	const int64_t first = current();
	int64_t moved_at;

	send_text(&ann, &bob, "patient");
	while (rows_under(first) > 0)
		run_for(5000, &one, NULL);
	for (moved_at = at; has(&one, first);)
		run_for(5000, &one, NULL);
	assert_in_range(at - moved_at, TIMEOUT / EPOCH_QUIET_PART, TIMEOUT);
}

TEST(epoch_does_not_end_before_its_time)
{
	const int64_t first = current();

	run_for(LENGTH - 1, &one, NULL);
	assert_int_equal(current(), first);
	run_for(LENGTH, &one, NULL);
	assert_int_not_equal(current(), first);
}

/* What a server keeps of the row opens with the key of its epoch alone. */
TEST(row_that_was_kept_opens_until_its_epoch_is_destroyed)
{
	struct sent sent = send_text(&ann, &bob, "canary");

	store_other_runs("CREATE TABLE kept AS SELECT * FROM content_key");
	run_for(LENGTH - 1, &one, NULL);
	assert_int_equal(try_read(&one, sent, "canary"), DB_ROW);
	run_for(LENGTH, &one, NULL);
	store_other_runs("UPDATE content_key SET body_key = (SELECT body_key FROM kept)");
	assert_int_equal(try_read(&one, sent, "canary"), DB_BUSY);
}

/* More than one transaction, and one that was done before a kill. */
TEST(many_keys_move_and_those_that_moved_stay)
{
	const int64_t first = current();

	for (int i = 0; i < 450; i++)
		send_text(&ann, &bob, "x");
	run_for(LENGTH + 60000, &one, NULL);
	assert_int_equal(rows_under(first), 0);
	assert_int_equal(rows_under(current()), 450);
}

/* Steps are as far apart as a kill wants: each of them begins with what stands in the database. */
TEST(killed_between_rewrapping_and_overwriting_goes_on_with_the_next_step)
{
	const int64_t first = current();

	send_text(&ann, &bob, "waits");
	at += LENGTH;
	while (store_number("SELECT count(*) FROM epoch WHERE state = 3") == 0)
		run_for(1000, &one, NULL);
	assert_true(has(&one, first));
	slots_close(store.db->slots);
	one = machine(store.db, "one");
	step(&one);
	assert_false(has(&one, first));
	polls(&bob, 0, "waits");
	step(&one);
	assert_int_equal(
	    store_number("SELECT state FROM epoch WHERE number = %lld", (long long)first),
	    EPOCH_DESTROYED);
}

/* The slot is written before the database hears of it: a kill in between leaves one too many. */
TEST(slot_of_an_epoch_that_never_began_is_overwritten)
{
	const uint8_t key[SECRET_SEAL_KEY_BYTES] = { 1 };

	assert_true(slots_put(store.db->slots, 42, key));
	step(&one);
	assert_false(has(&one, 42));
	assert_true(has(&one, current()));
}

/* What another database does not know would be overwritten there. */
TEST(slots_of_another_database_are_left_alone)
{
	const struct epoch_plan p = { .length_ms = LENGTH, .name = "one" };
	const int64_t first = current();

	store_other_runs("UPDATE this_database SET database_id = randomblob(16)");
	store_other_runs("DELETE FROM epoch");
	assert_int_equal(db_epoch_step(store.db, &p, at), DB_NONE);
	assert_true(has(&one, first));
	assert_int_equal(store_number("SELECT count(*) FROM epoch"), 0);
}

TEST(lost_slots_are_given_up_and_new_texts_flow)
{
	struct sent sent = send_text(&ann, &bob, "lost");

	assert_true(slots_destroy(store.db->slots, current()));
	assert_int_equal(try_read(&one, sent, "lost"), DB_BUSY);
	log_setup("unit", LOG_LEVEL_NOTICE);
	run_for(30000, &one, NULL);
	send_text(&ann, &bob, "new");
	polls(&bob, 0, " new");
}

/* -- two machines ------------------------------------------------------------------------------ */

TEST(second_machine_is_given_the_key_in_a_box_that_is_opened_once)
{
	struct sent sent = send_text(&ann, &bob, "shared");
	struct secret_pair before = *slots_pair(two.db->slots);

	step(&two); /* it says that it is there, */
	step(&one); /* is given a box, */
	assert_int_equal(
	    store_number("SELECT length(box) FROM node_epoch WHERE length(box) > 0"), 112);
	step(&two); /* and opens it */
	assert_int_equal(store_number("SELECT count(*) FROM node_epoch WHERE length(box) > 0"), 0);
	assert_memory_not_equal(
	    slots_pair(two.db->slots)->secret_half, before.secret_half, sizeof(before.secret_half));
	assert_true(db_epoch_is_here(two.db));
	assert_int_equal(try_read(&two, sent, "shared"), DB_ROW);
	assert_int_equal(try_send(&two, "back"), DB_DONE);
	polls(&bob, 0, "shared back");
}

/* Whoever can write into the database has not the server's key. */
TEST(stranger_is_given_no_box_and_a_box_of_a_stranger_is_not_opened)
{
	uint8_t box[32 + 32 + SECRET_BOX_EXTRA_BYTES], plain[64] = { 1 };
	char hex[2 * sizeof(box) + 1];

	store_other_runs("INSERT INTO node (id, name, public_half, seen_at, struck_at) VALUES "
			 "(randomblob(16), 'stranger', randomblob(64), 1800000000000, 0)");
	run_for(20000, &one, NULL);
	assert_int_equal(store_number("SELECT count(*) FROM node_epoch"), 1);
	step(&two);
	assert_true(secret_box(slots_pair(two.db->slots)->public_half, plain, sizeof(plain), box));
	secret_hex(box, sizeof(box), hex);
	store_other_runs(arena_printf(&store.arena,
	    "INSERT INTO node_epoch SELECT id, (SELECT number FROM epoch), x'%s' FROM node WHERE "
	    "name = 'two'",
	    hex));
	step(&two);
	assert_false(db_epoch_is_here(two.db));
	run_for(20000, &one, &two);
	assert_true(db_epoch_is_here(two.db));
}

TEST(both_go_through_epochs_together)
{
	struct sent sent = send_text(&ann, &bob, "shared");

	run_for(20000, &one, &two);
	for (int i = 0; i < 3; i++) {
		const int64_t before = current();

		run_for(LENGTH + 30000, &two, &one);
		assert_int_not_equal(current(), before);
		assert_false(has(&one, before) || has(&two, before));
		assert_int_equal(try_read(&two, sent, "shared"), DB_ROW);
	}
	assert_int_equal(late().since, 0);
}

TEST(machine_that_lost_its_slots_is_given_the_key_again)
{
	run_for(20000, &one, &two);
	assert_true(slots_destroy(two.db->slots, current()) && slots_renew(two.db->slots));
	assert_false(db_epoch_is_here(two.db));
	run_for(20000, &one, &two);
	assert_true(db_epoch_is_here(two.db));
}

TEST(box_for_a_pair_that_is_gone_is_asked_for_anew)
{
	step(&two);
	step(&one);
	assert_true(slots_renew(two.db->slots));
	run_for(20000, &one, &two);
	assert_true(db_epoch_is_here(two.db));
}

TEST(machine_that_is_away_is_named_until_it_has_destroyed_what_it_has)
{
	int64_t first;

	run_for(20000, &one, &two);
	first = current();
	run_for(LENGTH + 30000, &one, NULL); /* who was not seen for a minute is not waited for */
	assert_int_not_equal(current(), first);
	assert_false(has(&one, first));
	assert_true(has(&two, first));
	assert_int_equal(late().since, 0); /* it has its minute */
	run_for(TIMEOUT + 10000, &one, NULL);
	assert_true(late().since > 0 && late().since < at);
	assert_string_equal(late().names, "two");
	assert_true(store_number("SELECT struck_at FROM node WHERE name = 'two'") > 0);
	first = current();
	run_for(LENGTH + 30000, &one, NULL);
	assert_int_not_equal(current(), first);
	run_for(20000, &one, &two);
	assert_int_equal(slots_list(two.db->slots, (int64_t[SLOTS_COUNT]){ 0 }), 1);
	assert_true(db_epoch_is_here(two.db));
	assert_int_equal(late().since, 0);
	assert_int_equal(store_number("SELECT struck_at FROM node WHERE name = 'two'"), 0);
}

TEST(machine_that_never_comes_back_is_forgotten_by_name)
{
	run_for(20000, &one, &two);
	assert_int_equal(db_epoch_forget(store.db, "two", at), DB_NONE); /* it is here */
	run_for(LENGTH + 3 * TIMEOUT, &one, NULL);
	assert_string_equal(late().names, "two");
	assert_int_equal(db_epoch_forget(store.db, "three", at), DB_NONE);
	assert_int_equal(db_epoch_forget(store.db, "two", at), DB_DONE);
	assert_int_equal(late().since, 0);
}

/* A machine that is away may come back with the key: what waits is not given up. */
TEST(key_that_another_machine_has_is_waited_for)
{
	struct sent sent;
	int64_t first;

	run_for(20000, &one, &two);
	sent = send_text(&ann, &bob, "waits");
	first = current();
	assert_true(slots_destroy(store.db->slots, first));
	run_for(3 * LENGTH, &one, NULL);
	assert_int_equal(current(), first);
	assert_int_equal(try_read(&one, sent, "waits"), DB_BUSY);
	assert_true(late().since > 0);
	run_for(20000, &one, &two);
	assert_int_equal(try_read(&one, sent, "waits"), DB_ROW);
}

TEST(next_epoch_whose_maker_died_is_replaced)
{
	struct sent sent = send_text(&ann, &bob, "waits");
	int64_t first;

	run_for(20000, &one, &two);
	first = current();
	at += LENGTH;
	step(&one); /* makes the next one, and is never seen again */
	assert_int_equal(store_number("SELECT count(*) FROM epoch WHERE state = 0"), 1);
	run_for(3 * TIMEOUT, &two, NULL);
	assert_int_not_equal(current(), first);
	assert_true(db_epoch_is_here(two.db));
	assert_int_equal(try_read(&two, sent, "waits"), DB_ROW);
}

/* Nobody carries epochs on: that is late, too. */
TEST(epoch_that_does_not_end_is_late)
{
	at += LENGTH + 2 * TIMEOUT - 1;
	assert_int_equal(late().since, 0);
	at += 1;
	assert_int_equal(late().since, NOW + LENGTH);
	assert_string_equal(late().names, "");
}

/* -- records ----------------------------------------------------------------------------------- */

static void
scrub_as(enum conf_retention mode, struct sent sent)
{
	store.db->retention = mode;
	assert_int_equal(db_begin(store.db), DB_DONE);
	assert_int_equal(
	    db_end(store.db,
		scrub_content(store.db, store_number("SELECT max(id) FROM message"), sent.id, NOW)),
	    DB_DONE);
}

TEST(address_of_a_record_is_wrapped_no_more)
{
	struct sent sent = send_text(&ann, &bob, "text");
	struct message got;

	scrub_as(RETENTION_SCRUB_CONTENT_ON_FINAL, sent);
	assert_int_equal(store_number("SELECT length(address_key) FROM content_key"), 32);
	assert_int_equal(
	    store_number("SELECT count(*) FROM content_key WHERE body_key = zeroblob(32)"), 1);
	assert_int_equal(db_message_get(store.db, &store.arena, sent.id, ann.acc.id, &got), DB_ROW);
	assert_string_equal(got.destination, bob.acc.chat_address);
}

TEST(address_that_goes_with_the_text_stays_wrapped_until_then)
{
	struct sent sent = send_text(&ann, &bob, "text");

	scrub_as(RETENTION_SCRUB_ALL_ON_FINAL, sent);
	assert_int_equal(store_number("SELECT length(address_key) FROM content_key"), 80);
}

#define EPOCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EPOCH_TEST(nothing_is_wrapped_in_a_file_of_ones_own),
	EPOCH_TEST(key_in_the_row_is_wrapped_under_the_current_epoch),
	EPOCH_TEST(key_that_waits_from_before_epochs_opens),
	EPOCH_TEST(wrapped_key_of_another_message_opens_nothing),
	EPOCH_TEST(machine_without_the_key_says_busy_and_shows_nothing_emptied),
	EPOCH_TEST(what_waits_is_readable_after_three_epochs_and_their_keys_are_gone),
	EPOCH_TEST(old_epoch_stays_a_while_after_its_last_key_moved),
	EPOCH_TEST(epoch_does_not_end_before_its_time),
	EPOCH_TEST(row_that_was_kept_opens_until_its_epoch_is_destroyed),
	EPOCH_TEST(many_keys_move_and_those_that_moved_stay),
	EPOCH_TEST(killed_between_rewrapping_and_overwriting_goes_on_with_the_next_step),
	EPOCH_TEST(slot_of_an_epoch_that_never_began_is_overwritten),
	EPOCH_TEST(slots_of_another_database_are_left_alone),
	EPOCH_TEST(lost_slots_are_given_up_and_new_texts_flow),
	EPOCH_TEST(second_machine_is_given_the_key_in_a_box_that_is_opened_once),
	EPOCH_TEST(stranger_is_given_no_box_and_a_box_of_a_stranger_is_not_opened),
	EPOCH_TEST(both_go_through_epochs_together),
	EPOCH_TEST(machine_that_lost_its_slots_is_given_the_key_again),
	EPOCH_TEST(box_for_a_pair_that_is_gone_is_asked_for_anew),
	EPOCH_TEST(machine_that_is_away_is_named_until_it_has_destroyed_what_it_has),
	EPOCH_TEST(machine_that_never_comes_back_is_forgotten_by_name),
	EPOCH_TEST(key_that_another_machine_has_is_waited_for),
	EPOCH_TEST(next_epoch_whose_maker_died_is_replaced),
	EPOCH_TEST(epoch_that_does_not_end_is_late),
	EPOCH_TEST(address_of_a_record_is_wrapped_no_more),
	EPOCH_TEST(address_that_goes_with_the_text_stays_wrapped_until_then),
};

int
main(void)
{
	return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
