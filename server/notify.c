/* The service manager's socket. The protocol is documented as stable (sd_notify(3), "Notes"); for
 * so little a library would be one more package on every machine. */
#include "notify.h"

#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* The socket's name: a path, or @ and an abstract one. */
static void
read_socket(struct notify *n, const char *name)
{
	const size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(n->at.sun_path) || (name[0] != '/' && name[0] != '@')) {
		if (name)
			log_warn("NOTIFY_SOCKET: not a socket that can be told: %s", name);
		return;
	}
	n->at.sun_family = AF_UNIX;
	memcpy(n->at.sun_path, name, len);
	n->at_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		n->at.sun_path[0] = '\0';
	else
		n->at_len++; /* a path ends with a zero, an abstract name where it ends */
}

/* A whole number above 0; 0: it is none. */
static int64_t
number(const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = text ? strtoll(text, &end, 10) : 0;
	return text && !errno && end != text && !*end && n > 0 ? n : 0;
}

void
notify_open(struct notify *n)
{
	const char *whose = getenv("WATCHDOG_PID");

	*n = (struct notify){ .at_len = 0 };
	read_socket(n, getenv("NOTIFY_SOCKET"));
	if (n->at_len && (!whose || number(whose) == getpid()))
		n->watchdog_ms = number(getenv("WATCHDOG_USEC")) / 1000;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
notify_send(const struct notify *n, const char *lines)
{
	const struct timeval timeout = { 1, 0 };
	int fd;

	if (!n->at_len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
	    sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&n->at,
		n->at_len) < 0)
		log_warn("the service manager cannot be told: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}
