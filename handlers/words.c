/* The catalogue of what the relay itself says, and filling in its placeholders. A value is only
 * ever copied: nothing in it is a placeholder, or a format. */
#include "words.h"

#include "cleanup.h"
#include "text.h"

#include <string.h>
#include <strings.h>

#define TEXT_BYTES 4096
#define VALUE_BYTES 512
#define FIRST_STRONG_ISOLATE "\u2068" /* Unicode Bidirectional Algorithm, 2.4.1 */
#define POP_DIRECTIONAL_ISOLATE "\u2069"

static const char *const languages[] = { "en", "es", "de", "fr", "he", "ar" };

static const char *const catalogue[WORD__MAX][ARRAY_LEN(languages)] = {
#define WORDS(key, ...) [WORD_##key] = { __VA_ARGS__ },
#include "words.def"
#undef WORDS
};

/* 0, English, where there is no other. */
static size_t
find_language(const char *language)
{
	size_t len = language ? strcspn(language, "-_") : 0;

	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (strlen(languages[i]) == len && strncasecmp(languages[i], language, len) == 0)
			return i;
	return 0;
}

static const char *
value_of(const struct words_value *values, const char *name, size_t len)
{
	for (; values->name; values++)
		if (strlen(values->name) == len && strncmp(values->name, name, len) == 0)
			return values->value ? values->value : "";
	return "";
}

/* Without what would end the isolation. */
static void
put_isolated(struct text *t, const char *value)
{
	char kept[VALUE_BYTES];

	text_clean_name(value, kept, sizeof(kept));
	text_printf(t, FIRST_STRONG_ISOLATE "%s" POP_DIRECTIONAL_ISOLATE, kept);
}

static const char *
fill(struct arena *a, const char *text, const struct words_value *values, bool isolate)
{
	char *out = arena_alloc(a, TEXT_BYTES);
	struct text t;

	if (!out)
		return NULL;
	text_init(&t, out, TEXT_BYTES);
	while (*text) {
		size_t n = strcspn(text, "{"), len;
		const char *value;

		text_printf(&t, "%.*s", (int)n, text);
		text += n;
		if (!*text)
			break;
		len = strcspn(++text, "}");
		value = value_of(values, text, len);
		if (isolate)
			put_isolated(&t, value);
		else
			text_printf(&t, "%s", value);
		text += len + (text[len] == '}');
	}
	return text_ok(&t) ? out : NULL;
}

static const char *
text_of(enum word which, size_t language)
{
	const char *text = catalogue[which][language];

	return text && text[0] ? text : catalogue[which][0];
}

const char *
words_say(struct arena *a, enum word which, const char *language, const struct words_value *values)
{
	return fill(a, text_of(which, find_language(language)), values, false);
}

const char *
words_format(
    struct arena *a, enum word which, const char *language, const struct words_value *values)
{
	size_t i = find_language(language);

	return fill(a, text_of(which, i), values, i > 0);
}

struct words
words_mail(struct arena *a, enum words_mail which, const char *language, const char *relay_name,
    const char *code)
{
	static const enum word mails[WORDS_MAIL__MAX][2] = { [WORDS_CODE] = { WORD_CODE_SUBJECT,
								 WORD_CODE_BODY },
		[WORDS_STRANGER] = { WORD_STRANGER_SUBJECT, WORD_STRANGER_BODY } };
	const struct words_value values[] = { { "name", relay_name }, { "code", code }, { 0 } };

	return (struct words){ words_say(a, mails[which][0], language, values),
		words_say(a, mails[which][1], language, values) };
}
