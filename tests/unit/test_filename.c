/* Names and media types of files as strangers give them. */
#include "scratch.h"

#include "filename.h"
#include "text.h"

static char out[FILENAME_BYTES];

static void
cleans_bytes(const char *name, size_t len, const char *want)
{
	memset(out, 'z', sizeof(out));
	filename_clean(name, len, out);
	assert_string_equal(out, want);
}

static void
cleans(const char *name, const char *want)
{
	cleans_bytes(name, strlen(name), want);
}

TEST(plain_names_stay)
{
	cleans("a.txt", "a.txt");
	cleans("Gr\xc3\xbc\xc3\x9f"
	       "e \xf0\x9f\x8e\x89.png",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e \xf0\x9f\x8e\x89.png");
	cleans(".profile", ".profile");
	cleans("a b", "a b");
	cleans("a\"b;c%d", "a\"b;c%d");
}

TEST(only_the_last_part_of_a_path_counts)
{
	cleans("../../etc/passwd", "passwd");
	cleans("C:\\Users\\me\\x.doc", "x.doc");
	cleans("a/b\\c/d", "d");
	cleans("/", "file");
	cleans("a/", "file");
	cleans("a/..", "file");
	cleans("\\\\server\\share\\", "file");
}

TEST(nothing_left_is_a_file)
{
	cleans("", "file");
	cleans(".", "file");
	cleans("..", "file");
	cleans(" . . ", "file");
	cleans("\x01\x02", "file");
	cleans_bytes("\0\0", 2, "file");
}

TEST(blanks_and_dots_at_the_ends_go)
{
	cleans("  a  ", "a");
	cleans("a...", "a");
	cleans("a. .", "a");
	cleans("  .a", ".a");
}

TEST(controls_and_marks_of_direction_go)
{
	cleans("a\r\nX-Bad: 1", "aX-Bad: 1");
	cleans_bytes("a\0b", 3, "ab");
	cleans("a\x7f\xc2\x80\xc2\x9f"
	       "b",
	    "ab");
	cleans("\xe2\x80\xaegpj.exe", "gpj.exe"); /* U+202E */
	cleans("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xa8\xe2\x80\xa9x", "x");
	cleans("\xe2\x81\xa6\xe2\x81\xa9\xef\xbb\xbfx", "x");
	/* their neighbours stay */
	cleans("\xe2\x80\x8d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xc2\xa0!",
	    "\xe2\x80\x8d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xc2\xa0!");
}

TEST(bytes_that_are_no_utf8_become_lines)
{
	cleans("Gr\xfc.txt", "Gr_.txt");
	cleans("\xff\xfe", "__");
	cleans("\xc3", "_"); /* cut */
	cleans("\xe2\x82", "__");
	cleans("\xf0\x9f\x8e", "___");
	cleans("\xc0\xaf", "__"); /* overlong */
	cleans("\xed\xa0\x80", "___"); /* a surrogate */
	cleans("\xf4\x90\x80\x80", "____"); /* above U+10FFFF */
	cleans("\xc3(", "_(");
}

/* `n` times the text. */
static char *
times(const char *what, size_t n, const char *end)
{
	size_t len = strlen(what);
	char *s = calloc(1, n * len + strlen(end) + 1);

	assert_non_null(s);
	for (size_t i = 0; i < n; i++)
		memcpy(s + i * len, what, len);
	memcpy(s + n * len, end, strlen(end) + 1);
	return s;
}

/* A name of that kind comes out in `bytes` bytes, with that end, as well-formed text. */
static void
cuts(const char *what, size_t n, const char *end, size_t bytes)
{
	char *name = times(what, n, end);

	filename_clean(name, strlen(name), out);
	assert_int_equal(strlen(out), bytes);
	assert_true(text_is_utf8(out, strlen(out)));
	if (strlen(end) <= 16)
		assert_string_equal(out + strlen(out) - strlen(end), end);
	free(name);
}

TEST(long_names_are_cut_and_keep_a_short_extension)
{
	cuts("n", 255, "", 255);
	cuts("n", 256, "", 255);
	cuts("n", 300, ".tar", 255);
	cuts("n", 300, ".fifteen-letters", 255);
	cuts("n", 300, ".sixteen--letters", 255);
	cuts("n", 100000, ".txt", 255);
	cuts("\xc3\xbc", 127, "", 254);
	cuts("\xc3\xbc", 200, "", 254);
	cuts("\xc3\xbc", 200, ".txt", 254);
	cuts("\xf0\x9f\x8e\x89", 100, ".t", 254);
	cuts("\xf0\x9f\x8e\x89", 100, ".png", 252);
	cuts("\xff", 5000, ".png", 255);
}

TEST(cut_name_ends_in_no_dot_and_no_blank)
{
	char *name = times("n", 254, " more of it that is cut off"), *want = times("n", 254, "");

	cleans(name, want);
	name[254] = '.';
	cleans(name, want);
	free(name);
	free(want);
}

TEST(media_types_lose_parameters_and_capitals)
{
	static const char *const cases[][2] = {
		{ "image/png", "image/png" },
		{ "IMAGE/PNG; q=1", "image/png" },
		{ " \ttext/plain ;charset=utf-8", "text/plain" },
		{ "application/vnd.a+json", "application/vnd.a+json" },
		{ "a/b\t", "a/b" },
		{ "", NULL },
		{ "text", NULL },
		{ "text/", NULL },
		{ "/plain", NULL },
		{ "text/pl ain", "text/pl" },
		{ "text/pl\"ain", NULL },
		{ "text/plain\r\nX: 1", NULL },
		{ "text/plain,a/b", NULL },
		{ "te xt/plain", NULL },
		{ "t\xc3\xa9/x", NULL },
	};
	char type[MEDIA_TYPE_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		media_type_clean(cases[i][0], type);
		assert_string_equal(type, cases[i][1] ? cases[i][1] : "application/octet-stream");
	}
}

TEST(media_type_fits_to_the_byte)
{
	char *longest = times("x", MEDIA_TYPE_BYTES - 3, ""), *given;
	char type[MEDIA_TYPE_BYTES];

	given = times("a/", 1, longest);
	media_type_clean(given, type);
	assert_string_equal(type, given);
	free(given);
	given = times("aa/", 1, longest);
	media_type_clean(given, type);
	assert_string_equal(type, "application/octet-stream");
	free(given);
	free(longest);
}

TEST(only_what_runs_nothing_is_inert)
{
	assert_true(media_type_is_inert("image/png"));
	assert_true(media_type_is_inert("video/webm"));
	assert_false(media_type_is_inert("image/svg+xml"));
	assert_false(media_type_is_inert("text/html"));
	assert_false(media_type_is_inert("application/pdf"));
	assert_false(media_type_is_inert("image/"));
	assert_false(media_type_is_inert(""));
}

static void
disposes(const char *name, bool inline_, const char *want)
{
	char header[DISPOSITION_BYTES];

	filename_disposition(name, inline_, header);
	assert_string_equal(header, want);
}

TEST(disposition_has_the_name_in_both_forms_where_they_differ)
{
	disposes("a b.txt", false, "attachment; filename=\"a b.txt\"");
	disposes("a.png", true, "inline; filename=\"a.png\"");
	disposes("a\"b", false, "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b");
	disposes("a\\b%c", false, "attachment; filename=\"a_b_c\"; filename*=UTF-8''a%5Cb%25c");
	disposes("\xe2\x82\xac rates", false,
	    "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates");
}

TEST(longest_disposition_fits)
{
	char header[DISPOSITION_BYTES], *name = times("\xf0\x9f\x8e\x89", 63, "\xc3\xbc\"");

	assert_int_equal(strlen(name), 255);
	filename_disposition(name, false, header);
	assert_string_equal(header + strlen(header) - 9, "%C3%BC%22");
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names_stay),
		cmocka_unit_test(only_the_last_part_of_a_path_counts),
		cmocka_unit_test(nothing_left_is_a_file),
		cmocka_unit_test(blanks_and_dots_at_the_ends_go),
		cmocka_unit_test(controls_and_marks_of_direction_go),
		cmocka_unit_test(bytes_that_are_no_utf8_become_lines),
		cmocka_unit_test(long_names_are_cut_and_keep_a_short_extension),
		cmocka_unit_test(cut_name_ends_in_no_dot_and_no_blank),
		cmocka_unit_test(media_types_lose_parameters_and_capitals),
		cmocka_unit_test(media_type_fits_to_the_byte),
		cmocka_unit_test(only_what_runs_nothing_is_inert),
		cmocka_unit_test(disposition_has_the_name_in_both_forms_where_they_differ),
		cmocka_unit_test(longest_disposition_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
