/* Taking connections. libfcgi would do it, but it waits for the request with the connection in
 * hand; here it is asked first whether the request is there. */
#include "accept.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHOLE_BYTES 65536 /* what is longer is never said to be all there */
#define FIRST_BYTE_MS 2000 /* after so long nothing will come */

bool
accept_open(struct acceptor *a, int listen_fd)
{
	struct epoll_event in = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	const int flags = fcntl(listen_fd, F_GETFL);

	*a = (struct acceptor){
		.listen_fd = listen_fd, .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .held_fd = -1
	};
	return a->epoll_fd >= 0 && fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, listen_fd, &in) == 0;
}

void
accept_close(struct acceptor *a)
{
	if (a->held_fd >= 0)
		close(a->held_fd);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
}

/* One that knocks at once costs no wait. */
static int
take(struct acceptor *a)
{
	int fd = a->held_fd;

	a->held_fd = -1;
	return fd >= 0 ? fd : accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC);
}

bool
accept_wait(struct acceptor *a, int ms)
{
	struct epoll_event e;

	a->held_fd = take(a);
	if (a->held_fd >= 0)
		return true;
	return epoll_wait(a->epoll_fd, &e, 1, ms) > 0;
}

/* libfcgi has no call for a connection that is there already: it takes it for one that was kept
 * open after an earlier request. Where that brings nothing it turns to its socket, which is none.
 */
static bool
hand_over(FCGX_Request *q, int fd)
{
	q->ipcFd = fd;
	q->keepConnection = 1;
	return FCGX_Accept_r(q) == 0;
}

bool
accept_request(struct acceptor *a, struct FCGX_Request *q)
{
	struct pollfd first = { .fd = take(a), .events = POLLIN };
	int n;

	if (first.fd < 0)
		return false;
	do
		n = poll(&first, 1, FIRST_BYTE_MS);
	while (n < 0 && errno == EINTR); /* told to end: what is in hand is served */
	if (n > 0)
		return hand_over(q, first.fd);
	close(first.fd);
	return false;
}

/* Walks along the records of a request to the empty one that ends its body. */
static bool
ends_in(const unsigned char *seen, ssize_t n)
{
	ssize_t at = 0;

	while (at + FCGI_HEADER_LEN <= n) {
		const unsigned char *head = seen + at;
		const int len = head[4] << 8 | head[5];

		if (head[1] == FCGI_STDIN && len == 0)
			return true;
		at += FCGI_HEADER_LEN + len + head[6];
	}
	return false;
}

/* Words of people are not left in memory that nobody writes over. */
static bool
is_whole(int fd)
{
	static unsigned char seen[WHOLE_BYTES];
	const ssize_t n = recv(fd, seen, sizeof(seen), MSG_PEEK | MSG_DONTWAIT);
	const bool whole = n > 0 && ends_in(seen, n);

	if (n > 0)
		explicit_bzero(seen, (size_t)n);
	return whole;
}

bool
accept_whole(struct acceptor *a, struct FCGX_Request *q)
{
	int fd = take(a);

	if (fd < 0)
		return false;
	if (is_whole(fd))
		return hand_over(q, fd);
	a->held_fd = fd;
	return false;
}
