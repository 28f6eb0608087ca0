/* The pool's socket and its nginx. */
#include "listener.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "nginxconf.h"
#include "page.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#define BACKLOG 4096 /* a full backlog is a 502 at once */
#define PORTS_TRIED 100
#define LOG_LIMIT_BYTES ((off_t)16 << 20)
#define STALE_DEADLINE_MS 3000
#define PORT_TIMEOUT_MS 1000

/* The name is relative: paths of sockets end at 107 bytes, folders may be deeper. The pool works in
 * run_dir. */
int
listener_socket(
    const char *run_dir, const char *name, uid_t uid, gid_t gid, enum conf_socket_access access)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t before;
	bool ok;

	if (fd < 0 || chdir(run_dir) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
	unlink(name);
	before = umask(access == SOCKET_EVERYONE ? 0111 : 0117);
	ok = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	umask(before);
	if (ok && (geteuid() != 0 || lchown(name, uid, gid) == 0) && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

void
listener_remove(const char *run_dir, const char *name)
{
	if (chdir(run_dir) == 0)
		unlink(name);
}

/* Runs nginx -t; what it prints goes to the end of `error`. */
static bool
nginx_check(const char *run_dir, char *error)
{
	char prefix[PATH_MAX], said[CONF_ERROR_BYTES] = "";
	int status = -1, fds[2];
	ssize_t n;
	pid_t pid;

	snprintf(prefix, sizeof(prefix), "%s/", run_dir);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		if (chdir(run_dir) == 0)
			execlp("nginx", "nginx", "-e", "stderr", "-t", "-q", "-p", prefix, "-c",
			    "nginx.conf", (char *)NULL);
		dprintf(STDERR_FILENO, "nginx: %s", strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return true;
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	snprintf(error, CONF_ERROR_BYTES, "%.400s/nginx.conf: %.500s", run_dir, said);
	return false;
}

bool
listener_write(const struct conf *c, const char *run_dir, const char *program_dir, int port,
    char error[static CONF_ERROR_BYTES])
{
	char templates[PATH_MAX], path[PATH_MAX];
	const struct nginxconf n = { .conf = c,
		.template_dir = templates,
		.socket_dir = "",
		.routes = routes,
		.port = port,
		.template_name = c->tls_certificate[0] ? "relay-tls.conf.in" : "relay.conf.in",
		.user = geteuid() == 0 ? c->user : NULL };

	snprintf(templates, sizeof(templates), "%s/../nginx", program_dir);
	snprintf(path, sizeof(path), "%s/nginx.conf", run_dir);
	return page_publish(c, run_dir, program_dir, error) && nginxconf_write(&n, path, error) &&
	    nginx_check(run_dir, error);
}

bool
listener_write_includes(const struct conf *c, const char *run_dir, const char *program_dir,
    char error[static CONF_ERROR_BYTES])
{
	static const char *const names[] = { "http", "server" };
	char templates[PATH_MAX], name[64], sockets[PATH_MAX + 8], socket[PATH_MAX + 32],
	    path[PATH_MAX + 32];
	struct nginxconf n = { .conf = c,
		.template_dir = templates,
		.template_name = name,
		.socket_dir = sockets,
		.routes = routes };

	snprintf(templates, sizeof(templates), "%s/../nginx", program_dir);
	snprintf(sockets, sizeof(sockets), "%s/", run_dir);
	snprintf(socket, sizeof(socket), "%s" LISTENER_SOCKET, sockets);
	if (strlen(socket) >= sizeof((struct sockaddr_un){ 0 }.sun_path)) {
		snprintf(error, CONF_ERROR_BYTES,
		    "%s: a web server cannot open a socket with so long a path", socket);
		return false;
	}
	if (!page_publish(c, run_dir, program_dir, error))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(name, sizeof(name), "include-%s.conf.in", names[i]);
		snprintf(path, sizeof(path), "%s/nginx-%s.conf", run_dir, names[i]);
		if (!nginxconf_write(&n, path, error))
			return false;
		if (chmod(path, 0644) != 0) { /* no secret in it, and not ours to read it */
			snprintf(error, CONF_ERROR_BYTES, "%s: %s", path, strerror(errno));
			return false;
		}
	}
	return true;
}

/* Host and port as addresses; the caller frees with freeaddrinfo. NULL: no such address. */
static struct addrinfo *
resolve(const char *host, int port, bool to_listen)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = (to_listen ? AI_PASSIVE : 0) | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	return getaddrinfo(host, service, &hints, &list) == 0 ? list : NULL;
}

static bool
is_any(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || strcmp(host, "*") == 0;
}

/* Where this machine itself reaches the relay. */
static const char *
near_host(const struct conf *c)
{
	return is_any(c->host) ? strchr(c->host, ':') ? "::1" : "127.0.0.1" : c->host;
}

/* A socket that somebody at `host` accepted; -1: nobody did. */
static int
connect_to(const char *host, int port)
{
	const struct timeval timeout = { 2, 0 };
	struct addrinfo *list = resolve(host, port, false);
	int fd = list ? socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd >= 0 &&
	    (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
		connect(fd, list->ai_addr, list->ai_addrlen) != 0)) {
		close(fd);
		fd = -1;
	}
	if (list)
		freeaddrinfo(list);
	return fd;
}

bool
listener_responds(const struct conf *c, int port)
{
	static const char ask[] = "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n";
	auto_close int fd = connect_to(near_host(c), port);
	char response[64] = "";

	if (fd < 0 || c->tls_certificate[0])
		return fd >= 0;
	if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0 ||
	    recv(fd, response, sizeof(response) - 1, MSG_WAITALL) <= 0)
		return false;
	return strncmp(response, "HTTP/1.", 7) == 0 && strncmp(response + 8, " 200", 4) == 0;
}

/* 0: this process may listen there; else errno. Both families for ::, as nginx will. */
static int
try_address(const struct addrinfo *at)
{
	auto_close int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int one = 1, none = 0;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &none, sizeof(none));
	return bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 1) == 0 ? 0 : errno;
}

/* All addresses of a name. */
static int
try_port(const char *host, int port)
{
	struct addrinfo *list = resolve(host, port, true);
	int why = list ? 0 : EADDRNOTAVAIL;

	for (const struct addrinfo *i = list; i && why == 0; i = i->ai_next)
		why = try_address(i);
	if (list)
		freeaddrinfo(list);
	return why;
}

int
listener_port(const struct conf *c, char error[static CONF_ERROR_BYTES])
{
	const char *host = strcmp(c->host, "*") == 0 ? "0.0.0.0" : c->host;
	enum conf_name setting = c->relay_port ? CONF_WEBCHAT_RELAY_PORT : CONF_PORT;
	int64_t deadline = clock_mono_ms() + PORT_TIMEOUT_MS;
	int wanted = conf_port(c), why = try_port(host, wanted);
	bool strict = c->strict_port;

	/* what ran here a moment ago may still be letting go of it */
	while (why == EADDRINUSE && clock_mono_ms() < deadline) {
		usleep(20000);
		why = try_port(host, wanted);
	}

	for (int port = wanted;
	     port < wanted + PORTS_TRIED && port <= 65535 && (port == wanted || !strict); port++) {
		int now = port == wanted    ? why :
		    port == c->metrics_port ? EADDRINUSE :
					      try_port(host, port);

		if (now == 0 && port != wanted)
			log_notice("port %d is taken by another program; the relay takes %d",
			    wanted, port);
		if (now == 0)
			return port;
		if (now != EADDRINUSE)
			break;
	}
	if (why == EADDRINUSE)
		conf_refuse(c, setting, error, "port %d of %s is taken by another program%s",
		    wanted, c->host,
		    strict ? ", and WEBCHAT_STRICT_PORT forbids the next free one" :
			     ", and so are those after it");
	else
		conf_refuse(c, why == EACCES ? setting : CONF_HOST, error,
		    "cannot listen on port %d of %s: %s%s", wanted, c->host, strerror(why),
		    why == EADDRNOTAVAIL ? "; an address of this machine is allowed" :
			why == EACCES    ? "; a port from 1024 up is allowed to everybody" :
					   "");
	return 0;
}

/* Does this process group hold an nginx that works in our folder? Also when its master is gone. */
static bool
is_our_nginx(pid_t group, const char *run_dir)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	bool ours = false;

	while (proc && !ours && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		char path[64], name[32] = "", here[PATH_MAX];
		auto_close int fd = -1;
		ssize_t n;

		if (pid <= 0 || getpgid(pid) != group)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd >= 0 ? read(fd, name, sizeof(name) - 1) : -1;
		snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
		if (n <= 0 || strncmp(name, "nginx", 5) != 0 ||
		    (n = readlink(path, here, sizeof(here) - 1)) <= 0)
			continue;
		here[n] = '\0';
		ours = strcmp(here, run_dir) == 0;
	}
	if (proc)
		closedir(proc);
	return ours;
}

void
listener_end_stale(const char *run_dir)
{
	int64_t deadline = clock_mono_ms() + STALE_DEADLINE_MS;
	char path[PATH_MAX];
	auto_file FILE *f = NULL;
	char line[32] = "";
	pid_t group;

	snprintf(path, sizeof(path), "%s/nginx.pid", run_dir);
	f = fopen(path, "re");
	group = f && fgets(line, sizeof(line), f) ? (pid_t)strtol(line, NULL, 10) : 0;
	if (group <= 1 || !is_our_nginx(group, run_dir))
		return;
	kill(-group, SIGTERM);
	while (kill(-group, 0) == 0 && clock_mono_ms() < deadline)
		usleep(5000);
	kill(-group, SIGKILL);
}

bool
listener_rotate_log(const char *run_dir)
{
	char path[PATH_MAX], old[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/access.log", run_dir);
	if (stat(path, &st) != 0 || st.st_size < LOG_LIMIT_BYTES)
		return false;
	return snprintf(old, sizeof(old), "%s.1", path) < (int)sizeof(old) &&
	    rename(path, old) == 0;
}

/* Every process of the relay appends to it through a descriptor of its own, so it is copied and cut
 * back instead of renamed. What is written while it is copied may be lost. */
void
listener_turn_log_over(const char *run_dir)
{
	char path[PATH_MAX + 16], old[PATH_MAX + 32];
	auto_close int from = -1, to = -1;
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/" LISTENER_LOG, run_dir);
	snprintf(old, sizeof(old), "%s.1", path);
	if (stat(path, &st) != 0 || st.st_size < LOG_LIMIT_BYTES)
		return;
	from = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (from < 0 || to < 0)
		return;
	do
		n = copy_file_range(from, NULL, to, NULL, (size_t)st.st_size, 0);
	while (n > 0);
	if (n < 0 || ftruncate(from, 0) != 0)
		log_warn("%s: %s", path, strerror(errno));
}

/* The first address of that family on a network where the relay listens. */
static bool
own_address(int family, int port, char *out, size_t size)
{
	socklen_t len =
	    family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) != 0)
		return false;
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
		    i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP) ||
		    getnameinfo(i->ifa_addr, len, out, (socklen_t)size, NULL, 0, NI_NUMERICHOST) !=
			0 ||
		    strchr(out, '%')) /* link-local: nobody types it */
			continue;

		auto_close int fd = connect_to(out, port);
		found = fd >= 0;
	}
	freeifaddrs(list);
	return found;
}

void
listener_url(const struct conf *c, int port, char *out, size_t size)
{
	char host[256];
	const char *scheme = c->tls_certificate[0] ? "https" : "http";

	if (port == 0) {
		snprintf(out, size, "unix:%s/run/" LISTENER_SOCKET, c->dir);
		return;
	}
	if (!is_any(c->host) ||
	    (!own_address(AF_INET, port, host, sizeof(host)) &&
		(!strchr(c->host, ':') || !own_address(AF_INET6, port, host, sizeof(host)))))
		snprintf(host, sizeof(host), "%s", near_host(c));
	snprintf(out, size, strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d", scheme, host, port);
}
