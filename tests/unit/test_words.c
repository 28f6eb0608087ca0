/* The catalogue of what the relay itself says: all of it, in every language. */
#include "scratch.h"

#include "cleanup.h"
#include "words.h"

static struct arena a;

static int
set_up(void **state)
{
	(void)state;
	arena_init(&a, (size_t)1 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static const char *const names[WORD__MAX] = {
#define WORDS(key, ...) #key,
#include "words.def"
#undef WORDS
};

static const char *const languages[] = { "en", "es", "de", "fr", "he", "ar" };
static const char *const catalogue[WORD__MAX][ARRAY_LEN(languages)] = {
#define WORDS(key, ...) [WORD_##key] = { __VA_ARGS__ },
#include "words.def"
#undef WORDS
};

/* The placeholders of a text, each once and in the order of the alphabet. */
static void
placeholders_of(const char *text, char out[static 64])
{
	static const char *const placeholders[] = { "{code}", "{email}", "{group}", "{name}" };
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(placeholders); i++)
		if (strstr(text, placeholders[i]))
			len += (size_t)snprintf(out + len, 64 - len, "%s", placeholders[i]);
}

TEST(every_text_is_there_in_every_language_with_the_same_placeholders)
{
	for (int word = 0; word < WORD__MAX; word++)
		for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
			const char *text = catalogue[word][i];
			char want[64], got[64];

			if (!text || !text[0])
				fail_msg("%s is missing in %s", names[word], languages[i]);
			placeholders_of(catalogue[word][0], want);
			placeholders_of(text, got);
			if (strcmp(want, got) != 0)
				fail_msg(
				    "%s in %s has the places %s", names[word], languages[i], got);
		}
}

TEST(no_placeholder_is_left_open)
{
	static const struct words_value values[] = { { "name", "N" }, { "code", "C" },
		{ "group", "G" }, { "email", "E" }, { 0 } };

	for (int word = 0; word < WORD__MAX; word++)
		for (size_t i = 0; i < ARRAY_LEN(languages); i++)
			assert_null(
			    strpbrk(words_format(&a, (enum word)word, languages[i], values), "{}"));
}

TEST(each_language_names_the_relay_and_the_code_in_its_mails)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		for (int which = 0; which < WORDS_MAIL__MAX; which++) {
			struct words w = words_mail(
			    &a, (enum words_mail)which, languages[i], "The {x} Relay", "123456");

			assert_non_null(strstr(w.subject, "The {x} Relay"));
			assert_non_null(strstr(w.body, "The {x} Relay"));
			assert_true((which == WORDS_CODE) == (strstr(w.body, "123456") != NULL));
			assert_null(strstr(w.body, "{name}"));
			assert_null(strstr(w.body, "{code}"));
		}
}

/* "Refuser" says two things. */
TEST(languages_differ)
{
	static const struct words_value none[] = { { 0 } };

	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		assert_string_equal(
		    words_say(&a, WORD_ACCEPT, languages[i], none), catalogue[WORD_ACCEPT][i]);
	for (int word = 0; word <= WORD_ACCESS_NAMED; word++)
		for (size_t i = 1; i < ARRAY_LEN(languages); i++)
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(catalogue[word][i], catalogue[word][k]);
}

TEST(language_is_found_by_the_first_part_of_its_tag_whatever_its_case)
{
	const char *german = words_mail(&a, WORDS_CODE, "de", "R", "1").subject;
	const char *english = words_mail(&a, WORDS_CODE, "en", "R", "1").subject;

	assert_string_equal(words_mail(&a, WORDS_CODE, "DE-at", "R", "1").subject, german);
	assert_string_equal(words_mail(&a, WORDS_CODE, "de_DE", "R", "1").subject, german);
	for (const char *const *other = (const char *const[]){ "", "d", "deu", "xx", "-de", NULL };
	     *other; other++)
		assert_string_equal(words_mail(&a, WORDS_CODE, *other, "R", "1").subject, english);
	assert_string_equal(words_mail(&a, WORDS_CODE, NULL, "R", "1").subject, english);
}

static const char *
joined(const char *language, const char *name)
{
	return words_format(
	    &a, WORD_JOINED, language, (const struct words_value[]){ { "name", name }, { 0 } });
}

TEST(name_is_a_name_whatever_is_in_it)
{
	static const char *const odd[] = { "%s%n%5$x", "{name}", "{email}{", "}", "\\n", "\"" };

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		assert_string_equal(joined("en", odd[i]), arena_printf(&a, "%s joined.", odd[i]));
		assert_string_equal(joined("de", odd[i]),
		    arena_printf(&a, "\u2068%s\u2069 ist beigetreten.", odd[i]));
	}
}

TEST(name_turns_nothing_but_itself)
{
	assert_string_equal(
	    joined("de", "\u202eevil\u2069\u202c \u2066x"), "\u2068evil x\u2069 ist beigetreten.");
	assert_string_equal(joined("he", "Ann"), "\u2068Ann\u2069 בקבוצה מעכשיו.");
	assert_string_equal(joined("en", "Ann"), "Ann joined.");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(every_text_is_there_in_every_language_with_the_same_placeholders),
	EACH(no_placeholder_is_left_open),
	EACH(each_language_names_the_relay_and_the_code_in_its_mails),
	EACH(languages_differ),
	EACH(language_is_found_by_the_first_part_of_its_tag_whatever_its_case),
	EACH(name_is_a_name_whatever_is_in_it),
	EACH(name_turns_nothing_but_itself),
};

int
main(void)
{
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
