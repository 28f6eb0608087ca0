/* Load over XMPP (RFC 6120, XEP-0198): every client sends a message to somebody who is away and the
 * next one as soon as the server has acknowledged it. Prints one line of JSON. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HAVE_BYTES 16384
#define EVENTS 256

struct client {
	int fd, number;
	size_t have;
	int64_t started_us;
	char in[HAVE_BYTES];
};

struct load {
	struct sockaddr_in at;
	const char *host;
	struct client *clients;
	int len, epoll;
	int64_t from_us, until_us;
	struct samples latencies;
};

static void
say(const struct client *c, const char *text)
{
	size_t len = strlen(text);

	if (write(c->fd, text, len) != (ssize_t)len)
		die("write");
}

/* Blocks until the server said that. */
static void
expect(struct client *c, const char *what)
{
	for (;;) {
		ssize_t n;

		c->in[c->have] = '\0';
		if (strstr(c->in, what))
			break;
		n = read(c->fd, c->in + c->have, HAVE_BYTES - 1 - c->have);
		if (n <= 0) {
			fprintf(stderr, "xmpp: no %s in: %s\n", what, c->in);
			exit(1);
		}
		c->have += (size_t)n;
	}
	c->have = 0;
}

static void
open_stream(struct client *c, const char *host)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' "
	    "xmlns:stream='http://etherx.jabber.org/streams'>",
	    host);
	say(c, text);
	expect(c, "</stream:features>");
}

/* SASL PLAIN (RFC 4616): the client's name is its password, too. */
static void
sign_in(struct client *c)
{
	unsigned char plain[64];
	char text[256], coded[96];
	const int len =
	    snprintf((char *)plain, sizeof(plain), "%cs%03d%cs%03d", 0, c->number, 0, c->number);

	sodium_bin2base64(coded, sizeof(coded), plain, (size_t)len, sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, sizeof(text),
	    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", coded);
	say(c, text);
	expect(c, "<success");
}

static void
join(struct load *l, struct client *c)
{
	struct epoll_event want = { .events = EPOLLIN, .data = { .ptr = c } };
	const int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&l->at, sizeof(l->at)) != 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	open_stream(c, l->host);
	sign_in(c);
	open_stream(c, l->host);
	say(c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
	expect(c, "</iq>");
	say(c, "<enable xmlns='urn:xmpp:sm:3'/>");
	expect(c, "<enabled");
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &want) != 0)
		die("epoll");
}

static void
ask(struct load *l, struct client *c)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "<message type='chat' to='r%03d@%s'><body>Shall we meet at the old bridge at seven? I "
	    "will bring the map and something to eat.</body></message><r xmlns='urn:xmpp:sm:3'/>",
	    c->number, l->host);
	c->started_us = now_us();
	c->have = 0;
	say(c, text);
}

/* True once the message is acknowledged. */
static bool
is_acknowledged(struct client *c)
{
	ssize_t n = read(c->fd, c->in + c->have, HAVE_BYTES - 1 - c->have);

	if (n <= 0)
		die("the server hung up");
	c->have += (size_t)n;
	c->in[c->have] = '\0';
	if (strstr(c->in, "<r ")) /* the server asks as well */
		say(c, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
	return strstr(c->in, "<a ") != NULL;
}

static void
run(struct load *l)
{
	struct epoll_event events[EVENTS];

	for (int i = 0; i < l->len; i++)
		ask(l, &l->clients[i]);
	while (now_us() < l->until_us) {
		const int n = epoll_wait(l->epoll, events, EVENTS, 100);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (!is_acknowledged(c))
				continue;
			if (now_us() >= l->from_us)
				sample_note(&l->latencies, now_us() - c->started_us);
			ask(l, c);
		}
	}
}

int
main(int argc, char **argv)
{
	struct load l = { .epoll = epoll_create1(EPOLL_CLOEXEC) };

	if (argc != 6) {
		fputs("Usage: xmpp HOST PORT CLIENTS WARM-UP-SECONDS SECONDS\n"
		      "Accounts s000 and so on with their names as passwords send to r000 and so "
		      "on.\n",
		    stderr);
		return 2;
	}
	l.host = argv[1];
	l.at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(argv[2], NULL, 10)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	l.len = (int)strtol(argv[3], NULL, 10);
	l.clients = calloc((size_t)l.len, sizeof(*l.clients));
	if (!l.clients)
		die("memory");
	for (int i = 0; i < l.len; i++) {
		l.clients[i].number = i;
		join(&l, &l.clients[i]);
	}
	l.from_us = now_us() + (int64_t)(strtod(argv[4], NULL) * 1e6);
	l.until_us = l.from_us + (int64_t)(strtod(argv[5], NULL) * 1e6);
	run(&l);
	sample_sort(&l.latencies);
	printf("{\"seconds\":%.3f,\"requests\":%zu,\"per_second\":%.1f,\"errors\":0,\"p50_us\":%u,"
	       "\"p99_us\":%u}\n",
	    (double)(l.until_us - l.from_us) / 1e6, l.latencies.len,
	    (double)l.latencies.len / ((double)(l.until_us - l.from_us) / 1e6),
	    sample_at(&l.latencies, .5), sample_at(&l.latencies, .99));
	return 0;
}
