/* Figures for the operator in the text format of Prometheus (exposition format 0.0.4): counts, ages
 * and sizes, nothing of any user. nginx asks for them on loopback only. */
#include "handlers.h"
#include "outbox.h"
#include "resp.h"
#include "route.h"
#include "sweep.h"
#include "text.h"

#define TEXT_BYTES 65536
#define CHANNELS 16

static void
head(struct text *t, const char *name, const char *kind, const char *help)
{
	text_printf(t, "# HELP webchat_%s %s\n# TYPE webchat_%s %s\n", name, help, name, kind);
}

static void
gauge(struct text *t, const char *name, const char *help, int64_t value)
{
	head(t, name, "gauge", help);
	text_printf(t, "webchat_%s %lld\n", name, (long long)value);
}

/* Milliseconds as seconds with three digits; none before 0, where a clock was set back. */
static void
gauge_ms(struct text *t, const char *name, const char *help, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	head(t, name, "gauge", help);
	text_printf(t, "webchat_%s %lld.%03d\n", name, (long long)(ms / 1000), (int)(ms % 1000));
}

static void
add_requests(struct text *t, struct share *s)
{
	head(t, "requests_total", "counter", "Answered requests by route and class of status.");
	for (const struct route *e = routes; e->path; e++)
		for (int c = 1; c < SHARE_CLASSES; c++) {
			unsigned long long n =
			    (unsigned long long)atomic_load(&s->requests[e - routes][c]);

			if (n)
				text_printf(t,
				    "webchat_requests_total{method=\"%s\",route=\"%s\","
				    "status=\"%dxx\"} %llu\n",
				    route_method_name(e->method), e->path, c, n);
		}
}

/* Calls to the engines, by what came of them. */
static void
add_engines(struct text *t, struct ask *a)
{
	static const char *const results[ASK_RESULTS] = { [ENGINE_DONE] = "done",
		[ENGINE_NO_RESPONSE] = "no_answer",
		[ENGINE_BAD_RESPONSE] = "bad_answer",
		[ENGINE_REFUSED] = "refused",
		[ENGINE_LATER] = "later",
		[ENGINE_UNKNOWN_LANGUAGE] = "unknown_language" };
	static const char *const names[ASK__MAX] = {
		[ASK_TRANSLATION] = "translation", [ASK_TRANSCRIPTION] = "transcription"
	};

	head(t, "engine_calls_total", "counter", "Calls to engines, by result.");
	for (int e = 0; e < ASK__MAX; e++)
		for (int i = 0; i < ASK_RESULTS; i++)
			text_printf(t,
			    "webchat_engine_calls_total{engine=\"%s\",result=\"%s\"} %llu\n",
			    names[e], results[i],
			    (unsigned long long)atomic_load(&a->engines[e].calls[i]));
	head(t, "engine_milliseconds_total", "counter", "Time that these calls took.");
	for (int e = 0; e < ASK__MAX; e++)
		text_printf(t, "webchat_engine_milliseconds_total{engine=\"%s\"} %llu\n", names[e],
		    (unsigned long long)atomic_load(&a->engines[e].call_ms));
}

static enum db_result
add_queues(struct text *t, struct db *db, int64_t now)
{
	struct queue_figures list[CHANNELS];
	int count = 0;
	enum db_result r = db_queue_figures(db, CHANNELS, list, &count);

	head(t, "queue_messages", "gauge", "Messages that wait, by channel.");
	for (int i = 0; i < count; i++)
		text_printf(t, "webchat_queue_messages{channel=\"%s\"} %lld\n", list[i].channel,
		    (long long)list[i].waiting);
	head(t, "queue_oldest_seconds", "gauge",
	    "Age of the oldest message that waits, by channel.");
	for (int i = 0; i < count; i++)
		text_printf(t, "webchat_queue_oldest_seconds{channel=\"%s\"} %lld\n",
		    list[i].channel,
		    (long long)(now > list[i].oldest_at ? (now - list[i].oldest_at) / 1000 : 0));
	return r;
}

static enum db_result
add_store(struct text *t, struct db *db, int64_t now)
{
	struct db_figures f;
	struct sweep_state s;
	enum db_result r = db_stats(db, now, &f);

	if (r == DB_ROW)
		r = db_sweep_state(db, &s);
	if (r != DB_ROW)
		return r;
	gauge(t, "accounts", "Accounts.", f.accounts);
	gauge(t, "sessions", "Sessions that have not expired.", f.sessions);
	gauge(t, "mails_waiting", "Mails in the outbox.", f.mails);
	gauge_ms(t, "scrub_lag_seconds",
	    "How long scrubbed text has been in the WAL, or could be opened.",
	    s.unclean_since ? now - s.unclean_since : 0);
	gauge_ms(
	    t, "sweep_duration_seconds", "Length of the last housekeeping pass.", s.duration_ms);
	gauge_ms(t, "sweep_age_seconds", "Time since the last housekeeping pass ended.",
	    s.finished_at ? now - s.finished_at : 0);
	gauge(t, "wal_bytes", "Size of the write-ahead log.", db_wal_bytes(db));
	return DB_DONE;
}

/* GET /metrics, on the loopback listener only. */
void
on_metrics_get(struct request *r)
{
	char *storage = arena_alloc(&r->arena, TEXT_BYTES);
	struct text t;
	enum db_result res;

	if (!storage) {
		resp_db_failed(r, DB_FAIL);
		return;
	}
	text_init(&t, storage, TEXT_BYTES);
	gauge(&t, "workers", "Workers that are alive.", atomic_load(&r->worker->share->workers));
	if (r->worker->wake->share)
		gauge(&t, "live_streams", "Clients that listen for live wake-ups.",
		    atomic_load(&r->worker->wake->share->streams));
	res = add_store(&t, r->worker->db, r->now);
	if (res == DB_DONE)
		res = add_queues(&t, r->worker->db, r->now);
	if (resp_db_failed(r, res))
		return;
	if (conf_asks(r->worker->conf))
		add_engines(&t, &r->worker->share->ask);
	add_requests(&t, r->worker->share);
	if (text_ok(&t))
		resp_text(r, storage);
	else
		resp_db_failed(r, DB_FAIL);
}
