/* The watchdog's probes, to a pool that the test plays, and what the service manager gets. */
#include "scratch.h"

#include "watchdog.h"

#include "clock.h"
#include "location.h"

#include <poll.h>

#define SOON_MS 10000
#define OK "\1\6\0\1\0\13\0\0Status: 200"
#define BUSY "\1\6\0\1\0\13\0\0Status: 503"

static char dir[SCRATCH_BYTES];
static struct notify n;
static struct watchdog w;
static int pool_fd, manager_fd;

static int
bound(int type, const char *name, struct sockaddr_un *at, socklen_t *len)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s", scratch_path(dir, name));
	*len = sizeof(*at);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)at, *len), 0);
	return fd;
}

static int
set_up(void **state)
{
	struct sockaddr_un at;
	socklen_t len;

	(void)state;
	scratch_make(dir);
	pool_fd = bound(SOCK_STREAM, LOCATION_MAIN_SOCKET, &at, &len);
	assert_int_equal(listen(pool_fd, 8), 0);
	n = (struct notify){ .watchdog_ms = 200 };
	manager_fd = bound(SOCK_DGRAM, "manager", &n.at, &n.at_len);
	watchdog_open(&w);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	watchdog_close(&w);
	close(pool_fd);
	close(manager_fd);
	assert_int_equal(chdir("/"), 0); /* watchdog_turn went there */
	scratch_remove(dir);
	return 0;
}

/* The loop turns until the descriptor has something to read. */
static void
turn_until(int fd)
{
	const int64_t end = clock_mono_ms() + SOON_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	do {
		assert_true(clock_mono_ms() < end);
		watchdog_turn(&w, &n, dir);
	} while (poll(&p, 1, 5) <= 0);
}

/* The next question, as the pool accepts it. */
static int
question(void)
{
	int fd;

	turn_until(pool_fd);
	fd = accept(pool_fd, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

static void
respond(int fd, const char *bytes, size_t len)
{
	assert_int_equal(write(fd, bytes, len), len);
}

static bool
is_fed(void)
{
	char said[64] = "";

	if (recv(manager_fd, said, sizeof(said) - 1, 0) < 0)
		return false;
	assert_string_equal(said, "WATCHDOG=1");
	return true;
}

TEST(response_feeds_it_once)
{
	int fd = question();

	assert_false(is_fed());
	respond(fd, OK, sizeof(OK) - 1);
	turn_until(manager_fd);
	assert_true(is_fed());
	assert_false(is_fed());
	close(fd);
}

TEST(response_in_pieces_feeds_it)
{
	int fd = question();

	respond(fd, OK, 9);
	watchdog_turn(&w, &n, dir);
	assert_false(is_fed());
	respond(fd, OK + 9, sizeof(OK) - 10);
	turn_until(manager_fd);
	close(fd);
}

TEST(probe_without_a_response_is_given_up_for_the_next)
{
	int silent = question(), next = question();

	respond(next, OK, sizeof(OK) - 1);
	turn_until(manager_fd);
	assert_true(is_fed());
	close(silent);
	close(next);
}

/* Nothing is fed until the next question. */
static void
feeds_nothing(const char *bytes, size_t len)
{
	int fd = question(), next;

	respond(fd, bytes, len);
	close(fd);
	next = question();
	assert_false(is_fed());
	close(next);
}

TEST(what_is_no_good_response_feeds_nothing)
{
	feeds_nothing("", 0);
	feeds_nothing(OK, 12);
	feeds_nothing(BUSY, sizeof(BUSY) - 1);
	feeds_nothing("\1\7\0\1\0\13\0\0Status: 200", 19);
}

TEST(pool_that_is_not_there_is_asked_again)
{
	int fd;

	assert_int_equal(unlink(scratch_path(dir, LOCATION_MAIN_SOCKET)), 0);
	watchdog_turn(&w, &n, dir);
	assert_int_equal(w.fd, -1);
	assert_true(w.next_ms > clock_mono_ms());
	close(pool_fd);
	pool_fd =
	    bound(SOCK_STREAM, LOCATION_MAIN_SOCKET, &(struct sockaddr_un){ 0 }, &(socklen_t){ 0 });
	assert_int_equal(listen(pool_fd, 8), 0);
	fd = question();
	respond(fd, OK, sizeof(OK) - 1);
	turn_until(manager_fd);
	close(fd);
}

TEST(without_a_watchdog_nobody_is_asked)
{
	n.watchdog_ms = 0;
	watchdog_turn(&w, &n, dir);
	assert_int_equal(w.fd, -1);
	assert_int_equal(watchdog_wait_ms(&w, &n, 777), 777);
}

TEST(loop_learns_when_to_turn_again)
{
	assert_true(watchdog_wait_ms(&w, &n, 777) <= 0);
	watchdog_turn(&w, &n, dir);
	assert_int_equal(watchdog_wait_ms(&w, &n, 777), 20);
	assert_int_equal(watchdog_wait_ms(&w, &n, 3), 3);
	watchdog_close(&w);
	assert_in_range(watchdog_wait_ms(&w, &n, 777), 0, 50);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(response_feeds_it_once),
	EACH(response_in_pieces_feeds_it),
	EACH(probe_without_a_response_is_given_up_for_the_next),
	EACH(what_is_no_good_response_feeds_nothing),
	EACH(pool_that_is_not_there_is_asked_again),
	EACH(without_a_watchdog_nobody_is_asked),
	EACH(loop_learns_when_to_turn_again),
};

int
main(void)
{
	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
