/* The table of the parent's children: its shape, and the text of the values of a command line. */
#include "scratch.h"

#include "kinds.h"

#include <fcntl.h>

TEST(every_line_is_whole)
{
	for (int k = 0; k < KIND__MAX; k++) {
		const struct kind_line *l = &kinds[k];

		if (!l->name || !l->wanted || !l->stop_signal || l->grace_ms <= 0)
			fail_msg("line %d: no name, number, signal or time to stop", k);
		if (!l->program == !l->run)
			fail_msg("%s: a program or a function", l->name);
		if (l->stop_turn < 1 || l->stop_turn > KIND_TURNS)
			fail_msg("%s would never be stopped", l->name);
		if ((l->life == LIFE_KEPT) != (l->reload_signal != 0))
			fail_msg("%s: a signal for new settings, if it is kept", l->name);
	}
}

TEST(names_and_sockets_stand_once)
{
	for (int k = 0; k < KIND__MAX; k++)
		for (int other = k + 1; other < KIND__MAX; other++) {
			assert_string_not_equal(kinds[k].name, kinds[other].name);
			if (kinds[k].socket && kinds[other].socket)
				assert_string_not_equal(kinds[k].socket, kinds[other].socket);
		}
}

TEST(values_have_their_texts)
{
	struct live live = { .listen_fd = 0 };
	struct conf conf = { .live_max = 700 };
	struct kind_setup s = {
		.conf = &conf, .live = &live, .dir = "/a b", .run_dir = "/a b/run"
	};
	char out[64];

	kind_value(&s, KIND_MAILER, VALUE_DIR, out, sizeof(out));
	assert_string_equal(out, "/a b");
	kind_value(&s, KIND_NGINX, VALUE_RUN_DIR, out, sizeof(out));
	assert_string_equal(out, "/a b/run/");
	kind_value(&s, KIND_LIVE, VALUE_LIVE_MAX, out, sizeof(out));
	assert_string_equal(out, "700");
}

TEST(descriptor_that_is_named_stays_open_in_the_program)
{
	struct kind_setup s = { .conf = NULL };
	char out[16], want[16];
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	s.bell_fd[KIND_MAILER] = fd;
	kind_value(&s, KIND_MAILER, VALUE_BELL_FD, out, sizeof(out));
	snprintf(want, sizeof(want), "%d", fd);
	assert_string_equal(out, want);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	close(fd);
}

#define EACH(name) cmocka_unit_test(name)

static const struct CMUnitTest tests[] = {
	EACH(every_line_is_whole),
	EACH(names_and_sockets_stand_once),
	EACH(values_have_their_texts),
	EACH(descriptor_that_is_named_stays_open_in_the_program),
};

int
main(void)
{
	return cmocka_run_group_tests_name("kinds", tests, NULL, NULL);
}
