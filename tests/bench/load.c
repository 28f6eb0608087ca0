/* Load over HTTP/1.1 keep-alive: every client asks again as soon as it got a response. Prints one
 * line of JSON. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES 8192
#define EVENTS 256
#define LINE_BYTES 65536

struct ask {
	char *text;
	size_t len;
};

struct client {
	int fd;
	size_t next, have; /* next request; bytes of the response's head so far */
	int64_t started_us, body_left; /* body_left < 0: the head is still being read */
	uint64_t count;
	int status;
	bool closes;
	char head[HEAD_BYTES];
};

struct load {
	struct sockaddr_in at;
	struct ask *asks;
	size_t asks_len, clients_len;
	struct client *clients;
	int epoll;
	int64_t from_us, until_us;
	uint64_t statuses[600], errors, body_bytes;
	struct samples latencies;
};

/* A line of the file is a token, a blank and a body. */
static void
add_ask(struct load *l, const char *path, char *line)
{
	char *body = strchr(line, ' ');
	struct ask *a;
	int len;

	l->asks = reallocarray(l->asks, l->asks_len + 1, sizeof(*l->asks));
	if (!l->asks || !body)
		die("a request");
	*body++ = '\0';
	a = &l->asks[l->asks_len++];
	len = asprintf(&a->text,
	    "POST %s HTTP/1.1\r\nHost: localhost\r\nX-PChat-Session: %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    path, line, strlen(body), body);
	if (len < 0)
		die("memory");
	a->len = (size_t)len;
}

static void
read_asks(struct load *l, const char *path, const char *file)
{
	char *line = malloc(LINE_BYTES);
	FILE *f = fopen(file, "re");

	if (!f || !line)
		die(file);
	while (fgets(line, LINE_BYTES, f)) {
		line[strcspn(line, "\n")] = '\0';
		add_ask(l, path, line);
	}
	fclose(f);
	free(line);
	if (l->asks_len < l->clients_len) {
		errno = EINVAL;
		die("fewer requests than clients");
	}
}

static bool
client_connect(struct load *l, struct client *c)
{
	struct epoll_event want = { .events = EPOLLIN, .data = { .ptr = c } };
	const int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&l->at, sizeof(l->at)) != 0) {
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		return false;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &want) == 0;
}

static bool client_ask(struct load *l, struct client *c);

/* An error counts even during the warm-up; the client starts anew on another connection. */
static void
client_fail(struct load *l, struct client *c)
{
	l->errors++;
	close(c->fd);
	if (client_connect(l, c))
		client_ask(l, c);
	else
		c->fd = -1;
}

static bool
client_ask(struct load *l, struct client *c)
{
	const struct ask *a = &l->asks[c->next];
	ssize_t n;

	c->next += l->clients_len;
	if (c->next >= l->asks_len)
		c->next %= l->clients_len;
	c->have = 0;
	c->body_left = -1;
	c->started_us = now_us();
	n = send(c->fd, a->text, a->len, MSG_NOSIGNAL);
	return n == (ssize_t)a->len;
}

static const char *
header(const char *head, const char *name)
{
	const char *p = strcasestr(head, name);

	return p ? p + strlen(name) : NULL;
}

/* Takes the head apart once it is complete; false: this is no response. */
static bool
read_head(struct load *l, struct client *c)
{
	char *end = memmem(c->head, c->have, "\r\n\r\n", 4);
	const char *length, *connection;
	size_t extra;

	if (!end)
		return c->have < sizeof(c->head);
	*end = '\0';
	if (strncmp(c->head, "HTTP/1.1 ", 9) != 0)
		return false;
	c->status = (int)strtol(c->head + 9, NULL, 10);
	length = header(c->head, "\r\nContent-Length:");
	connection = header(c->head, "\r\nConnection:");
	if (!length || c->status < 200 || c->status > 599)
		return false;
	c->closes = connection && strncasecmp(connection, " close", 6) == 0;
	c->body_left = strtoll(length, NULL, 10);
	extra = c->have - (size_t)(end + 4 - c->head);
	l->body_bytes += (uint64_t)c->body_left;
	c->body_left -= (int64_t)extra;
	return c->body_left >= 0;
}

/* A response was read to its end: counted between warm-up and end, a bad status always. */
static bool
client_done(struct load *l, struct client *c)
{
	int64_t now = now_us();
	bool counts = now >= l->from_us && now < l->until_us;

	if (counts || c->status > 299)
		l->statuses[c->status]++;
	if (counts) {
		c->count++;
		sample_note(&l->latencies, now - c->started_us);
	}
	if (c->closes) {
		close(c->fd);
		if (!client_connect(l, c))
			return false;
	}
	return client_ask(l, c);
}

static bool
client_read(struct load *l, struct client *c)
{
	static char rest[65536];
	bool in_head = c->body_left < 0;
	ssize_t n = in_head ? recv(c->fd, c->head + c->have, sizeof(c->head) - c->have, 0) :
			      recv(c->fd, rest, sizeof(rest), 0);

	if (n <= 0)
		return false;
	if (in_head) {
		c->have += (size_t)n;
		if (!read_head(l, c))
			return false;
	} else {
		c->body_left -= n;
	}
	if (c->body_left == 0)
		return client_done(l, c);
	return in_head || c->body_left > 0;
}

static void
run(struct load *l)
{
	struct epoll_event events[EVENTS];

	for (size_t i = 0; i < l->clients_len; i++)
		if (!client_ask(l, &l->clients[i]))
			client_fail(l, &l->clients[i]);
	while (now_us() < l->until_us) {
		int n = epoll_wait(l->epoll, events, EVENTS, 10);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (c->fd >= 0 && !client_read(l, c))
				client_fail(l, c);
		}
	}
}

static int
by_count(const void *a, const void *b)
{
	const struct client *x = a, *y = b;

	return (x->count > y->count) - (x->count < y->count);
}

static void
report(struct load *l)
{
	uint64_t bad = 0;
	const char *comma = "";
	double seconds = (double)(l->until_us - l->from_us) / 1e6;

	sample_sort(&l->latencies);
	qsort(l->clients, l->clients_len, sizeof(*l->clients), by_count);
	printf("{\"seconds\":%.3f,\"requests\":%zu,\"per_second\":%.1f,\"statuses\":{", seconds,
	    l->latencies.len, (double)l->latencies.len / seconds);
	for (int s = 200; s < 600; s++) {
		if (!l->statuses[s])
			continue;
		bad += s > 299 ? l->statuses[s] : 0;
		printf("%s\"%d\":%llu", comma, s, (unsigned long long)l->statuses[s]);
		comma = ",";
	}
	printf("},\"non_2xx\":%llu,\"errors\":%llu,\"body_bytes\":%llu,", (unsigned long long)bad,
	    (unsigned long long)l->errors, (unsigned long long)l->body_bytes);
	printf("\"client_min\":%llu,\"client_median\":%llu,\"client_max\":%llu,",
	    (unsigned long long)l->clients[0].count,
	    (unsigned long long)l->clients[l->clients_len / 2].count,
	    (unsigned long long)l->clients[l->clients_len - 1].count);
	printf("\"p50_us\":%u,\"p99_us\":%u}\n", sample_at(&l->latencies, .5),
	    sample_at(&l->latencies, .99));
}

int
main(int argc, char **argv)
{
	struct load l = { .epoll = epoll_create1(EPOLL_CLOEXEC) };

	if (argc != 8) {
		fputs("Usage: load ADDRESS PORT PATH CLIENTS WARM-UP-SECONDS SECONDS FILE\n"
		      "Every line of FILE: a session token, a blank, a JSON body.\n",
		    stderr);
		return 2;
	}
	raise_files();
	l.at.sin_family = AF_INET;
	l.at.sin_port = htons((uint16_t)strtol(argv[2], NULL, 10));
	l.clients_len = strtoul(argv[4], NULL, 10);
	if (inet_pton(AF_INET, argv[1], &l.at.sin_addr) != 1 || l.clients_len == 0)
		die("address or clients");
	read_asks(&l, argv[3], argv[7]);
	l.clients = calloc(l.clients_len, sizeof(*l.clients));
	if (!l.clients)
		die("memory");
	for (size_t i = 0; i < l.clients_len; i++) {
		l.clients[i].next = i;
		if (!client_connect(&l, &l.clients[i]))
			die("connect");
	}
	l.from_us = now_us() + (int64_t)(strtod(argv[5], NULL) * 1e6);
	l.until_us = l.from_us + (int64_t)(strtod(argv[6], NULL) * 1e6);
	run(&l);
	report(&l);
	return 0;
}
