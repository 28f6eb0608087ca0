/* Notifying the service manager by systemd's protocol: a datagram of lines NAME=VALUE to the
 * socket that $NOTIFY_SOCKET names. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	struct sockaddr_un at;
	socklen_t at_len; /* 0: nobody is to be notified */
	int64_t watchdog_ms; /* how long it waits for a sign of life; 0: for ever */
};

/* Reads the socket and the time from the environment and takes them out of it, for they are not our
 * children's. A socket of another kind than a path or an abstract name (@NAME) is nobody's. */
void notify_open(struct notify *n);

/* Sends the lines; a manager that does not take them within a second misses them, which the log
 * says. */
void notify_send(const struct notify *n, const char *lines);

#endif
