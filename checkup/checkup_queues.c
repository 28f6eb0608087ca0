/* The checks of what has to be done in time: housekeeping, and what leaves the relay. */
#include "checkup.h"

#include "cleanup.h"
#include "outbox.h"
#include "sweep.h"

#define CODE_DELAY_MS INT64_C(60000) /* sign-in codes leave sooner than that */
#define OUTBOX_DELAY_MS INT64_C(3600000)
#define ARENA_BYTES ((size_t)1 << 16)

bool
checkup_housekeeping(struct checkup *c)
{
	const int64_t interval = c->conf->housekeeping_interval_sec;
	struct sweep_state s;

	if (!interval)
		return checkup_say(c, true, "QUEUE_HOUSEKEEPING_INTERVAL_SEC is 0: nothing is due");
	if (!c->db || db_sweep_state(c->db, &s) != DB_ROW)
		return checkup_say(c, false, "the database does not tell");
	if (sweep_is_fresh(&s, c->now, interval, c->started_at))
		return checkup_say(c, true, "%s",
		    s.finished_at ? "a pass ended in time" : "the first pass is due soon");
	return checkup_say(c, false,
	    "the last pass ended %lld s ago; relay-sweep is due every %lld s",
	    (long long)(c->now - s.finished_at) / 1000, (long long)interval);
}

static const char *
why(const struct outbox_state *s)
{
	return s->last_error[0] ? s->last_error : "nothing was tried";
}

bool
checkup_mail(struct checkup *c)
{
	struct outbox_state s = { .last_error = (char[]){ "" } };
	int64_t oldest = 0;
	struct arena a;
	bool ok;

	if (!c->db || db_outbox_oldest_code(c->db, c->now, &oldest) != DB_ROW)
		return checkup_say(c, false, "the database does not tell");
	if (oldest == 0 || c->now - oldest < CODE_DELAY_MS)
		return checkup_say(c, true, "%s",
		    c->conf->smtp_host[0] ? "no sign-in code waits for long" :
					    "SMTP_HOST is not set: codes are printed by the relay");
	arena_init(&a, ARENA_BYTES);
	db_outbox_state(c->db, &a, &s);
	ok = checkup_say(c, false, "a sign-in code has waited for %lld s: %s",
	    (long long)(c->now - oldest) / 1000, why(&s));
	arena_free(&a);
	return ok;
}

bool
checkup_outbox(struct checkup *c)
{
	struct outbox_state s;
	struct arena a;
	bool ok;

	arena_init(&a, ARENA_BYTES);
	if (!c->db || db_outbox_state(c->db, &a, &s) != DB_ROW)
		ok = checkup_say(c, false, "the database does not tell");
	else if (!s.waiting)
		ok = checkup_say(c, true, "nothing waits");
	else if (!s.failing)
		ok = checkup_say(c, c->now - s.oldest_at < OUTBOX_DELAY_MS,
		    "%lld wait, the oldest for %lld s", (long long)s.waiting,
		    (long long)(c->now - s.oldest_at) / 1000);
	else
		ok = checkup_say(c, c->now - s.failing_since < OUTBOX_DELAY_MS,
		    "%lld wait, the oldest for %lld s; %lld were tried in vain, the last: %s",
		    (long long)s.waiting, (long long)(c->now - s.oldest_at) / 1000,
		    (long long)s.failing, why(&s));
	arena_free(&a);
	return ok;
}
