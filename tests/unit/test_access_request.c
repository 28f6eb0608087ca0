/* Requests for access and what admins get to see of them; the outbox; the operator's counts. */
#include "store_fixture.h"

static int64_t retry_at;

static struct member
admin_at(const char *name, int64_t now)
{
	struct member m = { 0 };
	struct signin in = signin_of(&m, name, now);

	in.admin = true;
	assert_int_equal(sign_in_as(&m, &in), SIGNIN_OK);
	return m;
}

static enum db_result
ask(const char *email, const char *name, int64_t now)
{
	const struct signin_limit l = {
		.email = email, .client = "192.0.2.1", .per_address = 3, .now = now
	};

	return db_access_ask(store.db, &l, name, NULL, &retry_at);
}

static struct access_request
request_of(const char *email)
{
	struct access_request q = { 0 };

	assert_int_equal(db_access_by_email(store.db, &store.arena, email, &q), DB_ROW);
	return q;
}

TEST(request_is_stored_as_pending)
{
	struct access_request q;

	assert_int_equal(ask("eve@x.org", "Eve", NOW), DB_DONE);
	q = request_of("eve@x.org");
	assert_string_equal(q.email, "eve@x.org");
	assert_string_equal(q.display_name, "Eve");
	assert_int_equal(q.status, ACCESS_PENDING);
	assert_int_equal(q.created_at, NOW);
	assert_int_equal(db_access_by_email(store.db, &store.arena, "x@y", &q), DB_NONE);
}

TEST(request_is_sent_to_every_admin_once)
{
	struct member boss = admin_at("boss", NOW), chef = admin_at("chef", NOW),
		      user = sign_in("user");

	assert_int_equal(ask("eve@x.org", "Eve", NOW), DB_DONE);
	assert_int_equal(ask("eve@x.org", "Eve again", NOW + 1), DB_DONE);
	assert_int_equal(poll_from(&boss, 0).count, 1);
	assert_int_equal(poll_from(&chef, 0).count, 1);
	assert_int_equal(poll_from(&user, 0).count, 0);
	assert_string_equal(request_of("eve@x.org").display_name, "Eve");
}

/* The message is the fact that somebody asks, and no text. */
static void
names_requester(const struct message *m, const char *email, const char *name)
{
	assert_non_null(m->fact);
	assert_int_equal(m->fact->type, FACT_ACCESS);
	assert_string_equal(m->fact->address, email);
	assert_string_equal(m->fact->name, name);
	assert_true(m->fact->has_request);
	assert_memory_equal(m->fact->request, request_of(email).public_id, ID_BYTES);
	assert_string_equal(m->text, "");
}

TEST(request_is_sent_as_a_fact)
{
	struct member boss = admin_at("boss", NOW);
	struct message_page page;

	assert_int_equal(ask("eve@x.org", "Eve", NOW), DB_DONE);
	page = poll_from(&boss, 0);
	assert_int_equal(page.count, 1);
	names_requester(&page.list[0], "eve@x.org", "Eve");
	assert_string_equal(page.list[0].kind, "system");
	assert_null(page.list[0].from);
}

TEST(request_without_a_name_is_named_by_its_address)
{
	struct member boss = admin_at("boss", NOW);
	struct message_page page;

	assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	page = poll_from(&boss, 0);
	assert_int_equal(page.count, 1);
	names_requester(&page.list[0], "eve@x.org", "");
}

TEST(request_that_waits_is_sent_to_a_new_admin_once)
{
	struct message_page page;
	struct member boss;

	assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	assert_int_equal(ask("mal@x.org", "", NOW), DB_DONE);
	assert_int_equal(db_access_decide(store.db, &store.arena, request_of("mal@x.org").public_id,
			     false, NULL, "ann", NOW, &(enum access_result){ 0 }),
	    DB_DONE);
	admin_at("boss", NOW);
	boss = admin_at("boss", NOW);
	page = poll_from(&boss, 0);
	assert_int_equal(page.count, 1);
	names_requester(&page.list[0], "eve@x.org", "");
}

TEST(requests_beyond_fifty_are_sent_to_a_new_admin_too)
{
	struct member boss;

	for (int i = 0; i < 55; i++)
		assert_int_equal(ask(arena_printf(&store.arena, "e%d@x.org", i), "", NOW), DB_DONE);
	boss = admin_at("boss", NOW);
	assert_int_equal(poll_from(&boss, 0).count, 55);
}

TEST(request_counts_against_the_throttle)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	assert_int_equal(retry_at, NOW + HOUR);
	assert_int_equal(ask("eve@x.org", "", NOW + HOUR), DB_DONE);
}

static enum access_result decided;

static enum db_result
decide(const char *email, bool approve, struct mail *mail)
{
	const struct access_request q = request_of(email);

	return db_access_decide(
	    store.db, &store.arena, q.public_id, approve, mail, "ann", NOW + 5, &decided);
}

TEST(request_is_decided_once)
{
	assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	assert_int_equal(decide("eve@x.org", true, NULL), DB_DONE);
	assert_int_equal(request_of("eve@x.org").status, ACCESS_APPROVED);
	assert_int_equal(decide("eve@x.org", true, NULL), DB_DONE);
	assert_int_equal(decide("eve@x.org", false, NULL), DB_DONE);
	assert_int_equal(decided, ACCESS_DECIDED_OTHERWISE);
	assert_int_equal(request_of("eve@x.org").status, ACCESS_APPROVED);
	assert_int_equal(ask("mal@x.org", "", NOW), DB_DONE);
	assert_int_equal(decide("mal@x.org", false, NULL), DB_DONE);
	assert_int_equal(decide("mal@x.org", true, NULL), DB_DONE);
	assert_int_equal(decided, ACCESS_DECIDED_OTHERWISE);
	assert_int_equal(request_of("mal@x.org").status, ACCESS_DENIED);
}

TEST(request_that_is_unknown_cannot_be_decided)
{
	uint8_t id[ID_BYTES];

	id_make(id);
	assert_int_equal(
	    db_access_decide(store.db, &store.arena, id, true, NULL, "ann", NOW, &decided),
	    DB_NONE);
}

TEST(request_decided_sends_one_mail_to_who_asked)
{
	struct mail mail = { .subject = "s", .body = "b", .expires_at = NOW + HOUR };

	assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	assert_int_equal(decide("eve@x.org", true, &mail), DB_DONE);
	assert_int_equal(decide("eve@x.org", true, &mail), DB_DONE);
	assert_int_equal(
	    store_number("SELECT count(*) FROM outbox WHERE recipient = 'eve@x.org'"), 1);
}

TEST(requests_are_listed_newest_first)
{
	struct access_request list[5];
	int count = -1;

	assert_int_equal(ask("a@x.org", "", NOW), DB_DONE);
	assert_int_equal(ask("b@x.org", "", NOW), DB_DONE);
	assert_int_equal(ask("c@x.org", "", NOW), DB_DONE);
	assert_int_equal(db_access_list(store.db, &store.arena, 0, 2, list, &count), DB_DONE);
	assert_int_equal(count, 2);
	assert_string_equal(list[0].email, "c@x.org");
	assert_string_equal(list[1].email, "b@x.org");
	assert_int_equal(
	    db_access_list(store.db, &store.arena, list[1].id, 2, list, &count), DB_DONE);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].email, "a@x.org");
}

/* Puts a mail that expires at `expires_at` in the outbox. */
static void
post(const char *recipient, int64_t now, int64_t expires_at)
{
	const struct signin_limit l = { .email = recipient, .client = "c", .now = now };
	const struct mail mail = { recipient, "subject", "body", expires_at };

	assert_int_equal(db_code_request(store.db, &l, "111111", &mail, &retry_at), DB_DONE);
}

static struct outbox_mail mail;
static int64_t next_at;

static enum db_result
due(int64_t now)
{
	next_at = -1;
	assert_int_equal(db_outbox_expire(store.db, now), DB_DONE);
	return db_outbox_due(store.db, &store.arena, OUTBOX_EMAIL, now, &mail, &next_at);
}

TEST(outbox_gives_mails_in_the_order_they_are_due)
{
	assert_int_equal(due(NOW), DB_NONE);
	assert_int_equal(next_at, 0);
	post("b@x", NOW + 5, NOW + HOUR);
	post("a@x", NOW, NOW + HOUR);
	assert_int_equal(due(NOW - 1), DB_NONE);
	assert_int_equal(next_at, NOW);
	assert_int_equal(due(NOW + 10), DB_ROW);
	assert_string_equal(mail.recipient, "a@x");
	assert_string_equal(mail.subject, "subject");
	assert_string_equal(mail.body, "body");
	assert_int_equal(db_outbox_sent(store.db, &mail), DB_DONE);
	assert_int_equal(due(NOW + 10), DB_ROW);
	assert_string_equal(mail.recipient, "b@x");
	assert_int_equal(db_outbox_sent(store.db, &mail), DB_DONE);
	assert_int_equal(due(NOW + 10), DB_NONE);
	assert_int_equal(next_at, 0);
}

TEST(outbox_tries_a_mail_again_later)
{
	struct outbox_mail list[2];
	int count = -1;

	post("a@x", NOW, NOW + HOUR);
	assert_int_equal(due(NOW), DB_ROW);
	assert_int_equal(db_outbox_retry(store.db, mail.id, NOW + 60, "no route"), DB_DONE);
	assert_int_equal(due(NOW + 59), DB_NONE);
	assert_int_equal(next_at, NOW + 60);
	assert_int_equal(due(NOW + 60), DB_ROW);
	assert_int_equal(mail.tries, 1);
	assert_int_equal(db_outbox_list(store.db, &store.arena, 0, 2, list, &count), DB_DONE);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].last_error, "no route");
	assert_string_equal(list[0].body, "");
	assert_int_equal(list[0].next_try_at, NOW + 60);
	assert_int_equal(
	    db_outbox_list(store.db, &store.arena, list[0].id, 2, list, &count), DB_DONE);
	assert_int_equal(count, 0);
}

TEST(outbox_drops_what_is_past_its_time)
{
	post("a@x", NOW, NOW + 10);
	assert_int_equal(due(NOW + 9), DB_ROW);
	assert_int_equal(due(NOW + 10), DB_NONE);
	assert_int_equal(next_at, 0);
	assert_int_equal(store_number("SELECT count(*) FROM outbox"), 0);
}

TEST(mail_without_an_end_is_tried_however_late)
{
	post("a@x", NOW, 0);
	assert_int_equal(db_outbox_expire(store.db, INT64_MAX), DB_DONE);
	assert_int_equal(due(NOW), DB_ROW);
	assert_int_equal(db_outbox_retry(store.db, mail.id, NOW + 1000 * HOUR, "no"), DB_DONE);
	assert_int_equal(due(NOW + 1000 * HOUR - 1), DB_NONE);
	assert_int_equal(due(NOW + 1000 * HOUR), DB_ROW);
}

TEST(figures_count_what_there_is)
{
	struct member ann = sign_in("ann"), bob = sign_in("bob");
	struct db_figures f;
	struct signin in = signin_of(&bob, "bob", NOW);

	in.expires_at = NOW + 10;
	assert_int_equal(sign_in_as(&bob, &in), SIGNIN_OK);
	send_text(&ann, &bob, "a");
	send_text(&bob, &ann, "b");
	polls(&ann, polls(&ann, 0, "b"), "");
	post("a@x", NOW, NOW + 10);
	assert_int_equal(ask("eve@x.org", "", NOW), DB_DONE);
	assert_int_equal(ask("mal@x.org", "", NOW), DB_DONE);
	assert_int_equal(decide("mal@x.org", false, NULL), DB_DONE);
	assert_int_equal(db_stats(store.db, NOW + 10, &f), DB_ROW);
	assert_int_equal(f.accounts, 2);
	assert_int_equal(f.sessions, 2);
	assert_int_equal(f.messages, 2);
	assert_int_equal(f.undelivered, 1);
	assert_int_equal(f.mails, 1);
	assert_int_equal(f.access_requests, 1);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(request_is_stored_as_pending),
	EACH(request_is_sent_to_every_admin_once),
	EACH(request_is_sent_as_a_fact),
	EACH(request_without_a_name_is_named_by_its_address),
	EACH(request_that_waits_is_sent_to_a_new_admin_once),
	EACH(requests_beyond_fifty_are_sent_to_a_new_admin_too),
	EACH(request_counts_against_the_throttle),
	EACH(request_is_decided_once),
	EACH(request_that_is_unknown_cannot_be_decided),
	EACH(request_decided_sends_one_mail_to_who_asked),
	EACH(requests_are_listed_newest_first),
	EACH(outbox_gives_mails_in_the_order_they_are_due),
	EACH(outbox_tries_a_mail_again_later),
	EACH(outbox_drops_what_is_past_its_time),
	EACH(mail_without_an_end_is_tried_however_late),
	EACH(figures_count_what_there_is),
};

int
main(void)
{
	return cmocka_run_group_tests_name("access_request", tests, NULL, NULL);
}
