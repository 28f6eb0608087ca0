/* Writing down speech. The recording is passed on as it is: nothing here looks into it. */
#include "transcribe.h"

#include "cleanup.h"
#include "json_read.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_MOST 32768 /* of five minutes, many times over */
#define LOOP_TIMES 8
#define SILENCE_BYTES 32000 /* a second at 16,000 samples of 16 bits */

const char *
transcribe_extension(const char *media_type)
{
	static const struct {
		const char *type, *extension;
	} known[] = { { "audio/webm", "webm" }, { "audio/mp4", "m4a" }, { "audio/m4a", "m4a" },
		{ "audio/x-m4a", "m4a" }, { "audio/aac", "aac" }, { "audio/mpeg", "mp3" },
		{ "audio/mp3", "mp3" }, { "audio/ogg", "ogg" }, { "audio/opus", "ogg" },
		{ "audio/wav", "wav" }, { "audio/x-wav", "wav" }, { "audio/wave", "wav" },
		{ "audio/vnd.wave", "wav" }, { "audio/flac", "flac" }, { "audio/x-flac", "flac" } };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].type, media_type) == 0)
			return known[i].extension;
	return NULL;
}

/* Is it one phrase at least LOOP_TIMES? The shortest period by the failure function of Knuth,
 * Morris and Pratt; what separates two turns is missing at the end. */
static bool
is_loop(const char *text, struct arena *a)
{
	const size_t len = strlen(text);
	uint16_t *back = arena_alloc(a, (len + 1) * sizeof(*back));
	size_t k = 0;

	if (!back || len == 0)
		return false;
	back[0] = back[1] = 0;
	for (size_t i = 1; i < len; i++) {
		while (k > 0 && text[i] != text[k])
			k = back[k];
		if (text[i] == text[k])
			k++;
		back[i + 1] = (uint16_t)k;
	}
	return (len + 1) / (len - back[len]) >= LOOP_TIMES;
}

/* Controls of ASCII and of the upper half, line and paragraph ends, and what turns directions: of
 * two or three bytes of UTF-8. */
static bool
is_control(const unsigned char *p)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return true;
	if (p[0] == 0xc2)
		return p[1] < 0xa0;
	if (p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

bool
transcribe_clean(char *text, struct arena *a)
{
	char *out = text;

	if (strlen(text) > TEXT_MOST || !text_is_utf8(text, strlen(text)))
		return false;
	for (char *p = text; *p; p++) {
		const bool blank = strchr(" \t\r\n", *p) != NULL;

		if (!blank && is_control((const unsigned char *)p))
			return false;
		if (!blank || (out > text && out[-1] != ' '))
			*out++ = (char)(blank ? ' ' : *p);
	}
	*out = '\0';
	text_trim(text);
	if (is_loop(text, a))
		text[0] = '\0';
	return true;
}

static enum engine_result
read_response(struct json_object *root, struct transcribe_job *job, struct arena *a)
{
	const char *spoken = engine_word(root, "language");

	if (!engine_take(engine_member(root, "text"), a, &job->text) ||
	    !transcribe_clean(job->text, a))
		return ENGINE_BAD_RESPONSE;
	if (spoken && !languages_is_code(spoken)) /* some write its name */
		spoken = NULL;
	if (!spoken)
		spoken = job->language;
	if (spoken)
		snprintf(job->spoken, sizeof(job->spoken), "%s", spoken);
	return ENGINE_DONE;
}

/* Engines know languages without regions. */
static void
add_language(struct wire_form *form, const char *language, char out[static TEXT_LANGUAGE_BYTES])
{
	if (!language)
		return;
	snprintf(out, TEXT_LANGUAGE_BYTES, "%.*s", (int)strcspn(language, "-"), language);
	form->fields[form->count++] = (struct wire_field){ "language", out };
}

enum engine_result
transcribe_call(const struct conf *c, struct transcribe_job *job, struct arena *a)
{
	char file_name[16], language[TEXT_LANGUAGE_BYTES];
	struct wire_form form = { .fields = { { "model", c->transcribe_model },
				      { "response_format", "json" }, { "temperature", "0" } },
		.count = 3,
		.file_name = file_name,
		.type = job->media_type,
		.fd = job->fd,
		.size = job->size };
	struct wire_request q = {
		.url = c->transcribe_url, .path = "/v1/audio/transcriptions", .form = &form
	};
	struct wire_response response;
	enum engine_result result;
	struct json_object *root;

	job->spoken[0] = '\0';
	snprintf(file_name, sizeof(file_name), "voice.%s", transcribe_extension(job->media_type));
	add_language(&form, job->language, language);
	if (c->transcribe_key[0])
		snprintf(q.authorization, sizeof(q.authorization), "Bearer %s", c->transcribe_key);
	wire_call(c, &q, job->timeout_ms, &response);
	result = engine_classify(&response, "transcription", &job->wait_ms);
	if (result == ENGINE_DONE) {
		json_read(response.body, strlen(response.body), &root);
		result = read_response(root, job, a);
		json_object_put(root);
	}
	wire_forget();
	return result;
}

enum engine_result
transcribe_silence(const struct conf *c, struct transcribe_job *job, struct arena *a)
{
	/* RIFF, one channel, 16,000 samples of 16 bits */
	static const unsigned char head[44] = "RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0"
					      "\0\0\x7d\0\0\2\0\x10\0data\0\x7d\0\0";
	auto_close int fd = memfd_create("silence", MFD_CLOEXEC);

	if (fd < 0 || write(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
	    ftruncate(fd, sizeof(head) + SILENCE_BYTES) != 0)
		return ENGINE_NO_RESPONSE;
	job->fd = fd;
	job->size = sizeof(head) + SILENCE_BYTES;
	job->media_type = "audio/wav";
	return transcribe_call(c, job, a);
}
