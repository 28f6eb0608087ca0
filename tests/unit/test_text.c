/* The checks on strings from outside that are neither JSON nor UTF-8, and the bounded builder. */
#include "scratch.h"

#include "text.h"

#define TEN "aaaaaaaaaa"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void
each(bool (*check)(const char *s), bool want, const char *const *list)
{
	for (; *list; list++)
		if (check(*list) != want)
			fail_msg("'%s' should be %s", *list, want ? "allowed" : "refused");
}

static void
addresses(bool want, const char *const *list)
{
	each(text_is_chat_address, want, list);
}

TEST(chat_address_of_2_characters_is_refused_of_3_allowed)
{
	addresses(false, (const char *const[]){ "", "a", "ab", NULL });
	addresses(true, (const char *const[]){ "abc", "a.b", "0--", "9__", "a..", NULL });
}

TEST(chat_address_of_64_characters_is_allowed_of_65_refused)
{
	addresses(true, (const char *const[]){ SIXTY "aaa", SIXTY "aaaa", NULL });
	addresses(false, (const char *const[]){ SIXTY "aaaaa", SIXTY SIXTY, NULL });
}

TEST(chat_address_starts_with_a_letter_or_digit)
{
	addresses(false, (const char *const[]){ ".ab", "_ab", "-ab", NULL });
	addresses(true, (const char *const[]){ "abz", "zab", "0ab", "9ab", NULL });
}

TEST(chat_address_in_capitals_is_refused)
{
	addresses(false, (const char *const[]){ "Abc", "aBc", "abC", NULL });
}

TEST(chat_address_with_another_character_is_refused)
{
	addresses(false,
	    (const char *const[]){ "ab c", "abc\n", "\nabc", "ab\tc", "ab@c", "ab/c", "ab*c",
		"ab\xc3\xa4", "\xd0\xb0\xd0\xb1\xd0\xb2", "abc\x7f", "ab`", "ab{", NULL });
}

TEST(language_has_two_or_three_letters_and_subtags_of_up_to_eight)
{
	each(text_is_language, true,
	    (const char *const[]){
		"en", "spa", "pt-BR", "zh-Hans-CN", "sl-rozaj-biske", "de-1996", "ES", NULL });
	each(text_is_language, false,
	    (const char *const[]){ "", "e", "english", "en-", "-en", "en--US", "en_US", "e1", "12",
		"en US", "en-abcdefghi", "d\xc3\xa9", NULL });
}

TEST(grapheme_is_one_of_up_to_64_bytes_that_shows)
{
	each(text_is_grapheme, true,
	    (const char *const[]){ "a", "\U0001f44d", "\u2764\ufe0f", "e\u0301",
		"\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", NULL });
	each(text_is_grapheme, false,
	    (const char *const[]){ "", " ", "\n", "ab", "\u202e", "\u200b", "\U0001f44d\U0001f44d",
		"a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
		"\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
		"\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
		NULL });
}

TEST(base64_is_decoded_into_no_more_than_there_is_room_for)
{
	uint8_t out[4];
	size_t len = 0;

	assert_true(text_from_base64("YWJj", out, sizeof(out), &len));
	assert_int_equal(len, 3);
	assert_memory_equal(out, "abc", 3);
	assert_true(text_from_base64("YWJjZA==", out, sizeof(out), &len));
	assert_int_equal(len, 4);
	assert_false(text_from_base64("YWJjZGU=", out, sizeof(out), &len));
	assert_false(text_from_base64("YWJjZA", out, sizeof(out), &len));
	assert_false(text_from_base64("YW\nJj", out, sizeof(out), &len));
	assert_false(text_from_base64("-_-_", out, sizeof(out), &len));
}

TEST(lower_ascii_changes_a_to_z_only)
{
	char s[] = "AZaz@[`{09\xc3\x84";

	text_lower_ascii(s);
	assert_string_equal(s, "azaz@[`{09\xc3\x84");
}

TEST(trim_takes_blanks_off_both_ends_only)
{
	char a[] = " \t\r\n a b \n", b[] = "", c[] = " \t ", d[] = "x";

	text_trim(a), text_trim(b), text_trim(c), text_trim(d);
	assert_string_equal(a, "a b");
	assert_string_equal(b, "");
	assert_string_equal(c, "");
	assert_string_equal(d, "x");
}

static bool
collect(const char *item, void *arg)
{
	text_printf(arg, "[%s]", item);
	return strcmp(item, "stop") != 0;
}

/* The items of a list, each in brackets. */
static const char *
items(const char *list, bool want)
{
	static char out[256];
	struct text t;

	text_init(&t, out, sizeof(out));
	assert_int_equal(text_list_each(list, collect, &t), want);
	return out;
}

TEST(list_each_trims_items_and_leaves_empty_ones_out)
{
	assert_string_equal(items("", true), "");
	assert_string_equal(items(" , ,, ", true), "");
	assert_string_equal(items("a", true), "[a]");
	assert_string_equal(items(" a , b c,\td\r\n,", true), "[a][b c][d]");
}

TEST(list_each_stops_when_the_callback_says_so)
{
	assert_string_equal(items("a,stop,b", false), "[a][stop]");
}

TEST(list_has_compares_whole_items_without_case)
{
	assert_true(text_list_has("a@b.c, D@E.F", "d@e.f"));
	assert_true(text_list_has("a@b.c", "A@B.C"));
	assert_false(text_list_has("a@b.c", "a@b"));
	assert_false(text_list_has("a@b", "a@b.c"));
	assert_false(text_list_has("", "a"));
	assert_false(text_list_has("a,b", "a,b"));
	assert_false(text_list_has(" , ", ""));
}

TEST(list_has_finds_nothing_in_an_over_long_item)
{
	char *list = malloc(5001);

	assert_non_null(list);
	memset(list, 'x', 5000);
	list[5000] = '\0';
	if (text_list_has(list, "mallory@example.org")) {
		free(list);
		fail_msg("an item longer than the scratch counts as a hit for everybody");
	}
	free(list);
}

TEST(builder_starts_empty_and_appends)
{
	char room[16];
	struct text t;

	text_init(&t, room, sizeof(room));
	assert_string_equal(room, "");
	text_printf(&t, "%s-%d", "a", 7);
	text_printf(&t, "%s", "z");
	assert_true(text_ok(&t));
	assert_string_equal(room, "a-7z");
	assert_int_equal(t.len, 4);
}

TEST(builder_takes_what_fits_exactly)
{
	char room[5];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_printf(&t, "%s", "abcd");
	assert_true(text_ok(&t));
	text_printf(&t, "%s", "");
	assert_true(text_ok(&t));
	assert_string_equal(room, "abcd");
}

TEST(builder_appends_nothing_of_what_does_not_fit)
{
	char room[5];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_printf(&t, "%s", "ab");
	text_printf(&t, "%s", "cde");
	assert_false(text_ok(&t));
	assert_string_equal(room, "ab");
	assert_int_equal(t.len, 2);
}

TEST(builder_stays_failed_after_a_failure)
{
	char room[5];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_printf(&t, "%s", "abcdef");
	text_printf(&t, "%s", "a");
	assert_false(text_ok(&t));
	assert_string_equal(room, "");
}

TEST(builder_of_one_byte_holds_nothing)
{
	char room[2] = { 'x', 'y' };
	struct text t;

	text_init(&t, room, 1);
	text_printf(&t, "%s", "a");
	assert_false(text_ok(&t));
	assert_int_equal(room[0], '\0');
	assert_int_equal(room[1], 'y');
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(chat_address_of_2_characters_is_refused_of_3_allowed),
	cmocka_unit_test(chat_address_of_64_characters_is_allowed_of_65_refused),
	cmocka_unit_test(chat_address_starts_with_a_letter_or_digit),
	cmocka_unit_test(chat_address_in_capitals_is_refused),
	cmocka_unit_test(chat_address_with_another_character_is_refused),
	cmocka_unit_test(language_has_two_or_three_letters_and_subtags_of_up_to_eight),
	cmocka_unit_test(grapheme_is_one_of_up_to_64_bytes_that_shows),
	cmocka_unit_test(base64_is_decoded_into_no_more_than_there_is_room_for),
	cmocka_unit_test(lower_ascii_changes_a_to_z_only),
	cmocka_unit_test(trim_takes_blanks_off_both_ends_only),
	cmocka_unit_test(list_each_trims_items_and_leaves_empty_ones_out),
	cmocka_unit_test(list_each_stops_when_the_callback_says_so),
	cmocka_unit_test(list_has_compares_whole_items_without_case),
	cmocka_unit_test(list_has_finds_nothing_in_an_over_long_item),
	cmocka_unit_test(builder_starts_empty_and_appends),
	cmocka_unit_test(builder_takes_what_fits_exactly),
	cmocka_unit_test(builder_appends_nothing_of_what_does_not_fit),
	cmocka_unit_test(builder_stays_failed_after_a_failure),
	cmocka_unit_test(builder_of_one_byte_holds_nothing),
};

int
main(void)
{
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
