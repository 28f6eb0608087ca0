/* Calling an engine with libcurl. */
#include "wire.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS 2000L
#define URL_BYTES 1280
#define HEADER_BYTES 640

/* One per process: a worker makes one call at a time. */
static char response[WIRE_RESPONSE_BYTES + 1];
static size_t response_len;

void
wire_forget(void)
{
	explicit_bzero(response, response_len);
	response_len = 0;
}

/* Taking less than was offered ends the transfer: nobody can fill our memory. */
static size_t
take(char *data, size_t size, size_t n, void *arg)
{
	const size_t len = size * n;

	(void)arg;
	if (len > WIRE_RESPONSE_BYTES - response_len)
		return 0;
	memcpy(response + response_len, data, len);
	response_len += len;
	return len;
}

static struct curl_slist *
make_headers(const struct wire_request *q)
{
	/* without waiting for "100 Continue" */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	char line[HEADER_BYTES];

	list = curl_slist_append(list, "Accept: application/json");
	if (q->body) {
		snprintf(line, sizeof(line), "Content-Type: %s", q->type);
		list = curl_slist_append(list, line);
	}
	if (q->authorization[0]) {
		snprintf(line, sizeof(line), "Authorization: %s", q->authorization);
		list = curl_slist_append(list, line);
	}
	explicit_bzero(line, sizeof(line));
	return list;
}

static void
set_request(CURL *curl, const struct conf *c, const struct wire_request *q, int64_t timeout_ms)
{
	char url[URL_BYTES];

	snprintf(url, sizeof(url), "%s%s", q->url, q->path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http"); /* of the setting */
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    timeout_ms < CONNECT_MS ? (long)timeout_ms : CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	if (c->engine_ca_file[0])
		curl_easy_setopt(curl, CURLOPT_CAINFO, c->engine_ca_file);
	if (q->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body);
}

/* The file of a form, piece by piece. */
struct file_source {
	int fd;
	off_t at, size;
};

static size_t
give(char *out, size_t size, size_t n, void *arg)
{
	struct file_source *f = arg;
	const size_t left = (size_t)(f->size - f->at), room = size * n;
	ssize_t got = pread(f->fd, out, left < room ? left : room, f->at);

	if (got < 0 || (got == 0 && left > 0)) /* it became shorter */
		return CURL_READFUNC_ABORT;
	f->at += got;
	return (size_t)got;
}

static int
seek(void *arg, curl_off_t to, int from)
{
	struct file_source *f = arg;

	if (from != SEEK_SET || to < 0 || to > f->size)
		return CURL_SEEKFUNC_FAIL;
	f->at = (off_t)to;
	return CURL_SEEKFUNC_OK;
}

/* The form as libcurl has it, which the caller frees; NULL: no memory. */
static curl_mime *
make_form(CURL *curl, const struct wire_form *form, struct file_source *source)
{
	curl_mime *mime = curl_mime_init(curl);
	curl_mimepart *part;
	bool ok = mime != NULL;

	for (int i = 0; i < form->count && ok; i++) {
		part = curl_mime_addpart(mime);
		ok = part && curl_mime_name(part, form->fields[i].name) == CURLE_OK &&
		    curl_mime_data(part, form->fields[i].value, CURL_ZERO_TERMINATED) == CURLE_OK;
	}
	*source = (struct file_source){ .fd = form->fd, .size = (off_t)form->size };
	part = ok ? curl_mime_addpart(mime) : NULL;
	if (part && curl_mime_name(part, "file") == CURLE_OK &&
	    curl_mime_filename(part, form->file_name) == CURLE_OK &&
	    curl_mime_type(part, form->type) == CURLE_OK &&
	    curl_mime_data_cb(part, form->size, give, seek, NULL, source) == CURLE_OK)
		return mime;
	curl_mime_free(mime);
	return NULL;
}

/* Sends what is set. The handle is left without the form, which goes with the call. */
static void
perform(CURL *curl, const struct wire_form *form, struct wire_response *a)
{
	struct file_source source;
	curl_mime *mime = form ? make_form(curl, form, &source) : NULL;
	curl_off_t wait_sec = 0;

	if (mime)
		curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
	if ((mime || !form) && curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait_sec);
	a->retry_after_sec = wait_sec;
	curl_easy_reset(curl);
	curl_mime_free(mime);
}

void
wire_call(const struct conf *c, struct wire_request *q, int64_t timeout_ms, struct wire_response *a)
{
	static CURL *curl;
	struct curl_slist *headers = make_headers(q);

	*a = (struct wire_response){ .body = response };
	wire_forget();
	if (!curl)
		curl = curl_easy_init();
	if (curl && headers && timeout_ms > 0) {
		set_request(curl, c, q, timeout_ms);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		perform(curl, q->form, a);
	}
	response[response_len] = '\0';
	curl_slist_free_all(headers);
	if (q->body)
		explicit_bzero(q->body, strlen(q->body));
	free(q->body);
	explicit_bzero(q, sizeof(*q));
}
