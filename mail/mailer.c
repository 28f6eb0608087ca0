/* One mail over SMTP. Credentials go over TLS or not at all; without any, TLS is used where the
 * server offers it. */
#include "mailer.h"

#include "cleanup.h"
#include "email.h"
#include "id.h"
#include "reason.h"
#include "secret.h"
#include "text.h"

#include <netdb.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_SEC 10L
#define TOTAL_SEC 30L
#define TLS_PORT 465
#define ENCODED_WORD_BYTES 39 /* so that a line has at most 76 characters (RFC 2047, section 2) */
#define HEADER_LINE_BYTES 76
#define HOST_BYTES 256
#define LONGEST_LINE 900 /* a line of a mail has 998 bytes at most */
#define ENCODED_LINE_BYTES 57

struct mailer {
	const struct conf *conf;
	CURL *curl;
	char response[256]; /* the server's last refusal */
};

volatile sig_atomic_t mailer_stop;

static int
give_up(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg, (void)a, (void)b, (void)c, (void)d;
	return mailer_stop;
}

void
mailer_set_bounds(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TOTAL_SEC);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, give_up);
}

struct upload {
	const char *data;
	size_t left;
};

static size_t
read_upload(char *out, size_t size, size_t n, void *arg)
{
	struct upload *u = arg;
	size_t len = size * n < u->left ? size * n : u->left;

	memcpy(out, u->data, len);
	u->data += len;
	u->left -= len;
	return len;
}

/* Response lines of the server arrive as headers; the last refusal (4xx, 5xx) is what an operator
 * needs to see. */
static size_t
read_response(char *line, size_t size, size_t n, void *arg)
{
	struct mailer *m = arg;
	size_t len = size * n;

	if (len > 3 && (line[0] == '4' || line[0] == '5')) {
		snprintf(m->response, sizeof(m->response), "%.*s", (int)len, line);
		m->response[strcspn(m->response, "\r\n")] = '\0';
	}
	return len;
}

struct mailer *
mailer_open(const struct conf *c)
{
	struct mailer *m = calloc(1, sizeof(*m));

	if (m)
		*m = (struct mailer){ .conf = c, .curl = curl_easy_init() };
	if (m && !m->curl) {
		free(m);
		m = NULL;
	}
	return m;
}

void
mailer_close(struct mailer *m)
{
	if (!m)
		return;
	curl_easy_cleanup(m->curl);
	free(m);
}

/* The domain of the relay's own address. */
static const char *
own_domain(const struct conf *c)
{
	const char *at = strrchr(conf_mail_from(c), '@');

	return at ? at + 1 : "localhost";
}

/* What EHLO says: the full name of this machine (RFC 5321, section 4.1.1.1), or where it has none
 * the domain of the relay's own address. */
static void
own_host(const struct conf *c, char out[static HOST_BYTES])
{
	const struct addrinfo hints = { .ai_flags = AI_CANONNAME };
	struct addrinfo *found = NULL;
	char name[HOST_BYTES];

	if (gethostname(name, sizeof(name)) != 0)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	if (name[0] && !strchr(name, '.') && getaddrinfo(name, NULL, &hints, &found) == 0 &&
	    found->ai_canonname)
		snprintf(name, sizeof(name), "%s", found->ai_canonname);
	if (found)
		freeaddrinfo(found);
	if (!strchr(name, '.') || !email_domain_clean(name, out, HOST_BYTES))
		snprintf(out, HOST_BYTES, "%s", own_domain(c));
}

/* ASCII that nobody takes for an encoded word. */
static bool
is_plain(const char *s)
{
	if (strstr(s, "=?"))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* Encoded words (RFC 2047) of whole characters, each on a line of its own. */
static void
put_encoded_words(struct text *t, const char *value)
{
	for (const char *p = value; *p;) {
		char word[sodium_base64_ENCODED_LEN(
		    ENCODED_WORD_BYTES, sodium_base64_VARIANT_ORIGINAL)];
		size_t n = strnlen(p, ENCODED_WORD_BYTES);

		while (n > 1 && ((unsigned char)p[n] & 0xc0) == 0x80)
			n--;
		sodium_bin2base64(word, sizeof(word), (const unsigned char *)p, n,
		    sodium_base64_VARIANT_ORIGINAL);
		text_printf(t, " =?utf-8?B?%s?=\r\n", word);
		p += n;
	}
}

/* A header's text: as it is when it is plain and fits its line, else in encoded words. */
static void
put_header(struct text *t, const char *name, const char *value)
{
	text_printf(t, "%s:", name);
	if (is_plain(value) && strlen(name) + strlen(value) + 2 <= HEADER_LINE_BYTES)
		text_printf(t, " %s\r\n", value);
	else
		put_encoded_words(t, value);
}

/* The relay's name and address: the name as a quoted string (RFC 5322, section 3.2.4). */
static void
put_from(struct text *t, const struct conf *c)
{
	text_printf(t, "From:");
	if (!is_plain(c->name)) {
		put_encoded_words(t, c->name);
	} else {
		text_printf(t, " \"");
		for (const char *p = c->name; *p; p++)
			text_printf(t, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
		text_printf(t, "\"\r\n");
	}
	text_printf(t, " <%s>\r\n", conf_mail_from(c));
}

/* Lines that are too long, and carriage returns, would not arrive as they are. */
static bool
needs_encoding(const char *body)
{
	for (; *body; body += strcspn(body, "\n"), body += *body == '\n')
		if (strcspn(body, "\n") > LONGEST_LINE)
			return true;
		else if (memchr(body, '\r', strcspn(body, "\n")))
			return true;
	return false;
}

static void
put_encoded(struct text *t, const char *body)
{
	char line[sodium_base64_ENCODED_LEN(ENCODED_LINE_BYTES, sodium_base64_VARIANT_ORIGINAL)];

	while (*body) {
		size_t n = strnlen(body, ENCODED_LINE_BYTES);

		sodium_bin2base64(line, sizeof(line), (const unsigned char *)body, n,
		    sodium_base64_VARIANT_ORIGINAL);
		text_printf(t, "%s\r\n", line);
		body += n;
	}
}

static void
put_body(struct text *t, const char *body)
{
	for (; *body; body++)
		text_printf(t, *body == '\n' ? "\r\n" : "%c", *body);
}

/* Lines end with CRLF; the body is UTF-8 in 8bit, or in base64 where that would break it. What a
 * user wrote says how to reply to them, if they want that; the relay's own words say that a machine
 * wrote them. */
static char *
compose(const struct conf *c, const struct outbox_mail *mail)
{
	size_t size = strlen(mail->body) * 2 + strlen(mail->subject) * 4 + 4096;
	const bool encoded = needs_encoding(mail->body);
	char *all = malloc(size), date[64], unique[2 * ID_BYTES + 1];
	uint8_t id[ID_BYTES];
	struct text t;
	struct tm tm;
	time_t now = time(NULL);

	if (!all)
		return NULL;
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	text_init(&t, all, size);
	id_make(id);
	secret_hex(id, sizeof(id), unique);
	text_printf(&t, "Date: %s\r\n", date);
	put_from(&t, c);
	text_printf(&t, "To: <%s>\r\n", mail->recipient);
	put_header(&t, "Subject", mail->subject);
	if (mail->reply_to)
		text_printf(&t, "Reply-To: <%s>\r\n", mail->reply_to);
	text_printf(&t,
	    "Message-ID: <%s@%s>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n%s\r\n",
	    unique, own_domain(c), encoded ? "base64" : "8bit",
	    mail->message_id ? "" : "Auto-Submitted: auto-generated\r\n");
	(encoded ? put_encoded : put_body)(&t, mail->body);
	if (!text_ok(&t)) {
		free(all);
		return NULL;
	}
	return all;
}

static void
set_server(struct mailer *m)
{
	const struct conf *c = m->conf;
	const enum conf_smtp_tls tls = (enum conf_smtp_tls)c->smtp_tls;
	bool login = c->smtp_username[0] != '\0', verify = login || c->smtp_ca_file[0];
	bool at_once = tls == SMTP_TLS_TLS || (tls == SMTP_TLS_AUTO && c->smtp_port == TLS_PORT);
	char url[700], host[HOST_BYTES];

	own_host(c, host);
	snprintf(url, sizeof(url),
	    strchr(c->smtp_host, ':') ? "%s://[%s]:%lld/%s" : "%s://%s:%lld/%s",
	    at_once ? "smtps" : "smtp", c->smtp_host, (long long)c->smtp_port, host);
	curl_easy_setopt(m->curl, CURLOPT_URL, url);
	curl_easy_setopt(m->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(m->curl, CURLOPT_USE_SSL,
	    tls == SMTP_TLS_OFF                   ? (long)CURLUSESSL_NONE :
		login || tls == SMTP_TLS_STARTTLS ? (long)CURLUSESSL_ALL :
						    (long)CURLUSESSL_TRY);
	/* Without credentials and without a CA an unverified STARTTLS still beats clear text. */
	curl_easy_setopt(m->curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(m->curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	if (login) {
		curl_easy_setopt(m->curl, CURLOPT_USERNAME, c->smtp_username);
		curl_easy_setopt(m->curl, CURLOPT_PASSWORD, c->smtp_password);
	}
	if (c->smtp_ca_file[0])
		curl_easy_setopt(m->curl, CURLOPT_CAINFO, c->smtp_ca_file);
	mailer_set_bounds(m->curl);
}

/* Responses that are about us and not about one mail: going away, encryption or sign-in that is
 * wanted or fails, mechanisms, a busy or closed server (RFC 5321, section 4.2; RFC 4954, section 6;
 * RFC 3207, section 4; RFC 7504). */
static bool
is_about_us(int code)
{
	static const int codes[] = { 421, 432, 454, 502, 503, 504, 521, 523, 524, 525, 530, 534,
		535, 538 };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* What curl says failed tells where: at the sender (MAIL), which is the same for every mail, at the
 * recipient (RCPT), or at the text (DATA and what follows it). A 5xx there is for good, a 4xx for
 * now (greylisting). Before that nothing is about the mail. */
static enum mail_result
classify(const struct mailer *m, CURLcode rc, const char *detail)
{
	bool sender = strncmp(detail, "MAIL ", 5) == 0;
	bool connected = rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR ||
	    rc == CURLE_WEIRD_SERVER_REPLY || rc == CURLE_GOT_NOTHING ||
	    rc == CURLE_OPERATION_TIMEDOUT || rc == CURLE_PARTIAL_FILE;

	if (rc == CURLE_OK)
		return MAIL_SENT;
	if (!connected || sender || is_about_us(reason_code(m->response)))
		return MAIL_CLOSED;
	return m->response[0] == '5' ? MAIL_REFUSED : MAIL_LATER;
}

void
mailer_join(const char *own, const char *theirs, char out[static 2 * MAILER_REASON_BYTES])
{
	snprintf(out, 2 * (size_t)MAILER_REASON_BYTES, "%s%s%s", own,
	    theirs[0] ? "; the server said: " : "", theirs);
}

/* Carries the request out; on failure *why is curl's word and the server's. */
static enum mail_result
perform(struct mailer *m, struct mail_reason *why)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	m->response[0] = '\0';
	curl_easy_setopt(m->curl, CURLOPT_HEADERFUNCTION, read_response);
	curl_easy_setopt(m->curl, CURLOPT_HEADERDATA, m);
	curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, detail);
	rc = curl_easy_perform(m->curl);
	curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, NULL);
	snprintf(why->own, sizeof(why->own), "%s", detail[0] ? detail : curl_easy_strerror(rc));
	snprintf(why->theirs, sizeof(why->theirs), "%s", m->response);
	return classify(m, rc, detail);
}

static enum mail_result
transfer(struct mailer *m, const char *all, const char *recipient, struct mail_reason *why)
{
	struct curl_slist *to = curl_slist_append(NULL, recipient);
	struct upload u = { all, strlen(all) };
	enum mail_result result;

	if (!to) {
		*why = (struct mail_reason){ .own = "out of memory" };
		return MAIL_LATER;
	}
	curl_easy_reset(m->curl);
	set_server(m);
	curl_easy_setopt(m->curl, CURLOPT_MAIL_FROM, conf_mail_from(m->conf));
	curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(m->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(m->curl, CURLOPT_READFUNCTION, read_upload);
	curl_easy_setopt(m->curl, CURLOPT_READDATA, &u);
	result = perform(m, why);
	curl_slist_free_all(to);
	return result;
}

bool
mailer_try(struct mailer *m, struct mail_reason *why)
{
	curl_easy_reset(m->curl);
	set_server(m);
	curl_easy_setopt(m->curl, CURLOPT_CONNECT_ONLY, 1L);
	return perform(m, why) == MAIL_SENT;
}

enum mail_result
mailer_send(struct mailer *m, const struct outbox_mail *mail, struct mail_reason *why)
{
	auto_free char *all = compose(m->conf, mail);

	if (!all) {
		*why = (struct mail_reason){ .own = "out of memory" };
		return MAIL_LATER;
	}
	return transfer(m, all, mail->recipient, why);
}

static void *
start(const struct conf *c)
{
	return mailer_open(c);
}

static void
end(void *sender)
{
	mailer_close(sender);
}

static enum mail_result
send_mail(void *sender, const struct outbox_mail *mail, struct mail_reason *why, int64_t *wait_ms)
{
	*wait_ms = 0;
	return mailer_send(sender, mail, why);
}

static void
keep(const struct mail_reason *why, const char *theirs, char out[static 2 * MAILER_REASON_BYTES])
{
	mailer_join(why->own, theirs, out);
}

const struct carrier mailer_carrier = {
	.what = "mail", .open = start, .close = end, .send = send_mail, .keep = keep
};
