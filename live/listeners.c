/* Marks are taken at the bell, again 2 ms later and once a second: so under load there is one
 * system call in 2 ms, and a worker that was killed before it rang costs a second. */
#include "listeners.h"

#include "clock.h"
#include "conn.h"
#include "ring.h"
#include "secret.h"
#include "subscriber.h"

#include <stdlib.h>
#include <unistd.h>

#define PER_ACCOUNT 16
#define NAP_US 2000 /* after a look, before the next mark rings */
#define LATE_US 10000 /* how often it is looked whether a gap is over */
#define LINGER_MS 60000 /* a bucket is marked so long after its last listener, for long polls */
#define LIFE_MS 900000 /* a stream ends by itself, which catches credentials that expire ... */
#define LIFE_SPREAD_MS 120000 /* ... give or take */
#define PASS_LIFE_MS 60000
#define BACK_PER_SEC 500 /* so many may come back after a restart */
#define BACK_LEAST_MS 1000
#define BACK_MOST_MS 60000

struct bucket {
	struct ring streams; /* the newest first */
	int64_t notified_us; /* when anything last happened in it, as `after` counts */
	int64_t ended_ms; /* when a credential ended, wall clock */
	int64_t left_ms; /* when somebody last came or went, monotonic */
};

struct listeners {
	struct wake *wake;
	int count, most, beat;
	int64_t began_us, last_us;
	struct ring beats[SUBSCRIBER_BEAT_SEC]; /* streams by the second of their heartbeat */
	struct ring polls, late;
	struct event *bell, *nap, *second, *late_timer;
	struct bucket buckets[WAKE_BITS];
};

/* A point in time that never comes twice. A counter would tell how much others write. */
static int64_t
next_cursor(struct listeners *l)
{
	int64_t now = clock_us();

	l->last_us = now > l->last_us ? now : l->last_us + 1;
	return l->last_us;
}

static struct bucket *
bucket_of(struct listeners *l, int64_t account)
{
	return &l->buckets[wake_bucket(account)];
}

static int
reconnect_ms(const struct listeners *l)
{
	int window = (int)((int64_t)l->count * 1000 / BACK_PER_SEC);

	return window < BACK_LEAST_MS ? BACK_LEAST_MS :
	    window > BACK_MOST_MS     ? BACK_MOST_MS :
					window;
}

static void
count(struct listeners *l, int more)
{
	l->count += more;
	atomic_store(&l->wake->share->streams, l->count);
}

static void
on_gone(struct subscriber *s, void *arg)
{
	struct listeners *l = arg;

	ring_drop(&s->in_bucket);
	ring_drop(&s->in_time);
	ring_drop(&s->in_late);
	bucket_of(l, s->account)->left_ms = clock_mono_ms();
	count(l, -1);
}

static void
notify(struct listeners *l, struct subscriber *s, unsigned kinds, int64_t now_ms)
{
	const struct timeval soon = { 0, LATE_US };

	ring_drop(&s->in_late);
	if (s->long_poll) {
		subscriber_respond(s, true, next_cursor(l));
	} else if (!subscriber_notify(s, kinds, now_ms)) {
		ring_add(&l->late, &s->in_late);
		if (!event_pending(l->late_timer, EV_TIMEOUT, NULL))
			event_add(l->late_timer, &soon);
	}
}

/* All whose gap was not over; those whose is not over yet go back into the ring. */
static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct listeners *l = arg;
	struct ring waiting = { 0 }, *at;
	int64_t now_ms = clock_mono_ms();

	(void)fd, (void)what;
	while ((at = ring_oldest(&l->late))) {
		ring_drop(at);
		ring_add(&waiting, at);
	}
	while ((at = ring_oldest(&waiting)))
		notify(l, RING_OF(at, struct subscriber, in_late), 0, now_ms);
}

/* Nobody listens in the bucket any more: it is not marked from here on, and whoever comes back is
 * told to poll, for its last time is now. */
static void
stop_marking(struct listeners *l, uint32_t n)
{
	struct bucket *b = &l->buckets[n];

	if (ring_oldest(&b->streams) || clock_mono_ms() - b->left_ms < LINGER_MS)
		return;
	wake_listen(l->wake, n, false);
	b->notified_us = next_cursor(l);
}

static void
notify_bucket(struct listeners *l, uint32_t n, unsigned kinds)
{
	struct bucket *b = &l->buckets[n];
	int64_t now_ms = clock_mono_ms();
	struct ring *at, *next;

	b->notified_us = next_cursor(l);
	for (at = ring_next(&b->streams, &b->streams); at; at = next) {
		next = ring_next(&b->streams, at);
		notify(l, RING_OF(at, struct subscriber, in_bucket), kinds, now_ms);
	}
	stop_marking(l, n);
}

static void
on_poll_wake(uint32_t n, void *arg)
{
	notify_bucket(arg, n, SUBSCRIBER_WAKE);
}

static void
on_receipts(uint32_t n, void *arg)
{
	notify_bucket(arg, n, SUBSCRIBER_RECEIPTS);
}

static void
end_one(struct listeners *l, struct subscriber *s, bool wake)
{
	if (s->long_poll)
		subscriber_respond(s, wake, next_cursor(l));
	else
		subscriber_end(s);
}

/* All of the bucket come back; who has no credential any more gets a 401 then. */
static void
on_ended(uint32_t n, void *arg)
{
	struct listeners *l = arg;
	struct bucket *b = &l->buckets[n];
	struct ring *at;

	b->ended_ms = clock_ms();
	b->notified_us = next_cursor(l);
	while ((at = ring_oldest(&b->streams)))
		end_one(l, RING_OF(at, struct subscriber, in_bucket), true);
}

static void
take(struct listeners *l, bool deep)
{
	wake_take(l->wake, WAKE_POLL, deep, on_poll_wake, l);
	wake_take(l->wake, WAKE_RECEIPTS, deep, on_receipts, l);
	wake_take(l->wake, WAKE_ENDED, deep, on_ended, l);
}

static void
look(struct listeners *l, bool deep)
{
	wake_sleep(l->wake);
	take(l, deep);
}

static void
on_nap_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	look(arg, false);
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval nap = { 0, NAP_US };
	struct listeners *l = arg;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	take(l, false);
	event_add(l->nap, &nap);
}

static void
beat(struct listeners *l, int64_t now_ms)
{
	struct ring *head = &l->beats[l->beat], *at, *next;

	for (at = ring_next(head, head); at; at = next) {
		struct subscriber *s = RING_OF(at, struct subscriber, in_time);

		next = ring_next(head, at);
		if (subscriber_beat(s, now_ms))
			continue;
		if (conn_is_clear(s->conn) || now_ms >= s->ends_ms)
			subscriber_end(s);
		else
			subscriber_kill(s);
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct listeners *l = arg;
	int64_t now_ms = clock_mono_ms();
	struct ring *at;

	(void)fd, (void)what;
	l->beat = (l->beat + 1) % SUBSCRIBER_BEAT_SEC;
	beat(l, now_ms);
	while ((at = ring_oldest(&l->polls)) &&
	    RING_OF(at, struct subscriber, in_time)->ends_ms <= now_ms)
		subscriber_respond(RING_OF(at, struct subscriber, in_time), false, next_cursor(l));
	look(l, true);
}

/* Of one account's the oldest ends, so a forgotten tab never locks its owner out. */
static void
make_room(struct listeners *l, int64_t account)
{
	struct ring *head = &bucket_of(l, account)->streams;
	struct subscriber *oldest = NULL;
	int n = 0;

	for (struct ring *at = ring_next(head, head); at; at = ring_next(head, at)) {
		struct subscriber *s = RING_OF(at, struct subscriber, in_bucket);

		if (s->account != account)
			continue;
		oldest = s;
		n++;
	}
	if (n > PER_ACCOUNT)
		end_one(l, oldest, false);
}

static int64_t
life_ms(void)
{
	uint32_t r;

	secret_random(&r, sizeof(r));
	return LIFE_MS - LIFE_SPREAD_MS + (int64_t)(r % (2 * LIFE_SPREAD_MS));
}

static void
admit(struct listeners *l, struct subscriber *s)
{
	int64_t now_ms = clock_mono_ms();

	count(l, 1);
	ring_add(&bucket_of(l, s->account)->streams, &s->in_bucket);
	ring_add(s->long_poll ? &l->polls : &l->beats[l->beat], &s->in_time);
	s->ends_ms = now_ms + (s->long_poll ? SUBSCRIBER_POLL_MS : life_ms());
	if (!s->long_poll)
		subscriber_hello(s, reconnect_ms(l));
	make_room(l, s->account);
}

/* Is the credential still what the worker saw? One that ended since is asked for again. */
static bool
is_fresh(const struct bucket *b, const struct pass *p)
{
	int64_t age_ms = clock_ms() - p->checked_ms;

	return p->checked_ms > b->ended_ms && age_ms > -PASS_LIFE_MS && age_ms < PASS_LIFE_MS;
}

void
listeners_admit(struct listeners *l, struct bufferevent *conn, const struct pass *p)
{
	struct bucket *b = bucket_of(l, p->account);
	bool long_poll = p->after >= 0;
	struct subscriber *s;

	if (l->count >= l->most || p->account < 1 || !is_fresh(b, p)) {
		conn_refuse(conn, "503 Service Unavailable");
		return;
	}
	wake_listen(l->wake, wake_bucket(p->account), true);
	b->left_ms = clock_mono_ms();
	/* something since the last response, or that is of another process: say so at once */
	if (long_poll &&
	    (p->after < b->notified_us || p->after < l->began_us || p->after > next_cursor(l))) {
		subscriber_respond_now(conn, true, next_cursor(l));
		return;
	}
	s = subscriber_new(conn, p->account, long_poll, on_gone, l);
	if (s)
		admit(l, s);
	else
		conn_refuse(conn, "503 Service Unavailable");
}

struct listeners *
listeners_new(struct event_base *base, struct wake *wake, int most)
{
	const struct timeval second = { 1, 0 };
	struct listeners *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->wake = wake;
	l->most = most;
	l->began_us = next_cursor(l);
	l->bell = event_new(base, wake->bell_fd, EV_READ | EV_PERSIST, on_bell, l);
	l->nap = event_new(base, -1, 0, on_nap_over, l);
	l->second = event_new(base, -1, EV_PERSIST, on_second, l);
	l->late_timer = event_new(base, -1, 0, on_late, l);
	if (!l->bell || !l->nap || !l->second || !l->late_timer || event_add(l->bell, NULL) != 0 ||
	    event_add(l->second, &second) != 0)
		return NULL; /* what was made goes with the process */
	count(l, 0);
	look(l, true);
	return l;
}

void
listeners_end(struct listeners *l)
{
	int window = reconnect_ms(l);
	struct ring *at;

	event_free(l->bell);
	event_free(l->nap);
	event_free(l->second);
	event_free(l->late_timer);
	while ((at = ring_oldest(&l->polls)))
		subscriber_respond(RING_OF(at, struct subscriber, in_time), false, next_cursor(l));
	for (int i = 0; i < SUBSCRIBER_BEAT_SEC; i++)
		while ((at = ring_oldest(&l->beats[i])))
			subscriber_bye(RING_OF(at, struct subscriber, in_time), window);
	free(l);
}
