/* Which connections are taken, and that nobody is waited for who is not to be. */
#include "scratch.h"

#include "accept.h"

#include <fcgiapp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

static char dir[SCRATCH_BYTES];
static int listen_fd;
static struct acceptor a;
static FCGX_Request q;
static struct sockaddr_un at;

static int
set_up(void **state)
{
	(void)state;
	scratch_make(dir);
	at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir) >= (int)sizeof(at.sun_path))
		return -1;
	listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listen_fd, 8) != 0)
		return -1;
	FCGX_Init();
	FCGX_InitRequest(&q, -1, 0);
	return accept_open(&a, listen_fd) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	FCGX_Detach(&q);
	FCGX_Free(&q, 1);
	accept_close(&a);
	close(listen_fd);
	scratch_remove(dir);
	return 0;
}

/* A connection that has sent these bytes. */
static int
peer(const void *data, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	return fd;
}

/* BEGIN, PARAMS "A=b", the end of PARAMS, STDIN "body" with padding, the end of STDIN. */
static const unsigned char asked[] = { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1,
	0, 4, 0, 0, 1, 1, 'A', 'b', 1, 4, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1, 0, 4, 4, 0, 'b', 'o', 'd',
	'y', 0, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 0 };

static void
is_read(void)
{
	char body[8] = "";

	assert_string_equal(FCGX_GetParam("A", q.envp), "b");
	assert_int_equal(FCGX_GetStr(body, sizeof(body), q.in), 4);
	assert_string_equal(body, "body");
}

TEST(whole_request_is_taken_at_once)
{
	int fd = peer(asked, sizeof(asked));

	assert_true(accept_whole(&a, &q));
	is_read();
	close(fd);
}

TEST(request_that_is_not_all_there_is_held_and_waited_for_by_the_next)
{
	for (size_t part = 0; part < sizeof(asked); part++) {
		int fd = peer(asked, part);

		assert_false(accept_whole(&a, &q));
		assert_true(a.held_fd >= 0);
		assert_true(accept_wait(&a, 0));
		assert_int_equal(
		    write(fd, asked + part, sizeof(asked) - part), (ssize_t)(sizeof(asked) - part));
		assert_true(accept_request(&a, &q));
		assert_int_equal(a.held_fd, -1);
		is_read();
		FCGX_Detach(&q); /* or it would wait for the peer to close */
		FCGX_Finish_r(&q);
		close(fd);
	}
}

static void
on_alarm(int sig)
{
	(void)sig;
}

/* As by TERM while settings are read again: what is in hand is served. */
TEST(signals_drop_no_request_that_is_waited_for)
{
	const struct sigaction act = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval tick = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
	int fd = peer("", 0);

	if (fork() == 0) {
		usleep(50000);
		_exit(write(fd, asked, sizeof(asked)) != (ssize_t)sizeof(asked));
	}
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	assert_true(accept_request(&a, &q));
	setitimer(ITIMER_REAL, &off, NULL);
	is_read();
	wait(NULL);
	close(fd);
}

TEST(nobody_knocks)
{
	assert_false(accept_wait(&a, 0));
	assert_false(accept_request(&a, &q));
	assert_false(accept_whole(&a, &q));
	assert_int_equal(a.held_fd, -1);
}

TEST(connection_that_ends_before_its_request_is_dropped)
{
	close(peer(asked, 5));
	assert_false(accept_request(&a, &q));
	close(peer("GET / HTTP/1.0\r\n\r\n", 18));
	assert_false(accept_request(&a, &q));
	whole_request_is_taken_at_once(NULL);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(whole_request_is_taken_at_once),
	EACH(request_that_is_not_all_there_is_held_and_waited_for_by_the_next),
	EACH(signals_drop_no_request_that_is_waited_for),
	EACH(nobody_knocks),
	EACH(connection_that_ends_before_its_request_is_dropped),
};

int
main(void)
{
	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
