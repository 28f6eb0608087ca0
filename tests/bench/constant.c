/* A FastCGI pool that does nothing: reads the body and responds with a constant. What a poll costs
 * beyond it is the relay's. */
#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 4096
#define BODY_BYTES 65536
#define WORKERS_MAX 64

/* As long as the response to a poll with nothing new. */
static const char response[] = "{\"success\":true,\"messages\":[],\"cursor\":\"1763853600000000\","
			       "\"has_more\":false,\"poll_interval_ms\":2000}";

static int
listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) >= (int)sizeof(at.sun_path))
		return -1;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(path, 0666) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return -1;
	return fd;
}

static void
serve_one(FCGX_Request *r)
{
	static char body[BODY_BYTES];
	const char *length = FCGX_GetParam("CONTENT_LENGTH", r->envp);
	long n = length ? strtol(length, NULL, 10) : 0;

	if (n > 0)
		FCGX_GetStr(body, n < BODY_BYTES ? (int)n : BODY_BYTES, r->in);
	FCGX_FPrintF(r->out,
	    "Status: 200 OK\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n"
	    "Content-Length: %d\r\n\r\n",
	    (int)sizeof(response) - 1);
	FCGX_PutStr(response, (int)sizeof(response) - 1, r->out);
}

/* Ends the request as the relay does: reads to its end and closes at once, instead of waiting for
 * nginx to hang up. */
static void
finish(FCGX_Request *r)
{
	char rest[4096];

	while (FCGX_GetStr(rest, sizeof(rest), r->in) == (int)sizeof(rest))
		;
	FCGX_Detach(r);
	FCGX_Finish_r(r);
}

static int
serve(int fd, pid_t parent)
{
	FCGX_Request r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	if (getppid() != parent || FCGX_Init() != 0 || FCGX_InitRequest(&r, fd, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&r) >= 0) {
		serve_one(&r);
		finish(&r);
	}
	return 1;
}

static void
on_term(int sig)
{
	(void)sig; /* only there to interrupt the wait; the workers die with their parent */
}

int
main(int argc, char **argv)
{
	const struct sigaction term = { .sa_handler = on_term };
	long workers = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	pid_t parent = getpid();
	int fd;

	if (workers < 1 || workers > WORKERS_MAX) {
		fputs("Usage: constant SOCKET WORKERS\n", stderr);
		return 2;
	}
	fd = listen_at(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "constant: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	sigaction(SIGTERM, &term, NULL);
	for (long i = 0; i < workers; i++)
		if (fork() == 0)
			_exit(serve(fd, parent));
	wait(NULL);
	unlink(argv[1]);
	return 0;
}
