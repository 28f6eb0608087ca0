/* Messages by a user's Telegram bot. The other side is not trusted: no redirects, a bounded
 * response, a bounded time. */
#include "telegram.h"

#include "mailer.h"

#include "cleanup.h"
#include "json_read.h"
#include "json_write.h"
#include "oom.h"
#include "text.h"

#include <json-c/json.h>
#include <string.h>

#define RESPONSE_BYTES 16384
#define LONGEST_WAIT_SEC 3600
#define URL_BYTES 1024

struct telegram {
	const struct conf *conf;
	CURL *curl;
	char response[RESPONSE_BYTES];
	size_t len;
};

/* What Telegram responded, as far as it can be read. */
struct verdict {
	bool ok;
	int64_t retry_after_sec;
};

static void *
start(const struct conf *c)
{
	struct telegram *t = calloc(1, sizeof(*t));

	if (t)
		*t = (struct telegram){ .conf = c, .curl = curl_easy_init() };
	if (t && !t->curl) {
		free(t);
		t = NULL;
	}
	return t;
}

static void
end(void *sender)
{
	struct telegram *t = sender;

	curl_easy_cleanup(t->curl);
	free(t);
}

/* Taking less than was offered ends the transfer: nobody can fill our memory. */
static size_t
read_response(char *data, size_t size, size_t n, void *arg)
{
	struct telegram *t = arg;
	size_t len = size * n;

	if (len >= sizeof(t->response) - t->len)
		return 0;
	memcpy(t->response + t->len, data, len);
	t->len += len;
	t->response[t->len] = '\0';
	return len;
}

/* The words of the other side on one line, without the token that they may repeat. */
static void
put_reason(char *reason, const char *words, const char *token)
{
	snprintf(reason, MAILER_REASON_BYTES, "%s", words);
	for (char *p = reason; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (token[0] && strstr(words, token))
		snprintf(reason, MAILER_REASON_BYTES, "the answer repeats the token");
	while (!text_is_utf8(reason, strlen(reason))) /* cut within a character */
		reason[strlen(reason) - 1] = '\0';
}

/* How long to wait, and where a group went that became a supergroup. */
static void
read_parameters(struct json_object *parameters, struct verdict *v, struct mail_reason *why)
{
	struct json_object *part;

	if (json_object_object_get_ex(parameters, "retry_after", &part))
		v->retry_after_sec = json_object_get_int64(part);
	if (json_object_object_get_ex(parameters, "migrate_to_chat_id", &part) &&
	    json_object_is_type(part, json_type_int))
		why->moved_to = json_object_get_int64(part);
}

/* Reads {"ok":..., "description":..., "parameters":{"retry_after":...}}; anything else is no. */
static struct verdict
read_verdict(const struct telegram *t, long status, const char *token, struct mail_reason *why)
{
	struct json_object *root, *part;
	struct verdict v = { .ok = false };

	json_read(t->response, strlen(t->response), &root);

	snprintf(why->own, sizeof(why->own), "Telegram answered %ld", status);
	if (json_object_is_type(root, json_type_object)) {
		v.ok = json_object_object_get_ex(root, "ok", &part) &&
		    json_object_is_type(part, json_type_boolean) && json_object_get_boolean(part);
		if (json_object_object_get_ex(root, "description", &part) &&
		    json_object_is_type(part, json_type_string))
			put_reason(why->theirs, json_object_get_string(part), token);
		if (json_object_object_get_ex(root, "parameters", &part) &&
		    json_object_is_type(part, json_type_object))
			read_parameters(part, &v, why);
	}
	json_object_put(root);
	return v;
}

static int64_t
wait_of(const struct telegram *t, int64_t asked_sec)
{
	curl_off_t header_sec = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &header_sec);
	if (asked_sec <= 0)
		asked_sec = header_sec;
	if (asked_sec <= 0)
		return 0;
	return (asked_sec < LONGEST_WAIT_SEC ? asked_sec : LONGEST_WAIT_SEC) * 1000;
}

/* 4xx is a no for good, but for time-outs (408) and too many requests (429). */
static enum mail_result
classify(const struct telegram *t, const char *token, struct mail_reason *why, int64_t *wait_ms)
{
	long status = 0;
	struct verdict v;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	v = read_verdict(t, status, token, why);
	if (status == 200 && v.ok)
		return MAIL_SENT;
	if (status == 429)
		*wait_ms = wait_of(t, v.retry_after_sec);
	return status / 100 == 4 && status != 408 && status != 429 ? MAIL_REFUSED : MAIL_LATER;
}

static void
set_request(struct telegram *t, const char *url, const char *body, struct curl_slist *headers)
{
	curl_easy_reset(t->curl);
	curl_easy_setopt(t->curl, CURLOPT_URL, url);
	curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, "https,http"); /* of the setting */
	curl_easy_setopt(t->curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, body);
	mailer_set_bounds(t->curl);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, read_response);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
}

static enum mail_result
transfer(struct telegram *t, const char *body, const char *token, struct mail_reason *why,
    int64_t *wait_ms)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char url[URL_BYTES];
	CURLcode rc;

	snprintf(url, sizeof(url), "%.*s/bot%s/sendMessage",
	    (int)(strlen(t->conf->telegram_api) -
		(t->conf->telegram_api[strlen(t->conf->telegram_api) - 1] == '/')),
	    t->conf->telegram_api, token);
	t->len = 0;
	t->response[0] = '\0';
	set_request(t, url, body, headers);
	rc = headers ? curl_easy_perform(t->curl) : CURLE_OUT_OF_MEMORY;
	curl_slist_free_all(headers);
	explicit_bzero(url, sizeof(url));
	if (rc == CURLE_OK)
		return classify(t, token, why, wait_ms);
	snprintf(why->own, sizeof(why->own), "%s", curl_easy_strerror(rc));
	return MAIL_LATER;
}

static enum mail_result
send_message(
    void *sender, const struct outbox_mail *mail, struct mail_reason *why, int64_t *wait_ms)
{
	struct telegram *t = sender;
	struct json_object *o = json_new_object();
	enum mail_result result = MAIL_LATER;
	const char *body;

	*wait_ms = 0;
	json_add(o, "chat_id", json_new_text(mail->recipient));
	json_add(o, "text", json_new_text(mail->body));
	body = json_text(o, NULL);
	if (oom_take())
		snprintf(why->own, sizeof(why->own), "out of memory");
	else
		result = transfer(t, body, mail->bot_token ? mail->bot_token : "", why, wait_ms);
	json_object_put(o);
	return result;
}

static void
keep(const struct mail_reason *why, const char *theirs, char out[static 2 * MAILER_REASON_BYTES])
{
	if (why->moved_to)
		snprintf(out, 2 * (size_t)MAILER_REASON_BYTES, "%s; the group's new id is %lld",
		    theirs, (long long)why->moved_to);
	else
		snprintf(out, MAILER_REASON_BYTES, "%s", theirs[0] ? theirs : why->own);
}

const struct carrier telegram_carrier = {
	.what = "Telegram message", .open = start, .close = end, .send = send_message, .keep = keep
};
