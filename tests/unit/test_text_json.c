/* Strict JSON text, well-formed UTF-8, and folding for search. Every input is checked in memory of
 * exactly its size, so that the sanitizer sees a read past its end. */
#include "scratch.h"

#include "text.h"

#include <locale.h>

typedef bool check(const char *s, size_t len);

static bool
exact(check *of, const char *s, size_t len)
{
	char *copy = malloc(len ? len : 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, s, len);
	ok = of(copy, len);
	free(copy);
	return ok;
}

static void
all(check *of, bool want, const char *const *list)
{
	for (; *list; list++)
		if (exact(of, *list, strlen(*list)) != want)
			fail_msg("<%s> should be %s", *list, want ? "accepted" : "refused");
}

#define ACCEPTED(...) all(text_json_strict, true, (const char *const[]){ __VA_ARGS__, NULL })
#define REFUSED(...) all(text_json_strict, false, (const char *const[]){ __VA_ARGS__, NULL })
#define WELL_FORMED(...) all(text_is_utf8, true, (const char *const[]){ __VA_ARGS__, NULL })
#define ILL_FORMED(...) all(text_is_utf8, false, (const char *const[]){ __VA_ARGS__, NULL })

TEST(json_of_every_kind_is_accepted)
{
	ACCEPTED("{}", "[]", "\"\"", "0", "true", "false", "null",
	    " {\"a\" : [1, -2.5, 3e4, true, false, null, \"x\"]}\r\n\t");
}

TEST(json_raw_nul_is_refused)
{
	assert_false(exact(text_json_strict, "{}\0", 3));
	assert_false(exact(text_json_strict, "\"a\0b\"", 5));
	assert_false(exact(text_json_strict, "\0", 1));
}

TEST(json_escaped_nul_is_refused)
{
	REFUSED("\"\\u0000\"", "\"a\\u0000b\"", "{\"\\u0000\":1}", "\"\\n\\u0000\"");
}

TEST(json_escaped_control_other_than_nul_is_accepted)
{
	ACCEPTED("\"\\u0001\"", "\"\\u001f\"", "\"\\u0010\"", "\"\\u000a\"");
}

TEST(json_escaped_backslash_before_u_is_no_escape)
{
	ACCEPTED("\"\\\\u0000\"", "\"\\\\ud800\"", "\"\\\\\\\\u0000\"", "\"\\\\u\"");
	REFUSED("\"\\\\\\u0000\"", "\"\\\\\\ud800\"");
}

TEST(json_lone_high_surrogate_is_refused)
{
	REFUSED("\"\\ud800\"", "\"\\udbff\"", "\"\\uD800x\"", "\"\\ud800 \\udc00\"",
	    "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\ud83d\\\\ude00\"",
	    "\"\\ud800\\ud800\\udc00\"", "[\"\\udbff\"]", "\"\\ud800\\ue000\"");
}

TEST(json_lone_low_surrogate_is_refused)
{
	REFUSED("\"\\udc00\"", "\"\\uDFFF\"", "\"x\\udc00\"", "\"\\udc00\\ud800\"",
	    "\"\\ud83d\\ude00\\ude00\"");
}

TEST(json_surrogate_pair_is_accepted)
{
	ACCEPTED("\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", "\"\\ud800\\udc00\"",
	    "\"\\udbff\\udfff\"", "\"\\ud83d\\ude00\\ud83d\\ude00x\"");
}

TEST(json_neighbours_of_surrogates_are_accepted)
{
	ACCEPTED("\"\\ud7ff\"", "\"\\ue000\"", "\"\\uffff\"");
}

TEST(json_control_character_inside_a_string_is_refused)
{
	for (char c = 1; c < 0x20; c++) {
		const char in[] = { '"', 'a', c, '"' };

		if (exact(text_json_strict, in, sizeof(in)))
			fail_msg("byte %d inside a string", c);
	}
	ACCEPTED("\"\x7f\"", "\"\xc2\x85\"");
}

TEST(json_control_character_between_tokens_is_refused_but_for_white_space)
{
	for (char c = 1; c < 0x20; c++) {
		const char in[] = { '[', c, ']' };

		if (exact(text_json_strict, in, sizeof(in)) != (strchr("\t\r\n", c) != NULL))
			fail_msg("byte %d outside of strings", c);
	}
}

TEST(json_single_quotes_are_refused_around_but_not_inside)
{
	REFUSED("'a'", "{'a':1}", "[\"a\",'b']", "''");
	ACCEPTED("\"it's\"", "\"'\"");
}

TEST(json_nan_and_infinity_are_refused)
{
	REFUSED("NaN", "[NaN]", "nan", "Infinity", "-Infinity", "[1,-Infinity]", "inf",
	    "{\"a\":NaN}", "+Infinity");
	ACCEPTED("\"NaN\"", "\"Infinity\"");
}

TEST(json_number_without_digits_around_its_point_is_refused)
{
	REFUSED("1.", ".5", "-.5", "[1.,2]", "[.5]", "1.e5", "1..2", "{\"a\":1.}", ".", "-.",
	    "1.-5", "e.5");
}

TEST(json_number_without_any_digit_at_its_end_is_refused)
{
	REFUSED("-", "+", "e", "E", "1e", "1e+", "1e-", "[-]", "1-", "--");
}

TEST(json_number_with_leading_zeros_is_refused)
{
	REFUSED("01", "-01", "[00]", "{\"limit\":007}", "01.5", "00e1");
}

TEST(json_number_is_accepted)
{
	ACCEPTED("0", "-0", "10", "1.5", "-1.5", "0.5", "1e5", "1E+5", "1.5e-3", "100.001",
	    "123456789012345678901234567890");
}

TEST(json_word_in_another_case_or_cut_is_refused)
{
	REFUSED("True", "NULL", "fALSE", "nul", "tru", "t", "undefined", "[truE]");
}

TEST(json_comment_is_refused)
{
	REFUSED("/* */{}", "{}//", "[1/**/]", "# a");
}

TEST(json_escape_cut_at_the_end_is_refused)
{
	REFUSED("\"\\", "\"\\u", "\"\\u1", "\"\\u12", "\"\\u123", "\"\\u1234", "\"\\ud83d",
	    "\"\\ud83d\\", "\"\\ud83d\\u", "\"\\ud83d\\ude0", "\"\\ud83d\\ude00", "\"\\\"");
}

TEST(json_string_without_its_end_is_refused)
{
	REFUSED("\"", "\"abc", "{\"a", "[\"a\",\"");
}

TEST(json_ill_formed_utf8_is_refused)
{
	REFUSED("\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "\xef\xbb");
	ACCEPTED("\"\xc3\xa4\xf0\x9f\x98\x80\"");
}

TEST(utf8_of_one_to_four_bytes_is_well_formed)
{
	WELL_FORMED("", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
	    "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa4z");
	assert_true(exact(text_is_utf8, "a\0b", 3));
}

TEST(utf8_overlong_form_is_ill_formed)
{
	ILL_FORMED("\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
	    "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf");
}

TEST(utf8_surrogate_is_ill_formed)
{
	ILL_FORMED("\xed\xa0\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbf\xbf",
	    "\xed\xa0\xbd\xed\xb8\x80");
}

TEST(utf8_beyond_10ffff_is_ill_formed)
{
	ILL_FORMED("\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff");
}

TEST(utf8_cut_at_the_end_is_ill_formed)
{
	ILL_FORMED("\xc3", "a\xc3", "\xe2\x82", "\xe2", "\xf0\x9f\x98", "\xf0\x9f", "\xf0", "\xe0",
	    "\xed", "\xf4");
}

TEST(utf8_with_a_missing_or_lone_following_byte_is_ill_formed)
{
	ILL_FORMED("\x80", "\xbf", "\xc3z", "\xe2\x82z", "\xe2z\x82", "\xf0\x9f\x98z",
	    "\xc3\xa4\xa4", "\xc3\xc3\xa4", "\xc3\xc3", "\xe2\x82\xc3", "\xe2\xff\x82",
	    "\xf0\x9f\x98\xff");
}

/* The folded form in a buffer of `size` bytes, to be freed. */
static char *
folded(const char *s, size_t size)
{
	char *out = malloc(size);

	assert_non_null(out);
	text_fold(s, out, size);
	return out;
}

static void
folds(const char *s, size_t size, const char *want)
{
	char *got = folded(s, size);

	assert_string_equal(got, want);
	free(got);
}

TEST(fold_lowers_ascii_and_unicode)
{
	folds("", 10, "");
	folds("ANN Bo", 10, "ann bo");
	folds("\xc3\x84\xc3\x96\xc3\x9c", 10, "\xc3\xa4\xc3\xb6\xc3\xbc");
	folds("\xce\x91\xd0\x96", 10, "\xce\xb1\xd0\xb6");
	folds("\xe6\xbc\xa2\xf0\x9f\x98\x80", 10, "\xe6\xbc\xa2\xf0\x9f\x98\x80");
}

TEST(fold_cuts_at_a_character)
{
	folds("\xc3\x84\xc3\x96", 5, "\xc3\xa4\xc3\xb6");
	folds("\xc3\x84\xc3\x96", 4, "\xc3\xa4");
	folds("\xc3\x84\xc3\x96", 3, "\xc3\xa4");
	folds("\xc3\x84\xc3\x96", 2, "");
	folds("ABC", 3, "ab");
	folds("A\xf0\x9f\x98\x80", 5, "a");
	folds("A", 1, "");
}

TEST(fold_ends_before_an_ill_formed_byte)
{
	folds("AB\xffz", 10, "ab");
	folds("AB\xc3", 10, "ab");
}

static int
set_locale(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(json_of_every_kind_is_accepted),
	cmocka_unit_test(json_raw_nul_is_refused),
	cmocka_unit_test(json_escaped_nul_is_refused),
	cmocka_unit_test(json_escaped_control_other_than_nul_is_accepted),
	cmocka_unit_test(json_escaped_backslash_before_u_is_no_escape),
	cmocka_unit_test(json_lone_high_surrogate_is_refused),
	cmocka_unit_test(json_lone_low_surrogate_is_refused),
	cmocka_unit_test(json_surrogate_pair_is_accepted),
	cmocka_unit_test(json_neighbours_of_surrogates_are_accepted),
	cmocka_unit_test(json_control_character_inside_a_string_is_refused),
	cmocka_unit_test(json_control_character_between_tokens_is_refused_but_for_white_space),
	cmocka_unit_test(json_single_quotes_are_refused_around_but_not_inside),
	cmocka_unit_test(json_nan_and_infinity_are_refused),
	cmocka_unit_test(json_number_without_digits_around_its_point_is_refused),
	cmocka_unit_test(json_number_without_any_digit_at_its_end_is_refused),
	cmocka_unit_test(json_number_with_leading_zeros_is_refused),
	cmocka_unit_test(json_number_is_accepted),
	cmocka_unit_test(json_word_in_another_case_or_cut_is_refused),
	cmocka_unit_test(json_comment_is_refused),
	cmocka_unit_test(json_escape_cut_at_the_end_is_refused),
	cmocka_unit_test(json_string_without_its_end_is_refused),
	cmocka_unit_test(json_ill_formed_utf8_is_refused),
	cmocka_unit_test(utf8_of_one_to_four_bytes_is_well_formed),
	cmocka_unit_test(utf8_overlong_form_is_ill_formed),
	cmocka_unit_test(utf8_surrogate_is_ill_formed),
	cmocka_unit_test(utf8_beyond_10ffff_is_ill_formed),
	cmocka_unit_test(utf8_cut_at_the_end_is_ill_formed),
	cmocka_unit_test(utf8_with_a_missing_or_lone_following_byte_is_ill_formed),
	cmocka_unit_test(fold_lowers_ascii_and_unicode),
	cmocka_unit_test(fold_cuts_at_a_character),
	cmocka_unit_test(fold_ends_before_an_ill_formed_byte),
};

int
main(void)
{
	return cmocka_run_group_tests_name("text_json", tests, set_locale, NULL);
}
