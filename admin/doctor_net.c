/* The checks that ask: the relay over HTTP as anybody could, its certificate, and the mail server.
 */
#include "doctor.h"

#include "adapter.h"
#include "cleanup.h"
#include "mailer.h"
#include "secret.h"
#include "transcribe.h"

#include <curl/curl.h>
#include <string.h>
#include <time.h>

#define ENGINE_MEMORY ((size_t)1 << 20)
#define CONNECT_SEC 5L
#define TOTAL_SEC 15L
#define DAYS_WANTED 14
#define DAYS_UNKNOWN (-1e9)
#define PROBE_PASSED 204
#define PROBES 8 /* of a path that lets three pass */

/* What one request sends, and what became of it. */
struct ask {
	const char *path, *forged_for; /* forged_for: X-Forwarded-For, may be NULL */
	bool any_certificate;
	bool page; /* the response is HTML */
	long status; /* 0: no response, see error */
	double days_left; /* of the certificate, when any_certificate */
	char error[CURL_ERROR_SIZE];
};

static size_t
drop_body(char *data, size_t size, size_t n, void *arg)
{
	(void)data, (void)arg;
	return size * n;
}

/* Days until the first certificate of the chain expires; DAYS_UNKNOWN when it does not say. */
static double
days_left(CURL *curl)
{
	struct curl_certinfo *chain = NULL;
	struct tm tm = { 0 };

	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
	    chain->num_of_certs < 1)
		return DAYS_UNKNOWN;
	for (struct curl_slist *i = chain->certinfo[0]; i; i = i->next)
		if (strncmp(i->data, "Expire date:", 12) == 0 &&
		    strptime(i->data + 12, "%b %d %H:%M:%S %Y", &tm))
			return difftime(timegm(&tm), time(NULL)) / 86400;
	return DAYS_UNKNOWN;
}

static void
set_request(CURL *curl, const struct doctor *d, struct ask *a)
{
	/* Our own certificate may be for a name that this machine does not call itself. */
	bool verify = d->address_given && !a->any_certificate;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, a->error);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, a->any_certificate ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TOTAL_SEC);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

/* One request; fills status, or error. */
static long
send_ask(const struct doctor *d, struct ask *a)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	char url[DOCTOR_URL_BYTES + 128], line[128], *type = NULL;
	CURLcode rc;

	a->status = 0;
	snprintf(a->error, sizeof(a->error), "out of memory");
	if (!curl)
		return 0;
	a->error[0] = '\0';
	if (a->forged_for) {
		snprintf(line, sizeof(line), "X-Forwarded-For: %s", a->forged_for);
		headers = curl_slist_append(headers, line);
	}
	snprintf(url, sizeof(url), "%s%s", d->url, a->path);
	set_request(curl, d, a);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
		curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
		a->page = type && strncmp(type, "text/html", 9) == 0;
	} else if (!a->error[0])
		snprintf(a->error, sizeof(a->error), "%s", curl_easy_strerror(rc));
	if (a->any_certificate)
		a->days_left = days_left(curl);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return a->status;
}

bool
doctor_net_health(struct doctor *d)
{
	struct ask a = { .path = "/health" };

	if (!d->url[0])
		return doctor_say(d, false, "the relay's address is not known; give it with --url");
	if (send_ask(d, &a) == 0)
		return doctor_say(d, false, "%s/health: %s", d->url, a.error);
	d->responds = true;
	return doctor_say(d, a.status == 200, "%s/health answered %ld", d->url, a.status);
}

bool
doctor_net_downloads(struct doctor *d)
{
	struct ask a = { .path = "/api/v1/webchat/files/file_00000000000000000000000000000000" };

	if (!doctor_shared(d, checkup_downloads))
		return false;
	send_ask(d, &a);
	return doctor_say(d, a.status == 401 || a.status == 403 || a.status == 404,
	    "a download without a token answered %ld", a.status);
}

/* A web server that serves the relay's folder gives everything away. A page of the web site that
 * responds for any address is none of our files. */
bool
doctor_net_private(struct doctor *d)
{
	static const char *const paths[] = { "/.env.local", "/relay/.env.local", "/data/bridge.db",
		"/relay/data/bridge.db", "/data/server.key", "/data/vapid.key", "/run/relay.log" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct ask a = { .path = paths[i] };

		if (send_ask(d, &a) < 400 && !a.page)
			return doctor_say(d, false,
			    "%s%s answered %ld; no file of the relay may "
			    "be served",
			    d->url, paths[i], a.status);
	}
	return doctor_say(d, true, "no file of the relay's folder is served");
}

/* Calls under an address that is new each time: the limit has to count their true sender. The path
 * is there for this alone. Returns the last status: 429 when it does. */
static long
probe_limit(const struct doctor *d)
{
	uint8_t random[3];
	long status = 0;

	for (int i = 0; i < PROBES && (i == 0 || status == PROBE_PASSED); i++) {
		char forged[32];
		struct ask a = { .path = "/api/v1/limit-check", .forged_for = forged };

		secret_random(random, sizeof(random));
		snprintf(forged, sizeof(forged), "198.%d.%d.%d", 18 + random[0] % 2, random[1],
		    random[2]);
		status = send_ask(d, &a);
	}
	return status;
}

bool
doctor_net_forwarding(struct doctor *d)
{
	const struct conf *c = d->conf;
	long status;

	if (!doctor_shared(d, checkup_proxies))
		return false;
	status = probe_limit(d);
	if (status == 429)
		return doctor_say(d, true, "a forged X-Forwarded-For is ignored");
	if (status != PROBE_PASSED)
		return doctor_say(d, true,
		    "judged by RELAY_TRUSTED_PROXIES alone: /api/v1/limit-check answered %ld",
		    status);
	if (c->trusted_proxies[0] && !d->address_given)
		return doctor_say(d, true,
		    "asked from a trusted proxy, which may name clients; "
		    "--url asks from outside");
	return doctor_say(d, false,
	    "a forged X-Forwarded-For gets round the limits: the proxy in "
	    "front has to replace it");
}

bool
doctor_net_tls(struct doctor *d)
{
	struct ask a = { .path = "/health", .any_certificate = true };

	if (send_ask(d, &a) == 0)
		return doctor_say(d, false, "%s: %s", d->url, a.error);
	if (a.days_left < 0)
		return doctor_say(d, false, "%s",
		    a.days_left > DAYS_UNKNOWN ? "the certificate has expired" :
						 "the certificate does not say its end");
	return doctor_say(
	    d, a.days_left >= DAYS_WANTED, "the certificate is good for %.0f days", a.days_left);
}

bool
doctor_net_mail(struct doctor *d)
{
	struct mail_reason why = { .own = "out of memory" };
	char reason[2 * MAILER_REASON_BYTES];
	const struct conf *c = d->conf;
	struct mailer *m;
	bool ok;

	if (!c->smtp_host[0])
		return doctor_say(d, false, "SMTP_HOST is not set");
	m = mailer_open(c);
	ok = m && mailer_try(m, &why);
	mailer_join(why.own, why.theirs, reason);
	mailer_close(m);
	return doctor_say(d, ok, "%s:%lld: %s", c->smtp_host, (long long)c->smtp_port,
	    ok ? "the mail server lets the relay in" : reason);
}

/* What came of asking an engine, in words. */
static const char *const engine_said[] = { [ENGINE_DONE] = "does what it is asked",
	[ENGINE_NO_RESPONSE] = "does not answer",
	[ENGINE_BAD_RESPONSE] = "fails, or answers with something else: its log may say why",
	[ENGINE_REFUSED] = "refuses what it is asked: are key, model and path right?",
	[ENGINE_LATER] = "wants a pause",
	[ENGINE_UNKNOWN_LANGUAGE] = "cannot tell the language" };

/* One word from one language into another, both of which are offered. */
static enum engine_result
translate_word(const struct conf *c, const struct languages *l)
{
	const char *const word = "1";
	struct engine_job job = {
		.texts = &word, .count = 1, .timeout_ms = c->translate_timeout_ms
	};
	enum engine_result result;
	struct arena a;

	for (int i = 0; i < l->count * l->count && !job.source; i++)
		if (i / l->count != i % l->count &&
		    languages_has_pair(l, i / l->count, i % l->count)) {
			job.source = l->codes[i / l->count];
			job.target = l->codes[i % l->count];
		}
	if (!job.source)
		return ENGINE_UNKNOWN_LANGUAGE;
	arena_init(&a, ENGINE_MEMORY);
	result = engine_translate(c, &job, &a);
	arena_free(&a);
	return result;
}

bool
doctor_net_translation(struct doctor *d)
{
	const struct conf *c = d->conf;
	static struct languages list;
	enum engine_result result = engine_languages(c, c->translate_timeout_ms, &list);

	if (result != ENGINE_DONE)
		return doctor_say(d, false,
		    "%s: asked for its languages, the translation engine %s", c->translate_url,
		    engine_said[result]);
	result = translate_word(c, &list);
	return doctor_say(d, result == ENGINE_DONE, "%s: %d languages; the translation engine %s",
	    c->translate_url, list.count, engine_said[result]);
}

bool
doctor_net_transcription(struct doctor *d)
{
	const struct conf *c = d->conf;
	struct transcribe_job job = { .timeout_ms = c->transcribe_timeout_sec * 1000 };
	struct arena a;
	enum engine_result result;

	arena_init(&a, ENGINE_MEMORY);
	result = transcribe_silence(c, &job, &a);
	arena_free(&a);
	return doctor_say(d, result == ENGINE_DONE,
	    "%s: a second of silence: the transcription engine %s", c->transcribe_url,
	    engine_said[result]);
}
