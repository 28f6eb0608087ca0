/* The pool's socket and its nginx. */
#include "front.h"

#include "cleanup.h"
#include "clock.h"
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

#define SOCKET_NAME "relay.sock"
#define BACKLOG 4096 /* a full backlog is a 502 at once */
#define PORTS_TRIED 100
#define LOG_LIMIT_BYTES ((off_t)16 << 20)
#define STALE_DEADLINE_MS 3000
#define PORT_PATIENCE_MS 1000

/* The name is relative: paths of sockets end at 107 bytes, folders may be deeper. The pool works in
 * run_dir. */
int
front_socket(const char *run_dir, uid_t uid, gid_t gid, enum conf_socket_access access)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = SOCKET_NAME };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t before;
	bool ok;

	if (fd < 0 || chdir(run_dir) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	unlink(SOCKET_NAME);
	before = umask(access == SOCKET_EVERYONE ? 0111 : 0117);
	ok = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	umask(before);
	if (ok && (geteuid() != 0 || lchown(SOCKET_NAME, uid, gid) == 0) &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

void
front_clean(const char *run_dir)
{
	if (chdir(run_dir) == 0)
		unlink(SOCKET_NAME);
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
front_write(const struct conf *c, const char *run_dir, const char *program_dir, int port,
    char error[static CONF_ERROR_BYTES])
{
	char templates[PATH_MAX], path[PATH_MAX];
	const struct nginxconf n = { .conf = c,
		.template_dir = templates,
		.socket = SOCKET_NAME,
		.port = port,
		.template_name = c->tls_certificate[0] ? "relay-tls.conf.in" : "relay.conf.in",
		.user = geteuid() == 0 ? c->user : NULL };

	snprintf(templates, sizeof(templates), "%s/../nginx", program_dir);
	snprintf(path, sizeof(path), "%s/nginx.conf", run_dir);
	return page_publish(c, run_dir, program_dir, error) && nginxconf_write(&n, path, error) &&
	    nginx_check(run_dir, error);
}

bool
front_write_includes(const struct conf *c, const char *run_dir, const char *program_dir,
    char error[static CONF_ERROR_BYTES])
{
	static const char *const names[] = { "http", "server" };
	char templates[PATH_MAX], name[64], socket[PATH_MAX + 16], path[PATH_MAX + 32];
	struct nginxconf n = {
		.conf = c, .template_dir = templates, .template_name = name, .socket = socket
	};

	snprintf(templates, sizeof(templates), "%s/../nginx", program_dir);
	snprintf(socket, sizeof(socket), "%s/" SOCKET_NAME, run_dir);
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
	char service[16], plain[256];

	snprintf(service, sizeof(service), "%d", port);
	snprintf(plain, sizeof(plain), "%s", host[0] == '[' ? host + 1 : host);
	plain[strcspn(plain, "]")] = '\0';
	return getaddrinfo(plain, service, &hints, &list) == 0 ? list : NULL;
}

static bool
is_any(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ||
	    strcmp(host, "[::]") == 0 || strcmp(host, "*") == 0;
}

/* Where this machine itself reaches the relay. */
static const char *
near_host(const struct conf *c)
{
	return is_any(c->host) ? strchr(c->host, ':') ? "::1" : "127.0.0.1" : c->host;
}

bool
front_answers(const struct conf *c, int port)
{
	static const char ask[] = "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n";
	const struct timeval patience = { 2, 0 };
	struct addrinfo *list = resolve(near_host(c), port, false);
	auto_close int fd = list ? socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	bool up = fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, list->ai_addr, list->ai_addrlen) == 0;
	char answer[64] = "";

	if (list)
		freeaddrinfo(list);
	if (!up || c->tls_certificate[0])
		return up;
	if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0 ||
	    recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) <= 0)
		return false;
	return strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 8, " 200", 4) == 0;
}

/* 0: free; else errno. */
static int
try_port(const char *host, int port)
{
	struct addrinfo *list = resolve(host, port, true);
	auto_close int fd = list ? socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	const int one = 1;
	int why = list ? 0 : EADDRNOTAVAIL;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		why = bind(fd, list->ai_addr, list->ai_addrlen) == 0 && listen(fd, 1) == 0 ? 0 :
											     errno;
	}
	if (list)
		freeaddrinfo(list);
	return why;
}

int
front_port(const struct conf *c, int wanted, bool strict, char error[static CONF_ERROR_BYTES])
{
	const char *host = strcmp(c->host, "*") == 0 ? "0.0.0.0" : c->host;
	int64_t deadline = clock_mono_ms() + PORT_PATIENCE_MS;
	int why = try_port(host, wanted);

	/* what ran here a moment ago may still be letting go of it */
	while (why == EADDRINUSE && clock_mono_ms() < deadline) {
		usleep(20000);
		why = try_port(host, wanted);
	}

	for (int port = wanted;
	     port < wanted + PORTS_TRIED && port <= 65535 && (port == wanted || !strict); port++) {
		int now = port == wanted ? why : try_port(host, port);

		if (now == 0)
			return port;
		if (now != EADDRINUSE)
			break;
	}
	conf_refuse(c, why == EADDRINUSE ? CONF_PORT : CONF_HOST, error,
	    "cannot listen on port %d of %s: %s%s", wanted, c->host, strerror(why),
	    why == EADDRINUSE && strict ? " (WEBCHAT_STRICT_PORT forbids another one)" :
		why == EADDRNOTAVAIL    ? "; an address of this machine is allowed" :
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
front_end_stale(const char *run_dir)
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
front_rotate_log(const char *run_dir)
{
	char path[PATH_MAX], old[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/access.log", run_dir);
	if (stat(path, &st) != 0 || st.st_size < LOG_LIMIT_BYTES)
		return false;
	return snprintf(old, sizeof(old), "%s.1", path) < (int)sizeof(old) &&
	    rename(path, old) == 0;
}

/* The first address of this machine that is not loopback, IPv4 before none at all. */
static void
own_address(char *out, size_t size)
{
	struct ifaddrs *list = NULL;

	snprintf(out, size, "127.0.0.1");
	if (getifaddrs(&list) != 0)
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP))
			continue;
		getnameinfo(i->ifa_addr, sizeof(struct sockaddr_in), out, (socklen_t)size, NULL, 0,
		    NI_NUMERICHOST);
		break;
	}
	freeifaddrs(list);
}

void
front_url(const struct conf *c, int port, char *out, size_t size)
{
	char host[256];
	const char *scheme = c->tls_certificate[0] ? "https" : "http";

	if (port == 0) {
		snprintf(out, size, "unix:%s/run/" SOCKET_NAME, c->dir);
		return;
	}
	if (is_any(c->host))
		own_address(host, sizeof(host));
	else
		snprintf(host, sizeof(host), "%s", c->host);
	snprintf(out, size, strchr(host, ':') && host[0] != '[' ? "%s://[%s]:%d" : "%s://%s:%d",
	    scheme, host, port);
}
