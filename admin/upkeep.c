/* relayctl mail, machine, stats: the relay itself. */
#include "relayctl.h"

#include "clock.h"
#include "epoch.h"
#include "mailer.h"
#include "outbox.h"
#include "sweep.h"
#include "email.h"
#include "table.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 100
#define CHANNELS 16
#define ARENA_BYTES ((size_t)4 << 20)

static int
mail_list(struct ctl *c)
{
	static const char *const columns[] = { "id", "recipient", "tries", "next_try_at", "subject",
		"last_error", NULL };
	bool as_json = ctl_json(c);
	struct db *db = ctl_open(c);
	struct table *t = db ? table_new(columns) : NULL;
	struct outbox_mail list[PAGE];
	int64_t after = 0;
	struct arena a;
	int count = 0;
	enum db_result r = t ? DB_DONE : DB_FAIL;

	if (!db)
		return 1;
	arena_init(&a, ARENA_BYTES);
	do {
		if (r == DB_DONE)
			r = db_outbox_list(db, &a, after, PAGE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			table_row(t);
			table_int(t, list[i].id);
			table_text(t, list[i].recipient);
			table_int(t, list[i].tries);
			table_time(t, list[i].next_try_at);
			table_text(t, list[i].subject);
			table_text(t, list[i].last_error);
			after = list[i].id;
		}
		arena_reset(&a);
	} while (r == DB_DONE && count == PAGE);
	arena_free(&a);
	db_close(db);
	if (t)
		table_print(t, as_json, "No mail waits.");
	return r == DB_DONE ? 0 : ctl_db_failed(r);
}

static int
mail_test(const struct ctl *c, const char *typed)
{
	char address[EMAIL_BYTES];
	const char *must = email_clean(typed, address);
	char subject[128],
	    body[] = "This is a test of the relay's mail settings.\nIt arrived: all is well.\n";
	char reason[2 * MAILER_REASON_BYTES];
	struct mail_reason why;
	struct outbox_mail mail = {
		.recipient = address, .subject = subject, .body = body, .created_at = clock_ms()
	};
	struct mailer *m;
	bool ok;

	if (must)
		return ctl_fail("'%s': an address must be %s", typed, must);
	if (!c->conf.smtp_host[0])
		return ctl_fail("SMTP_HOST is not set");
	m = mailer_open(&c->conf);
	if (!m)
		return ctl_fail("out of memory");
	snprintf(subject, sizeof(subject), "%s: test mail", c->conf.name);
	ok = mailer_send(m, &mail, &why) == MAIL_SENT;
	mailer_close(m);
	mailer_join(why.own, why.theirs, reason);
	if (!ok)
		return ctl_fail(
		    "%s:%lld: %s", c->conf.smtp_host, (long long)c->conf.smtp_port, reason);
	printf("The mail server took a mail to %s.\n", address);
	return 0;
}

int
ctl_mail(struct ctl *c)
{
	if (c->argc == 1 || (c->argc == 2 && strcmp(c->argv[1], "--json") == 0))
		return mail_list(c);
	if (c->argc == 3 && strcmp(c->argv[1], "test") == 0)
		return mail_test(c, c->argv[2]);
	return ctl_usage("mail [--json] | mail test ADDRESS");
}

int
ctl_machine(struct ctl *c)
{
	struct db *db;
	enum db_result r;

	if (c->argc != 3 || strcmp(c->argv[1], "forget") != 0)
		return ctl_usage("machine forget NAME");
	db = ctl_open(c);
	if (!db)
		return 1;
	r = db_epoch_forget(db, c->argv[2], clock_ms());
	db_close(db);
	if (r == DB_NONE)
		return ctl_fail("there is no machine '%s' that has been away for a minute; stats "
				"names those whose keys are late",
		    c->argv[2]);
	return r == DB_DONE ? 0 : ctl_db_failed(r);
}

static void
print_queues(struct db *db, int64_t now)
{
	struct queue_figures list[CHANNELS];
	int count = 0;

	if (db_queue_figures(db, CHANNELS, list, &count) != DB_DONE)
		return;
	for (int i = 0; i < count; i++)
		printf("queue %-10s %lld, oldest %lld s\n", list[i].channel,
		    (long long)list[i].waiting,
		    (long long)(now > list[i].oldest_at ? (now - list[i].oldest_at) / 1000 : 0));
}

int
ctl_stats(struct ctl *c)
{
	struct db_figures f;
	struct sweep_state s = { 0 };
	struct epoch_late late;
	struct db *db;
	int64_t now = clock_ms();
	enum db_result r;

	if (c->argc != 1)
		return ctl_usage("stats");
	db = ctl_open(c);
	if (!db)
		return 1;
	r = db_stats(db, now, &f);
	if (r == DB_ROW)
		r = db_sweep_state(db, &s);
	if (r == DB_ROW && db_epoch_late(db, c->conf.epoch_sec * 1000, now, &late) != DB_DONE)
		r = DB_FAIL;
	if (r == DB_ROW) {
		printf("accounts         %lld\nsessions         %lld\ngroups           %lld\n"
		       "messages         %lld\nundelivered      %lld\nmails waiting    %lld\n"
		       "access requests  %lld\n",
		    (long long)f.accounts, (long long)f.sessions, (long long)f.groups,
		    (long long)f.messages, (long long)f.undelivered, (long long)f.mails,
		    (long long)f.access_requests);
		print_queues(db, now);
		printf("scrub_lag_seconds %lld%s%s\nsweep seconds    %lld.%03d\nwal bytes        "
		       "%lld\n",
		    (long long)(s.unclean_since ? (now - s.unclean_since) / 1000 : 0),
		    late.names[0] ? " on " : "", late.names, (long long)(s.duration_ms / 1000),
		    (int)(s.duration_ms % 1000), (long long)db_wal_bytes(db));
	}
	db_close(db);
	return r == DB_ROW ? 0 : ctl_db_failed(r);
}
