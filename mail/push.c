/* When pushes go: what is due is read off the store, so that no request waits and a restart loses
 * nothing. */
#include "push.h"

#include "mailer.h"
#include "push_send.h"
#include "sandbox.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "subscription.h"
#include "secret.h"
#include "vapid.h"
#include "wake.h"

#include <libgen.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 1000
#define ROLE_PUSH 63 /* of db_leads; carriers have their kinds */
#define LONGEST_REST_MS 60000 /* even if nothing came: what failed before may be due */
#define SETTLED_MS 180000 /* after news: by then all that it made due was told, or has failed */
#define LISTENED_MS 15000
#define FIRST_RETRY_MS 60000
#define LONGEST_RETRY_MS 21600000
#define TRIES 10
#define ARENA_BYTES ((size_t)1 << 18)
#define GRACE_POLLS 3 /* who polls fetches it by itself in that time */

struct pusher {
	const struct conf *conf;
	struct db *db;
	struct wake wake; /* share: NULL while nobody can listen */
	int64_t newest, moved_at, looked_at; /* position, and monotonic times */
};

/* Whoever listens is told by the stream. */
static bool
is_listened(const struct pusher *p, int64_t account)
{
	return p->wake.share && wake_has_listener(&p->wake, wake_bucket(account));
}

/* Notes what became of one. The log does not say of whom, nor where. */
static enum db_result
note(struct pusher *p, const struct push_due *due, const struct push_call *call, int64_t upto)
{
	int64_t pause = clock_backoff(due->tries, FIRST_RETRY_MS, LONGEST_RETRY_MS);

	if (call->result == PUSH_SENT) {
		log_info("push sent");
		return db_push_notified(p->db, due, upto);
	}
	if (call->result == PUSH_GONE || due->tries + 1 >= TRIES) {
		log_info("push subscription removed (%ld)", call->status);
		return db_push_drop(p->db, due);
	}
	if (pause < call->wait_ms)
		pause = call->wait_ms;
	log_warn("push not sent (status %ld, try %d, again in %lld s)", call->status,
	    due->tries + 1, (long long)pause / 1000);
	return db_push_failed(p->db, due, clock_ms() + pause);
}

/* The pause of each account begins before anything is sent, so that nothing is sent twice whoever
 * is killed. Leaves those that are sent in `due`; *count of them. */
static enum db_result
claim(struct pusher *p, struct push_due *due, int *count)
{
	const int64_t now = clock_ms(), pause = p->conf->push_pause_sec * 1000;
	enum db_result r = DB_DONE;
	int kept = 0;

	for (int i = 0; i < *count && r == DB_DONE; i++) {
		const bool listened = is_listened(p, due[i].account_id);

		if (i == 0 || due[i].account_id != due[i - 1].account_id)
			r = db_push_pause(p->db, due[i].account_id,
			    now + (listened ? (pause < LISTENED_MS ? pause : LISTENED_MS) : pause));
		if (!listened)
			due[kept++] = due[i];
	}
	*count = kept;
	return r;
}

/* Tells one round of devices. DB_DONE with *any: there may be more. */
static enum db_result
notify(struct pusher *p, struct arena *a, bool *any)
{
	const int64_t now = clock_ms(),
		      upto = (now - GRACE_POLLS * p->conf->poll_interval_ms) * 1000;
	struct push_due due[PUSH_AT_ONCE];
	struct push_call calls[PUSH_AT_ONCE];
	int count = 0;
	enum db_result r = db_push_due(p->db, a, now, upto, PUSH_AT_ONCE, due, &count);

	*any = count > 0;
	if (r == DB_DONE)
		r = claim(p, due, &count);
	if (r != DB_DONE || count == 0)
		return r;
	for (int i = 0; i < count; i++)
		calls[i] = (struct push_call){ .endpoint = due[i].endpoint };
	push_send(p->conf, calls, count);
	for (int i = 0; i < count && r == DB_DONE; i++)
		r = note(p, &due[i], &calls[i], upto);
	return r;
}

/* Nothing came, and what came before was seen to: then one look in a while is enough. */
static bool
is_quiet(struct pusher *p)
{
	const int64_t now = clock_mono_ms();
	int64_t newest = p->newest;

	if (db_push_newest(p->db, &newest) != DB_ROW || newest != p->newest) {
		p->newest = newest;
		p->moved_at = now;
	}
	if (now - p->moved_at > SETTLED_MS && now - p->looked_at < LONGEST_REST_MS)
		return true;
	p->looked_at = now;
	return false;
}

static void
loop(struct pusher *p)
{
	struct arena a;

	arena_init(&a, ARENA_BYTES);
	while (!mailer_stop) {
		bool any = db_leads(p->db, ROLE_PUSH) && !is_quiet(p);

		while (any && !mailer_stop)
			if (notify(p, &a, &any) != DB_DONE)
				any = false;
			else
				arena_reset(&a);
		arena_reset(&a);
		if (!mailer_stop)
			poll(NULL, 0, LOOK_MS);
	}
	arena_free(&a);
}

static void
enter_sandbox(const struct conf *c)
{
	auto_free char *ca = strdup(c->push_ca_file);

	sandbox_enter((const char *const[]){ c->data_dir, NULL },
	    (const char *const[]){
		"/etc", "/usr", "/lib", "/run", "/dev", ca && ca[0] ? dirname(ca) : NULL, NULL });
	syscalls_enter(SYSCALLS_MAIL, c->database_url);
}

int
push_run(const struct conf *c, int map_fd)
{
	const struct db_options o = db_options_of(c);
	struct pusher p = { .conf = c };
	char error[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES];

	p.moved_at = p.looked_at = clock_mono_ms() - LONGEST_REST_MS;
	if (map_fd > 0 && !wake_join(&p.wake, map_fd, -1))
		log_warn("pushes go also to those who listen: the map of listeners is missing");
	p.db = db_open(&o, error);
	if (!p.db || !vapid_load(c->data_dir, no_key)) {
		log_error("%s", p.db ? no_key : error);
		db_close(p.db);
		return 1;
	}
	db_seal(p.db);
	enter_sandbox(c);
	loop(&p);
	db_close(p.db);
	return 0;
}
