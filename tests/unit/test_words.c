/* The catalogue of the relay's own mails: all of it, in every language. */
#include "scratch.h"

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

static const char *const languages[] = { "en", "es", "de", "fr", "he", "ar" };

TEST(each_language_names_the_relay_and_the_code_and_leaves_no_place_open)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
		for (int which = 0; which < WORDS__MAX; which++) {
			struct words w = words_mail(
			    &a, (enum words_mail)which, languages[i], "The {x} Relay", "123456");

			assert_non_null(strstr(w.subject, "The {x} Relay"));
			assert_non_null(strstr(w.body, "The {x} Relay"));
			assert_true((which == WORDS_CODE) == (strstr(w.body, "123456") != NULL));
			assert_null(strstr(w.body, "{name}"));
			assert_null(strstr(w.body, "{code}"));
		}
}

TEST(languages_differ)
{
	for (size_t i = 1; i < sizeof(languages) / sizeof(languages[0]); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(
			    words_mail(&a, WORDS_CODE, languages[i], "R", "1").body,
			    words_mail(&a, WORDS_CODE, languages[k], "R", "1").body);
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
	    each_language_names_the_relay_and_the_code_and_leaves_no_place_open, set_up, tear_down),
	cmocka_unit_test_setup_teardown(languages_differ, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    language_is_found_by_the_first_part_of_its_tag_whatever_its_case, set_up, tear_down),
};

int
main(void)
{
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
