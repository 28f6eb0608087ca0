/* Fuzzing of what other servers say: engines that translate and transcribe, and mail servers. The
 * first byte says who speaks. What is taken over is whole UTF-8 of one's own size, and what is kept
 * of a reason is one line without the address. */
#include "adapter.h"
#include "json_read.h"
#include "reason.h"
#include "text.h"
#include "transcribe.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text)
{
	if (!text || !text_is_utf8(text, strlen(text)))
		abort();
}

static void
read_texts(const struct engine_kind *kind, struct json_object *root, struct arena *a)
{
	static const char *const texts[TEXTS] = { "one", "two", "three" };
	char *out[TEXTS] = { NULL };
	struct engine_job job = { .texts = texts,
		.count = kind->most < TEXTS ? kind->most : TEXTS,
		.target = "en",
		.out = out };

	if (kind->read(root, &job, a) != ENGINE_DONE)
		return;
	for (int i = 0; i < job.count; i++)
		check_text(out[i]);
	if (strlen(job.detected) >= sizeof(job.detected))
		abort();
}

static void
read_languages(const struct engine_kind *kind, struct json_object *root)
{
	static struct languages l;

	memset(&l, 0, sizeof(l));
	if (!kind->read_languages)
		return;
	kind->read_languages(root, &l);
	languages_close(&l);
	if (l.count < 0 || l.count > LANGUAGES_MAX)
		abort();
	for (int i = 0; i < l.count; i++)
		if (!languages_is_code(l.codes[i]))
			abort();
}

static void
read_reason(const char *words)
{
	char out[256];

	reason_clean(words, "ann@example.org", out, sizeof(out));
	check_text(out);
	if (strchr(out, '\n') || strstr(out, "ann@example.org"))
		abort();
	reason_code(words);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct engine_kind *const kinds[] = { &engine_libretranslate, &engine_apertium,
		&engine_deepl, &engine_openai };
	struct json_object *root = NULL;
	struct arena a;
	char *text;

	if (size < 1 || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	arena_init(&a, 1 << 20);
	if (data[0] % 10 == 9) {
		read_reason(text);
	} else if (data[0] % 10 == 8) {
		if (text_is_utf8(text, strlen(text)) && transcribe_clean(text, &a))
			check_text(text);
	} else {
		json_read(text, strlen(text), &root);
		if (data[0] % 2)
			read_texts(kinds[data[0] / 2 % 4], root, &a);
		else
			read_languages(kinds[data[0] / 2 % 4], root);
		json_object_put(root);
	}
	arena_free(&a);
	free(text);
	return 0;
}
