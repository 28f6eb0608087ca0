/* relayd: the pool, its nginx, and the commands to look at them. */
#include "cleanup.h"
#include "clock.h"
#include "apikey.h"
#include "conf.h"
#include "listener.h"
#include "log.h"
#include "page.h"
#include "pool.h"
#include "route.h"
#include "runfile.h"
#include "sandbox.h"
#include "share.h"
#include "secret.h"
#include "start.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define VIEW_DIR "/run/webchat-relay"
#define STOP_DEADLINE_MS 15000
#define URL_BYTES 512

enum command { RUN, CHECK, STATUS, STOP, ROUTES };

struct start {
	enum command command;
	const char *dir;
	bool with_nginx, detach;
	char program_dir[PATH_MAX], default_dir[PATH_MAX + 16];
	uid_t uid;
	gid_t gid;
};

/* Socket to the process that waits for a detached relay; -1: none. */
static int detached_ready_fd = -1;

static const char help[] =
    "Usage: relayd [--dir DIR] [--no-nginx] [--detach | --check | --status | --stop | --routes]\n"
    "Runs the WebChat relay: nginx, the worker pool and the mailer. INT or TERM stops it, HUP "
    "reloads its settings.\n"
    "\n"
    "  --dir DIR    folder with .env.local, data and uploads (default: relay/ beside the "
    "programs)\n"
    "  --no-nginx   only pool and mailer, for an nginx of your own (as RELAY_OWN_NGINX=false)\n"
    "  --detach     go into the background once the relay answers; log to DIR/run/relay.log\n"
    "  --check      check the settings and the nginx configuration, change nothing that runs\n"
    "  --status     tell whether the relay of this folder runs (exit 0) or not (exit 3)\n"
    "  --stop       stop the relay of this folder\n"
    "  --routes     list the calls it answers\n"
    "  --help, --version\n";

/* Shut down, not only closed: workers hold copies of the socket. */
static void
end_waiting(void)
{
	if (detached_ready_fd < 0)
		return;
	shutdown(detached_ready_fd, SHUT_RDWR);
	close(detached_ready_fd);
	detached_ready_fd = -1;
}

static int
fail(const char *what)
{
	fprintf(stderr, "relayd: %s\n", what);
	if (detached_ready_fd >= 0)
		dprintf(detached_ready_fd, "relayd: %s\n", what);
	end_waiting();
	return 1;
}

static void
find_program(struct start *s)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = '\0';
	snprintf(s->program_dir, sizeof(s->program_dir), "%s", dirname(exe));
	snprintf(s->default_dir, sizeof(s->default_dir), "%s/../relay", s->program_dir);
	s->dir = s->default_dir;
}

/* nginx lies where an ordinary user's PATH, and cron's, does not look. */
static void
add_system_path(void)
{
	const char *path = getenv("PATH");
	char more[PATH_MAX * 2];

	if (snprintf(more, sizeof(more), "%s:/usr/local/sbin:/usr/sbin:/sbin",
		path && path[0] ? path : "/usr/bin:/bin") < (int)sizeof(more))
		setenv("PATH", more, 1);
}

/* Fills `s`; returns -1 to go on, else the exit status. */
static int
read_options(struct start *s, int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "no-nginx", no_argument, NULL, 'n' }, { "detach", no_argument, NULL, 'b' },
		{ "check", no_argument, NULL, 'c' }, { "status", no_argument, NULL, 's' },
		{ "stop", no_argument, NULL, 't' }, { "routes", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			s->dir = optarg;
			break;
		case 'n':
			s->with_nginx = false;
			break;
		case 'b':
			s->detach = true;
			break;
		case 'c':
		case 's':
		case 't':
		case 'r':
			s->command = c == 'c' ? CHECK :
			    c == 's'          ? STATUS :
			    c == 't'          ? STOP :
						ROUTES;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'v':
			puts("relayd " RELAY_VERSION);
			return 0;
		default:
			fputs("relayd: see relayd --help\n", stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "relayd: '%s' is not understood; see relayd --help\n", argv[optind]);
	return 2;
}

static int
list_routes(void)
{
	for (const struct route *r = routes; r->path; r++) {
		printf("%s %s %s", route_method_name(r->method), r->path,
		    r->access == FOR_ANYONE                  ? "anyone" :
			(r->access & FOR_ADMIN) == FOR_ADMIN ? "admin" :
			(r->access & FOR_HOLDER)             ? "holder" :
							       "member");
		for (unsigned bit = 1; bit < SCOPE__ALL; bit <<= 1)
			if (r->access & bit)
				printf(" %s", scope_name((enum scope)bit));
		putchar('\n');
	}
	return 0;
}

static int
show_status(const struct start *s)
{
	pid_t pid = runfile_holder(s->dir);
	struct runfile running;

	if (pid == 0) {
		puts("The relay is not running.");
		return 3;
	}
	printf("The relay is running: %s (process %d)\n",
	    runfile_read(s->dir, &running) ? running.url : "starting", (int)pid);
	return 0;
}

static int
stop_relay(const struct start *s)
{
	int64_t deadline = clock_mono_ms() + STOP_DEADLINE_MS;
	pid_t pid = runfile_holder(s->dir);

	if (pid == 0) {
		puts("The relay is not running.");
		return 0;
	}
	if (kill(pid, SIGTERM) != 0)
		return fail(strerror(errno));
	while (runfile_holder(s->dir) == pid && clock_mono_ms() < deadline)
		usleep(10000);
	if (runfile_holder(s->dir) == pid)
		return fail("the relay does not stop; its log may say why");
	puts("The relay was stopped.");
	return 0;
}

/* The settings; --no-nginx wins over RELAY_OWN_NGINX. */
static bool
load(struct start *s, struct conf *c, char *error)
{
	if (!conf_load(c, s->dir, error))
		return false;
	s->with_nginx = c->own_nginx = c->own_nginx && s->with_nginx;
	return true;
}

/* A folder below one that is closed to others (a checkout in /root) is made reachable for the
 * pool's user, and for it alone. */
static bool
make_reachable(struct start *s, struct conf *c, char *error)
{
	if (geteuid() != 0 ||
	    (sandbox_admit(c->dir, s->uid, s->gid) && sandbox_reachable(c->dir, s->uid, s->gid)))
		return true;
	if (!sandbox_view(c->dir, VIEW_DIR)) {
		snprintf(error, CONF_ERROR_BYTES,
		    "%s: the user %s cannot enter it, and a private view of it is refused (%s); "
		    "move the relay to /srv or /opt",
		    c->dir, c->user, strerror(errno));
		return false;
	}
	conf_free(c);
	s->dir = VIEW_DIR;
	return load(s, c, error);
}

static bool
check_readable(const struct conf *c, char *error)
{
	const struct {
		enum conf_name name;
		const char *path;
	} files[] = { { CONF_RELAY_TLS_CERTIFICATE, c->tls_certificate },
		{ CONF_RELAY_TLS_KEY, c->tls_key }, { CONF_SMTP_CA_FILE, c->smtp_ca_file },
		{ CONF_RELAY_ENGINE_CA_FILE, c->engine_ca_file },
		{ CONF_RELAY_PUSH_CA_FILE, c->push_ca_file } };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (files[i].path[0] && access(files[i].path, R_OK) != 0)
			return conf_refuse(c, files[i].name, error,
			    "%s cannot be read: %s; a readable file is allowed", files[i].path,
			    strerror(errno));
	return true;
}

static bool
prepare(struct start *s, struct conf *c, char *error)
{
	if (!sandbox_user(c->user, &s->uid, &s->gid))
		return conf_refuse(c, CONF_RELAY_USER, error,
		    "'%s' is not there; an unprivileged user of this machine is allowed", c->user);
	return check_readable(c, error) && start_folders(c, s->uid, s->gid, error);
}

/* Called once by the pool: on the terminal, or through the socket to the process that waits for a
 * detached start. */
static void
announce(const struct conf *c, int port, bool ok, const char *why)
{
	static const char no_mail[] = "No SMTP_HOST is set: sign-in codes are in the relay's log, "
				      "and printed by relayctl code EMAIL.\n";
	static const char no_nginx[] = "Your web server includes nginx-http.conf and "
				       "nginx-server.conf of the same folder.\n";
	char url[URL_BYTES + SHARE_ERROR_BYTES],
	    page[URL_BYTES + SHARE_ERROR_BYTES + 64] = "", run_dir[PATH_MAX];

	if (!ok) {
		snprintf(url, sizeof(url), "the relay does not answer%s%s",
		    why[0] ? ": " : "; its log says why", why);
		fail(url);
		return;
	}
	listener_url(c, port, url, sizeof(url));
	start_publish(c, url);
	snprintf(run_dir, sizeof(run_dir), "%s/run", c->dir);
	if (c->gui && !page_there(run_dir))
		snprintf(page, sizeof(page), "WebChat page not built: run make web\n");
	else if (c->gui && port)
		snprintf(page, sizeof(page), "WebChat page: %s/app/webchat/chat.html\n", url);
	log_info("the relay answers at %s", url);
	dprintf(detached_ready_fd >= 0 ? detached_ready_fd : STDOUT_FILENO,
	    "%sWebChat relay: %s\n%s%s%s", detached_ready_fd >= 0 ? "+" : "", url, page,
	    port ? "" : no_nginx, c->smtp_host[0] ? "" : no_mail);
	end_waiting();
}

/* The waiting side of --detach: prints what the relay has to say; returns the exit status. */
static int
wait_detached(int fd)
{
	char said[CONF_ERROR_BYTES + 64];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(said) - 1 && (n = read(fd, said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	if (said[0] == '+')
		return fputs(said + 1, stdout) < 0 || fflush(stdout) != 0;
	fputs(len ? said : "relayd: the relay ended at once; its log says why\n", stderr);
	return 1;
}

/* Returns in the background process only; the process that was started waits and exits. */
static bool
go_background(const struct start *s, char *error)
{
	char log[PATH_MAX];
	int fds[2], fd;

	snprintf(log, sizeof(log), "%s/run/" LISTENER_LOG, s->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		snprintf(error, CONF_ERROR_BYTES, "%s: %s", log, strerror(errno));
		return false;
	}
	if (fork() != 0) {
		close(fds[1]);
		_exit(wait_detached(fds[0]));
	}
	setsid();
	close(fds[0]);
	detached_ready_fd = fds[1];
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	close(fd);
	return true;
}

/* Takes the lock, sets up database and nginx, and runs the pool. Says itself why not. */
static int
run(struct start *s, struct conf **owned)
{
	struct conf *c = *owned;
	struct pool_options o = {
		.program_dir = s->program_dir, .with_nginx = s->with_nginx, .on_ready = announce
	};
	char error[CONF_ERROR_BYTES], run_dir[PATH_MAX + 8];
	pid_t holder;

	if (s->detach && !go_background(s, error))
		return fail(error);
	holder = start_lock(s->dir);
	if (holder != 0)
		return fail(
		    holder < 0 ? strerror(errno) : "another start of this relay is under way");
	if (!make_reachable(s, c, error) || !start_database(c, s->uid, s->gid, error))
		return fail(error);
	snprintf(run_dir, sizeof(run_dir), "%s/run", s->dir);
	listener_end_stale(run_dir);
	if (s->with_nginx) {
		o.port = listener_port(c, error);
		if (o.port == 0 || !listener_write(c, run_dir, s->program_dir, o.port, error))
			return fail(error);
	} else if (!listener_write_includes(c, run_dir, s->program_dir, error)) {
		return fail(error);
	}
	o.dir = s->dir;
	*owned = NULL;
	return pool_run(c, &o);
}

static int
check(const struct start *s, const struct conf *c)
{
	char error[CONF_ERROR_BYTES], run_dir[PATH_MAX];

	snprintf(run_dir, sizeof(run_dir), "%s/run", s->dir);
	if (s->with_nginx && runfile_holder(s->dir) == 0 &&
	    !listener_write(c, run_dir, s->program_dir, conf_port(c), error))
		return fail(error);
	puts("The settings are fine.");
	return 0;
}

/* Everything that needs the settings; they are the caller's until the pool takes them over. */
static int
start_with(struct start *s, struct conf **c)
{
	char error[CONF_ERROR_BYTES];
	struct runfile running;
	pid_t holder;

	if (!load(s, *c, error) || !prepare(s, *c, error))
		return fail(error);
	log_setup("relayd", (enum log_level)(*c)->log_level);
	if (s->command == CHECK)
		return check(s, *c);
	holder = runfile_holder(s->dir);
	if (holder > 0) {
		runfile_read(s->dir, &running);
		printf("The relay is already running: %s (process %d)\n", running.url, (int)holder);
		return 0;
	}
	return run(s, c);
}

static int
start(struct start *s)
{
	auto_free char *dir = realpath(s->dir, NULL);
	char error[CONF_ERROR_BYTES];
	struct conf *c;
	int status;

	if (!dir) {
		snprintf(error, sizeof(error), "%s: %s", s->dir, strerror(errno));
		return fail(error);
	}
	c = calloc(1, sizeof(*c));
	if (!c || !secret_init()) {
		free(c);
		return fail("no memory or no randomness to be had");
	}
	s->dir = dir;
	status = start_with(s, &c);
	if (c)
		conf_free(c);
	free(c);
	return status;
}

int
main(int argc, char **argv)
{
	const struct rlimit files = { 65536, 65536 };
	struct start s = { .with_nginx = true };
	int status;

	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0022);
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		errno = 0; /* an ordinary user keeps what they have */
	find_program(&s);
	add_system_path();
	status = read_options(&s, argc, argv);
	if (status >= 0)
		return status;
	switch (s.command) {
	case ROUTES:
		return list_routes();
	case STATUS:
		return show_status(&s);
	case STOP:
		return stop_relay(&s);
	default:
		return start(&s);
	}
}
