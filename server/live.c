/* Making the socket and the memory of live wake-ups. */
#include "live.h"

#include "listener.h"
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Who listens elsewhere is not known here. */
static bool
make_others(struct live *l)
{
	if (!wake_make(&l->others))
		return false;
	for (uint32_t bucket = 0; bucket < WAKE_BITS; bucket++)
		wake_listen(&l->others, bucket, true);
	return true;
}

/* NULL: it was made; else what could not be. */
static const char *
make(struct live *l, const struct conf *c, const struct live_setup *at)
{
	char program[PATH_MAX];

	snprintf(program, sizeof(program), "%s/relay-live", at->program_dir);
	if (access(program, X_OK) != 0)
		return "the program relay-live";
	if (!wake_make(&l->wake) || (c->database_url[0] && !make_others(l)))
		return "shared memory";
	l->listen_fd = listener_socket(at->run_dir, LISTENER_LIVE, at->uid, at->gid,
	    (enum conf_socket_access)c->socket_access);
	if (l->listen_fd >= 0)
		return NULL;
	l->listen_fd = 0;
	wake_close(&l->wake);
	wake_close(&l->others);
	return "the socket " LISTENER_LIVE;
}

bool
live_make(struct live *l, const struct conf *c, const struct live_setup *at)
{
	const char *missing = c->live == LIVE_FALSE || l->wake.share ? NULL : make(l, c, at);

	if (!missing)
		return true;
	if (c->live == LIVE_TRUE)
		log_error("RELAY_LIVE: no live wake-ups: %s: %s", missing, strerror(errno));
	else
		log_warn("no live wake-ups, clients poll: %s: %s", missing, strerror(errno));
	return c->live != LIVE_TRUE;
}

bool
live_is_on(const struct live *l, const struct conf *c)
{
	return l->wake.share && c->live != LIVE_FALSE;
}

bool
live_has_others(const struct live *l, const struct conf *c)
{
	return live_is_on(l, c) && l->others.share;
}

void
live_shut(struct live *l)
{
	if (l->listen_fd > 0)
		close(l->listen_fd);
	l->listen_fd = 0;
}

void
live_close(struct live *l)
{
	live_shut(l);
	wake_close(&l->wake);
	wake_close(&l->others);
}
