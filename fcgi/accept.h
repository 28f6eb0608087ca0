/* Connections of the web server, one request each. */
#ifndef FCGI_ACCEPT_H
#define FCGI_ACCEPT_H

#include <stdbool.h>

struct FCGX_Request;

struct acceptor {
	int listen_fd, epoll_fd;
	int held_fd; /* was taken, but its request was not all there; -1 */
};

/* Of the processes that wait at one socket, a connection wakes one. False: see errno. The caller
 * closes with accept_close. */
bool accept_open(struct acceptor *a, int listen_fd);
void accept_close(struct acceptor *a);

/* Is there a connection? Waits for one for `ms`, or for ever: -1. False: nobody came, or a signal
 * did. */
bool accept_wait(struct acceptor *a, int ms);

/* Takes a connection and has libfcgi read the parameters of its request, waiting for them. False:
 * somebody else took it, or it brought none. */
bool accept_request(struct acceptor *a, struct FCGX_Request *q);

/* The same without ever waiting: only a request that is all there, body and all, is taken. */
bool accept_whole(struct acceptor *a, struct FCGX_Request *q);

#endif
