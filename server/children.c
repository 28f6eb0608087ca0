/* Keeping the children that the table of kinds wants. */
#include "children.h"

#include "clock.h"
#include "listener.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TROUBLE_MS 1000 /* a pause so long says that it cannot run */

/* The entries that are taken, one by one; NULL after the last. */
static struct child *
next(struct children *all, struct child *after)
{
	struct child *c = after ? after + 1 : all->all;

	while (c < all->all + CHILDREN_MAX && !c->line)
		c++;
	return c < all->all + CHILDREN_MAX ? c : NULL;
}

/* The socket where the kind listens, if it has one and there is none yet. */
static bool
open_socket(struct children *all, enum kind k)
{
	struct kind_setup *s = &all->setup;

	if (kinds[k].socket && s->listen_fd[k] < 0)
		s->listen_fd[k] = listener_socket(s->run_dir, kinds[k].socket, s->uid, s->gid,
		    (enum conf_socket_access)s->conf->socket_access);
	if (!kinds[k].socket || s->listen_fd[k] >= 0)
		return true;
	log_error("%s/%s: %s", s->run_dir, kinds[k].socket, strerror(errno));
	return false;
}

/* Where nobody accepts any more nobody shall wait. */
static void
shut_socket(struct children *all, enum kind k)
{
	struct kind_setup *s = &all->setup;

	if (s->listen_fd[k] < 0)
		return;
	close(s->listen_fd[k]);
	s->listen_fd[k] = -1;
	listener_remove(s->run_dir, kinds[k].socket);
}

bool
children_prepare(struct children *all)
{
	struct kind_setup *s = &all->setup;

	for (int k = 0; k < KIND__MAX; k++) {
		s->listen_fd[k] = s->bell_fd[k] = -1;
		if (kinds[k].flags & KIND_BELL)
			s->bell_fd[k] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if ((kinds[k].wanted(s) > 0 && !open_socket(all, (enum kind)k)) ||
		    ((kinds[k].flags & KIND_BELL) && s->bell_fd[k] < 0))
			return false;
	}
	return true;
}

void
children_close(struct children *all)
{
	struct kind_setup *s = &all->setup;

	for (int k = 0; k < KIND__MAX; k++) {
		shut_socket(all, (enum kind)k);
		if (s->bell_fd[k] >= 0)
			close(s->bell_fd[k]);
	}
}

static void
add(struct children *all, enum kind k)
{
	for (int i = 0; i < CHILDREN_MAX; i++) {
		struct child *c = &all->all[i];

		if (c->line)
			continue;
		*c = (struct child){ .line = &kinds[k], .generation = all->setup.generation };
		child_start(c, &all->setup);
		return;
	}
	log_error("no room for another %s", kinds[k].name);
}

/* How many entries the kind has that new settings have not made old. */
static int
count(struct children *all, enum kind k)
{
	int n = 0;

	for (struct child *c = next(all, NULL); c; c = next(all, c))
		n += c->line == &kinds[k] &&
		    (c->line->life != LIFE_SETTINGS || c->generation == all->setup.generation);
	return n;
}

static void
respawn(struct children *all)
{
	int64_t now = clock_mono_ms();

	for (struct child *c = next(all, NULL); c; c = next(all, c))
		if (c->pid == 0 && now >= c->respawn_at_ms)
			child_start(c, &all->setup);
}

/* One pass after the other, `every_sec` apart from start to start; 0: none. */
static void
tend_pass(struct children *all, enum kind k, int every_sec)
{
	int64_t now = clock_mono_ms();

	if (!every_sec || now < all->due_ms[k] || count(all, k) > 0)
		return;
	all->due_ms[k] = now + (int64_t)every_sec * 1000;
	add(all, k);
}

void
children_tend(struct children *all)
{
	respawn(all);
	for (enum kind k = 0; k < KIND__MAX; k++) {
		int wanted = kinds[k].wanted(&all->setup);

		if (kinds[k].life == LIFE_PASS)
			tend_pass(all, k, wanted);
		else if (wanted == 0 && children_stop(all, k, kinds[k].grace_ms) == 0)
			shut_socket(all, k);
		else if (wanted > 0 && open_socket(all, k))
			for (int have = count(all, k); have < wanted; have++)
				add(all, k);
	}
}

/* A worker that is killed may take with it the word that an upload ended, which nobody says again.
 * What is still on its way is then held against the quota when it is stored. A relay-live that dies
 * again and again is not offered to clients. */
static void
end_with(const struct children *all, const struct kind_line *line, int status, int pause_ms)
{
	struct wake_share *wake = all->setup.live->wake.share;

	if ((line->flags & ENDS_UPLOADS_IF_KILLED) && WIFSIGNALED(status))
		share_upload_end_all(all->setup.share);
	if (!(line->flags & ENDS_STREAMS) || !wake)
		return;
	atomic_store(&wake->streams, 0);
	if (pause_ms >= TROUBLE_MS)
		atomic_store(&wake->serving, false);
}

void
children_reap(struct children *all)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct child *c = next(all, NULL); c; c = next(all, c)) {
			const struct kind_line *line = c->line;

			if (c->pid != pid)
				continue;
			child_died(c, status, all->stopping);
			end_with(all, line, status, c->pause_ms);
		}
}

int64_t
children_wait_ms(struct children *all, int64_t most)
{
	int64_t now = clock_mono_ms();

	for (struct child *c = next(all, NULL); c; c = next(all, c))
		if (c->pid == 0 && c->respawn_at_ms - now < most)
			most = c->respawn_at_ms - now;
	return most;
}

int
children_alive(struct children *all, enum kind k)
{
	int alive = 0;

	for (struct child *c = next(all, NULL); c; c = next(all, c))
		alive += c->line == &kinds[k] && c->pid > 0;
	return alive;
}

int
children_stop(struct children *all, enum kind k, int grace_ms)
{
	int left = 0;

	for (struct child *c = next(all, NULL); c; c = next(all, c)) {
		if (c->line != &kinds[k])
			continue;
		child_stop(c, grace_ms);
		left += c->line != NULL;
	}
	return left;
}

int
children_stop_older(struct children *all)
{
	int left = 0;

	for (struct child *c = next(all, NULL); c; c = next(all, c)) {
		if (c->line->life == LIFE_KEPT || c->generation == all->setup.generation)
			continue;
		child_stop(c, c->line->grace_ms);
		left += c->line != NULL;
	}
	return left;
}

int
children_stop_all(struct children *all)
{
	int left = 0;

	for (int turn = 1; turn <= KIND_TURNS && left == 0; turn++)
		for (enum kind k = 0; k < KIND__MAX; k++)
			if (kinds[k].stop_turn == turn)
				left += children_stop(all, k, kinds[k].grace_ms);
	return left;
}

static void
send_signal(const struct child *c, int sig)
{
	if (sig && c->pid > 0)
		kill(c->pid, sig);
}

void
children_signal_reload(struct children *all)
{
	for (struct child *c = next(all, NULL); c; c = next(all, c))
		send_signal(c, c->line->reload_signal);
}

void
children_signal_log(struct children *all)
{
	for (struct child *c = next(all, NULL); c; c = next(all, c))
		send_signal(c, c->line->log_signal);
}
