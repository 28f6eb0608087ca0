/* Empty pushes with libcurl. The other side is whatever a user named: only https, no redirects, no
 * private address whatever its name resolves to, a bounded time, and what it says is not read. */
#include "push_send.h"

#include "mailer.h"

#include "cleanup.h"
#include "clock.h"
#include "ip.h"
#include "text.h"
#include "url.h"
#include "vapid.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TOTAL_MS 10000L
#define CONNECT_MS 5000L
#define WAIT_MS 500
#define TOKEN_SEC (12 * 3600L) /* RFC 8292 allows a day */
#define HEADER_BYTES 4608
#define ORIGIN_BYTES 300
#define CONTACT_BYTES 300
#define STATUS_GONE 410
#define STATUS_UNKNOWN 404
#define LONGEST_WAIT_SEC 86400

/* One under way. */
struct transfer {
	struct push_call *call;
	CURL *curl;
	struct curl_slist *headers;
	bool may_be_private;
};

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	const struct transfer *t = arg;

	(void)purpose;
	if (!t->may_be_private && !ip_is_public(&a->addr))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t
drop(char *data, size_t size, size_t n, void *arg)
{
	(void)data, (void)size, (void)n, (void)arg;
	return 0; /* ends the transfer: its status has been read */
}

/* mailto: or https:, as the settings or else the sender of mails say. */
static void
contact_of(const struct conf *c, char out[static CONTACT_BYTES])
{
	if (c->push_contact[0])
		snprintf(out, CONTACT_BYTES, "%s", c->push_contact);
	else
		snprintf(out, CONTACT_BYTES, "mailto:%s", conf_mail_from(c));
}

static bool
is_private_host(const struct conf *c, const char *endpoint)
{
	char host[ORIGIN_BYTES];

	url_host(endpoint, host, sizeof(host));
	host[strcspn(host, "?")] = '\0';
	if (host[0] != '[')
		host[strcspn(host, ":")] = '\0';
	return text_list_has(c->push_private_hosts, host);
}

static struct curl_slist *
make_headers(const struct conf *c, const char *endpoint)
{
	static const char *const fixed[] = { "TTL: 86400", "Urgency: normal", "Topic: news",
		"Content-Type:", "Accept:", "Expect:" };
	char origin[ORIGIN_BYTES], contact[CONTACT_BYTES], line[HEADER_BYTES] = "Authorization: ";
	const size_t len = strlen(line);
	struct curl_slist *list = NULL;

	contact_of(c, contact);
	if (!url_origin(endpoint, origin, sizeof(origin)) ||
	    !vapid_authorization(origin, contact, clock_ms() / 1000 + TOKEN_SEC, line + len,
		(int)(sizeof(line) - len)))
		return NULL;
	list = curl_slist_append(NULL, line);
	for (size_t i = 0; list && i < ARRAY_LEN(fixed); i++)
		list = curl_slist_append(list, fixed[i]);
	return list;
}

static void
set_request(const struct conf *c, struct transfer *t)
{
	CURL *curl = t->curl;

	mailer_set_bounds(curl);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(curl, CURLOPT_URL, t->call->endpoint);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
	if (c->push_ca_file[0])
		curl_easy_setopt(curl, CURLOPT_CAINFO, c->push_ca_file);
}

/* Everything that is no success may pass by itself: a clock that is wrong, say, must not cost all
 * devices their address. */
static void
classify(struct transfer *t)
{
	struct push_call *call = t->call;
	curl_off_t wait_sec = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &call->status);
	curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &wait_sec);
	call->wait_ms = (wait_sec < LONGEST_WAIT_SEC ? wait_sec : LONGEST_WAIT_SEC) * 1000;
	call->result = call->status / 100 == 2                            ? PUSH_SENT :
	    call->status == STATUS_GONE || call->status == STATUS_UNKNOWN ? PUSH_GONE :
									    PUSH_LATER;
}

static bool
begin(CURLM *multi, const struct conf *c, struct transfer *t)
{
	t->may_be_private = is_private_host(c, t->call->endpoint);
	t->headers = make_headers(c, t->call->endpoint);
	t->curl = t->headers ? curl_easy_init() : NULL;
	if (!t->curl)
		return false;
	set_request(c, t);
	return curl_multi_add_handle(multi, t->curl) == CURLM_OK;
}

static void
take_finished(CURLM *multi)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left))) {
		struct transfer *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		classify(t);
	}
}

void
push_send(const struct conf *c, struct push_call *calls, int count)
{
	struct transfer transfers[PUSH_AT_ONCE];
	CURLM *multi = curl_multi_init();
	int running = 0;

	for (int i = 0; i < count; i++) {
		transfers[i] = (struct transfer){ .call = &calls[i] };
		calls[i] =
		    (struct push_call){ .endpoint = calls[i].endpoint, .result = PUSH_LATER };
		if (multi)
			begin(multi, c, &transfers[i]);
	}
	if (multi)
		do {
			if (curl_multi_perform(multi, &running) != CURLM_OK)
				break;
			take_finished(multi);
		} while (running && !mailer_stop &&
		    curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL) == CURLM_OK);
	for (int i = 0; i < count; i++) {
		if (transfers[i].curl) {
			curl_multi_remove_handle(multi, transfers[i].curl);
			curl_easy_cleanup(transfers[i].curl);
		}
		curl_slist_free_all(transfers[i].headers);
	}
	curl_multi_cleanup(multi);
}
