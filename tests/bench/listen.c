/* Streams of events, and senders that wake them: how long from the response to a send until its
 * reader is woken. Prints "up" once all streams stand, and at the end one line of JSON. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 2048
#define EVENTS 512
#define LINE_BYTES 4096
#define AT_ONCE 200 /* connections that are being made */
#define PAUSE_US 500000 /* between the last stream and the first send */
#define AFTER_US 2000000 /* for wakes of the last sends */
#define UP_US 120000000

enum state { CLOSED, CONNECTING, ASKED, UP };

struct peer {
	enum state state;
	int fd, window_ms; /* within which a reader comes back */
	size_t have;
	int64_t due_us; /* connects then */
	int64_t sent_us,
	    responded_us; /* of the last message to this reader; 0: none is under way */
	char in[BYTES + 1];
};

struct request {
	int to; /* the reader that it wakes; -1: all */
	char *text;
	size_t len;
};

struct bench {
	struct sockaddr_in at;
	int epoll, readers_len, senders_len, rate, connecting, up;
	char **tokens;
	struct peer *readers, *senders;
	int *busy; /* the request of each sender; -1: none */
	struct request *requests;
	size_t requests_len, next;
	int64_t down_us; /* the first stream broke, since all stood */
	struct samples after_response, after_send, sends, back;
	uint64_t wakes, errors, refused, ok;
};

static void
watch(struct bench *b, struct peer *p, int how, uint32_t events)
{
	struct epoll_event e = { .events = events, .data = { .ptr = p } };

	if (epoll_ctl(b->epoll, how, p->fd, &e) != 0)
		die("epoll");
}

static void
dial(struct bench *b, struct peer *p)
{
	const int one = 1;

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		die("socket");
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(p->fd, (struct sockaddr *)&b->at, sizeof(b->at)) != 0 && errno != EINPROGRESS)
		die("connect");
	p->state = CONNECTING;
	p->have = 0;
	b->connecting++;
	watch(b, p, EPOLL_CTL_ADD, EPOLLOUT);
}

static bool
is_reader(const struct bench *b, const struct peer *p)
{
	return p >= b->readers && p < b->readers + b->readers_len;
}

static void
hang_up(struct bench *b, struct peer *p)
{
	const int64_t now = now_us();

	if (p->state == CONNECTING || p->state == ASKED)
		b->connecting--;
	if (p->state == UP && is_reader(b, p)) {
		b->up--;
		if (!b->down_us)
			b->down_us = now;
	}
	if (!is_reader(b, p)) {
		b->errors += b->busy[p - b->senders] >= 0;
		b->busy[p - b->senders] = -1;
	}
	close(p->fd);
	p->state = CLOSED;
	p->due_us = now + (int64_t)(p->window_ms > 0 ? rand() % p->window_ms : 100) * 1000;
}

static void
put(struct bench *b, struct peer *p, const char *text, size_t len)
{
	if (send(p->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		hang_up(b, p);
}

/* A connection stands: a reader asks for its events. */
static void
on_connected(struct bench *b, struct peer *p)
{
	char text[512];
	socklen_t size = sizeof(int);
	int error = 0, n;

	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		b->errors++;
		hang_up(b, p);
		return;
	}
	watch(b, p, EPOLL_CTL_MOD, EPOLLIN);
	if (!is_reader(b, p)) {
		b->connecting--;
		p->state = UP;
		return;
	}
	p->state = ASKED;
	n = snprintf(text, sizeof(text),
	    "GET /api/v1/webchat/events HTTP/1.1\r\nHost: localhost\r\nX-PChat-Session: %s\r\n"
	    "Accept: text/event-stream\r\n\r\n",
	    b->tokens[p - b->readers]);
	put(b, p, text, (size_t)n);
}

static int
window_of(const char *event)
{
	const char *p = strstr(event, "reconnect_ms\":");

	return p ? (int)strtol(p + strlen("reconnect_ms\":"), NULL, 10) : 1000;
}

static void
on_wake(struct bench *b, struct peer *p, int64_t now)
{
	b->wakes++;
	if (!p->sent_us)
		return;
	sample_note(&b->after_send, now - p->sent_us);
	sample_note(&b->after_response, p->responded_us ? now - p->responded_us : 0);
	p->sent_us = p->responded_us = 0;
}

/* The stream begins, or does not. */
static void
on_begin(struct bench *b, struct peer *p, int64_t now)
{
	char *hello = strstr(p->in, "\"hello\"");

	if (!hello || !strchr(hello, '\n')) {
		if (p->have > 12 && strncmp(p->in, "HTTP/1.1 200", 12) != 0) {
			b->refused++;
			hang_up(b, p);
		}
		return;
	}
	p->window_ms = window_of(hello);
	p->state = UP;
	p->have = 0;
	b->connecting--;
	b->up++;
	if (b->down_us)
		sample_note(&b->back, now - b->down_us);
}

/* The last chunk (RFC 9112, section 7.1): whoever wrote the stream is gone. */
static bool
ends(const struct peer *p)
{
	return strncmp(p->in, "0\r\n\r\n", 5) == 0 || strstr(p->in, "\n0\r\n\r\n") != NULL;
}

static void
on_event(struct bench *b, struct peer *p, int64_t now)
{
	char *end = p->in;
	char *bye = strstr(p->in, "\"bye\"");

	for (char *at = p->in; (at = strstr(at, "\"wake\"")) != NULL; at += 6)
		on_wake(b, p, now);
	if (bye || ends(p)) {
		p->window_ms = bye ? window_of(bye) : p->window_ms;
		hang_up(b, p);
		return;
	}
	/* what follows the last event that is whole stays */
	for (char *at = p->in; (at = strstr(at, "\n\n")) != NULL;)
		end = at += 2;
	p->have -= (size_t)(end - p->in);
	memmove(p->in, end, p->have);
	if (p->have == BYTES)
		p->have = 0;
}

static void
on_response(struct bench *b, struct peer *p, int64_t now)
{
	int *busy = &b->busy[p - b->senders];
	char *body = strstr(p->in, "\r\n\r\n");

	if (!body || !strchr(body, '}'))
		return;
	if (*busy >= 0 && strncmp(p->in, "HTTP/1.1 202", 12) == 0) {
		const struct request *r = &b->requests[*busy];

		b->ok++;
		for (int i = 0; i < b->readers_len; i++)
			if ((r->to < 0 || r->to == i) && b->readers[i].sent_us)
				b->readers[i].responded_us = now;
	} else {
		b->errors++;
	}
	*busy = -1;
	p->have = 0;
}

static void
on_readable(struct bench *b, struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->have, BYTES - p->have, 0);
	int64_t now = now_us();

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		hang_up(b, p);
		return;
	}
	p->have += (size_t)n;
	p->in[p->have] = '\0';
	if (!is_reader(b, p))
		on_response(b, p, now);
	else if (p->state == ASKED)
		on_begin(b, p, now);
	else
		on_event(b, p, now);
}

static void
dial_due(struct bench *b, int64_t now)
{
	struct peer *all[] = { b->senders, b->readers };
	const int counts[] = { b->senders_len, b->readers_len };

	for (int kind = 0; kind < 2; kind++)
		for (int i = 0; i < counts[kind] && b->connecting < AT_ONCE; i++)
			if (all[kind][i].state == CLOSED && all[kind][i].due_us <= now)
				dial(b, &all[kind][i]);
}

static void
send_one(struct bench *b, struct peer *sender)
{
	const struct request *r = &b->requests[b->next];
	int64_t now = now_us();

	b->busy[sender - b->senders] = (int)b->next;
	b->next = (b->next + 1) % b->requests_len;
	for (int i = 0; i < b->readers_len; i++)
		if (r->to < 0 || r->to == i) {
			b->readers[i].sent_us = now;
			b->readers[i].responded_us = 0;
		}
	put(b, sender, r->text, r->len);
}

static struct peer *
idle_sender(struct bench *b)
{
	for (int i = 0; i < b->senders_len; i++)
		if (b->senders[i].state == UP && b->busy[i] < 0)
			return &b->senders[i];
	return NULL;
}

static void
turn(struct bench *b, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(b->epoll, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;

		if (p->state == CONNECTING)
			on_connected(b, p);
		else if (p->state != CLOSED)
			on_readable(b, p);
	}
	dial_due(b, now_us());
}

static void
run(struct bench *b, int64_t seconds)
{
	int64_t limit = now_us() + UP_US, from, until, sent = 0;

	while (b->up < b->readers_len && now_us() < limit)
		turn(b, 5);
	if (b->up < b->readers_len)
		die("not all streams stand");
	from = now_us() + PAUSE_US;
	while (now_us() < from)
		turn(b, 5);
	puts("up");
	fflush(stdout);
	from = now_us();
	until = from + seconds * 1000000;
	while (now_us() < until + AFTER_US) {
		int64_t now = now_us();
		struct peer *sender;

		while (now < until && sent < (now - from) * b->rate / 1000000 &&
		    (sender = idle_sender(b)) != NULL) {
			send_one(b, sender);
			sent++;
		}
		turn(b, 1);
	}
}

/* A line of the file: a reader's token; or the number of a reader (-1: all), a token and a body. */
static void
read_file(struct bench *b, const char *path)
{
	char line[LINE_BYTES];
	FILE *f = fopen(path, "re");

	b->tokens = calloc((size_t)b->readers_len + 1, sizeof(*b->tokens));
	if (!f || !b->tokens)
		die(path);
	for (int i = 0; i < b->readers_len && fgets(line, sizeof(line), f); i++) {
		line[strcspn(line, "\n")] = '\0';
		b->tokens[i] = strdup(line);
	}
	while (fgets(line, sizeof(line), f)) {
		char *token = strchr(line, ' '), *body = token ? strchr(token + 1, ' ') : NULL;
		struct request *r;
		int len;

		b->requests = reallocarray(b->requests, b->requests_len + 1, sizeof(*b->requests));
		if (!body || !b->requests)
			die("a request");
		line[strcspn(line, "\n")] = *token++ = *body++ = '\0';
		r = &b->requests[b->requests_len++];
		r->to = (int)strtol(line, NULL, 10);
		len = asprintf(&r->text,
		    "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nX-PChat-Session: %s\r\n"
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		    token, strlen(body), body);
		if (len < 0)
			die("memory");
		r->len = (size_t)len;
	}
	fclose(f);
	if (b->readers_len && !b->tokens[b->readers_len - 1])
		die("fewer tokens than readers");
}

static void
show(const char *name, struct samples *s)
{
	static const double shares[] = { .5, .99, 1 };
	static const char *const names[] = { "p50", "p99", "max" };

	sample_sort(s);
	printf("\"%s_us\":{\"count\":%zu", name, s->len);
	for (size_t i = 0; i < 3; i++)
		printf(",\"%s\":%u", names[i], sample_at(s, shares[i]));
	printf("},");
}

static void
report(struct bench *b)
{
	int missed = 0;

	for (int i = 0; i < b->readers_len; i++)
		missed += b->readers[i].sent_us != 0;
	putchar('{');
	show("after_response", &b->after_response);
	show("after_send", &b->after_send);
	show("back", &b->back);
	printf("\"up\":%d,\"wakes\":%llu,\"missed\":%d,\"ok\":%llu,\"errors\":%llu,\"refused\":%"
	       "llu}\n",
	    b->up, (unsigned long long)b->wakes, missed, (unsigned long long)b->ok,
	    (unsigned long long)b->errors, (unsigned long long)b->refused);
}

int
main(int argc, char **argv)
{
	struct bench b = { .epoll = epoll_create1(EPOLL_CLOEXEC) };

	if (argc != 7) {
		fputs("Usage: listen PORT READERS SENDERS SENDS-A-SECOND SECONDS FILE\n"
		      "FILE: for each reader a line with its token; then lines with the number of "
		      "the "
		      "reader that is woken\n(-1: all), the sender's token and the body of a "
		      "message.\n",
		    stderr);
		return 2;
	}
	raise_files();
	b.at.sin_family = AF_INET;
	b.at.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	b.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b.readers_len = (int)strtol(argv[2], NULL, 10);
	b.senders_len = (int)strtol(argv[3], NULL, 10);
	b.rate = (int)strtol(argv[4], NULL, 10);
	read_file(&b, argv[6]);
	b.readers = calloc((size_t)b.readers_len + 1, sizeof(*b.readers));
	b.senders = calloc((size_t)b.senders_len + 1, sizeof(*b.senders));
	b.busy = calloc((size_t)b.senders_len + 1, sizeof(*b.busy));
	if (!b.readers || !b.senders || !b.busy || (b.rate && !b.requests_len))
		die("memory or requests");
	for (int i = 0; i < b.senders_len; i++)
		b.busy[i] = -1;
	run(&b, strtol(argv[5], NULL, 10));
	report(&b);
	return 0;
}
