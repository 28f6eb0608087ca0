/* One who listens: what is sent when, what is left out, and how it ends. Time is the test's own. */
#include "scratch.h"

#include "conn.h"
#include "subscriber.h"

#include <event2/buffer.h>
#include <sys/socket.h>

#define WAKE_LINE "data: {\"type\":\"wake\"}\n\n"
#define RECEIPTS_LINE "data: {\"type\":\"wake\",\"for\":\"receipts\"}\n\n"
#define GAP 100

static struct event_base *base;
static struct subscriber *s;
static int peer, gone;

static void
on_gone(struct subscriber *it, void *arg)
{
	(void)it, (void)arg;
	gone++;
}

static void
make(bool long_poll)
{
	const int small = 4096;
	struct bufferevent *c;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	c = conn_new(base, fds[0]);
	bufferevent_enable(c, EV_READ | EV_WRITE);
	s = subscriber_new(c, 7, long_poll, on_gone, NULL);
	assert_non_null(s);
	s->ends_ms = INT64_MAX;
	peer = fds[1];
}

static int
set_up(void **state)
{
	(void)state;
	gone = 0;
	base = event_base_new();
	make(false);
	return base ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	close(peer);
	if (!gone)
		subscriber_kill(s);
	event_base_free(base);
	return conn_count();
}

/* What has arrived at the other end. */
static const char *
received(void)
{
	static char text[65536];
	ssize_t n;

	event_base_loop(base, EVLOOP_NONBLOCK);
	n = read(peer, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The other end does not read, and there is more to say than fits on the way. */
static void
block_it(void)
{
	static char much[1 << 20];

	memset(much, ':', sizeof(much) - 1);
	conn_say(s->conn, much);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(conn_is_clear(s->conn));
}

TEST(first_wake_goes_at_once)
{
	assert_true(subscriber_notify(s, SUBSCRIBER_WAKE, 0));
	assert_string_equal(received(), WAKE_LINE);
}

TEST(next_wake_waits_for_the_gap_and_is_not_dropped)
{
	assert_true(subscriber_notify(s, SUBSCRIBER_WAKE, 1000));
	received();
	assert_false(subscriber_notify(s, SUBSCRIBER_WAKE, 1000 + GAP - 1));
	assert_string_equal(received(), "");
	assert_true(subscriber_notify(s, 0, 1000 + GAP));
	assert_string_equal(received(), WAKE_LINE);
	assert_true(subscriber_notify(s, 0, 1000 + 2 * GAP));
	assert_string_equal(received(), "");
}

TEST(kinds_that_wait_together_are_both_sent)
{
	assert_true(subscriber_notify(s, SUBSCRIBER_WAKE, 0));
	received();
	assert_false(subscriber_notify(s, SUBSCRIBER_RECEIPTS, 1));
	assert_false(subscriber_notify(s, SUBSCRIBER_WAKE, 2));
	assert_true(subscriber_notify(s, 0, GAP));
	assert_string_equal(received(), WAKE_LINE RECEIPTS_LINE);
}

TEST(what_was_not_taken_yet_says_all_that_another_wake_could)
{
	block_it();
	for (int64_t now = 0; now < 1000 * GAP; now += GAP)
		assert_true(subscriber_notify(s, SUBSCRIBER_WAKE, now));
	assert_true(subscriber_notify(s, SUBSCRIBER_RECEIPTS, 1000 * GAP));
	assert_true(evbuffer_get_length(bufferevent_get_output(s->conn)) < 1 << 20);
}

TEST(after_it_was_taken_the_next_wake_is_sent_again)
{
	block_it();
	assert_true(subscriber_notify(s, SUBSCRIBER_WAKE, 0));
	while (!conn_is_clear(s->conn))
		received();
	while (*received())
		;
	assert_true(subscriber_notify(s, SUBSCRIBER_WAKE, GAP));
	assert_string_equal(received(), WAKE_LINE);
}

TEST(who_does_not_read_for_three_heartbeats_is_given_up)
{
	block_it();
	assert_true(subscriber_beat(s, 1));
	assert_true(subscriber_beat(s, 2));
	assert_false(subscriber_beat(s, 3));
}

TEST(who_reads_again_is_not_given_up)
{
	block_it();
	assert_true(subscriber_beat(s, 1));
	assert_true(subscriber_beat(s, 2));
	while (!conn_is_clear(s->conn))
		received();
	for (int i = 0; i < 10; i++) {
		assert_true(subscriber_beat(s, 3));
		received();
	}
}

TEST(a_beat_is_a_comment)
{
	assert_true(subscriber_beat(s, 0));
	assert_string_equal(received(), ":\n\n");
}

TEST(its_time_ends)
{
	s->ends_ms = 500;
	assert_true(subscriber_beat(s, 499));
	assert_false(subscriber_beat(s, 500));
}

TEST(end_lets_out_what_was_said)
{
	subscriber_bye(s, 3000);
	assert_int_equal(gone, 1);
	assert_string_equal(received(), "data: {\"type\":\"bye\",\"reconnect_ms\":3000}\n\n");
	assert_int_equal(conn_count(), 0);
}

TEST(end_of_the_other_side_frees_it)
{
	close(peer);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(gone, 1);
	assert_int_equal(conn_count(), 0);
	peer = -1;
}

TEST(long_poll_is_one_response)
{
	static const char body[] = "{\"success\":true,\"wake\":true,\"after\":\"123\"}";
	const char *text;

	subscriber_kill(s);
	close(peer);
	make(true);
	subscriber_respond(s, true, 123);
	text = received();
	assert_non_null(strstr(text, "Content-Length: 42\r\n"));
	assert_int_equal(strlen(body), 42);
	assert_string_equal(strstr(text, "\r\n\r\n") + 4, body);
	assert_int_equal(gone, 2);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(first_wake_goes_at_once),
	EACH(next_wake_waits_for_the_gap_and_is_not_dropped),
	EACH(kinds_that_wait_together_are_both_sent),
	EACH(what_was_not_taken_yet_says_all_that_another_wake_could),
	EACH(after_it_was_taken_the_next_wake_is_sent_again),
	EACH(who_does_not_read_for_three_heartbeats_is_given_up),
	EACH(who_reads_again_is_not_given_up),
	EACH(a_beat_is_a_comment),
	EACH(its_time_ends),
	EACH(end_lets_out_what_was_said),
	EACH(end_of_the_other_side_frees_it),
	EACH(long_poll_is_one_response),
};

int
main(void)
{
	return cmocka_run_group_tests_name("subscriber", tests, NULL, NULL);
}
