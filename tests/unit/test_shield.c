/* What is sent of a text, and what is kept. */
#include "scratch.h"

#include "shield.h"

static struct arena arena;
static char joined[4096];

static int
set_up(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* The segments with bars between them. */
static const char *
show(const struct segments *s)
{
	joined[0] = '\0';
	for (int i = 0; i < s->count; i++)
		snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%.*s",
		    i ? "|" : "", (int)s->list[i].len, s->list[i].at);
	return joined;
}

static const char *
lines(const char *text)
{
	struct segments s = { .count = 0 };

	shield_lines(text, &arena, &s);
	return show(&s);
}

static struct segment
of(const char *text)
{
	return (struct segment){ .at = text, .len = strlen(text) };
}

static const char *
pieces(const char *text)
{
	struct segments s = { .count = 0 };
	const struct segment one = of(text);

	shield_pieces(&one, &arena, &s);
	return show(&s);
}

TEST(lines_are_sent_without_what_is_around_them)
{
	assert_string_equal(lines("  a b \t\n\r\n\n c\r\n"), "a b|c");
	assert_string_equal(lines(""), "");
	assert_string_equal(lines("12:30, 50 %!\n...\n"), "");
	assert_string_equal(lines("\u05e9\u05dc\u05d5\u05dd\n\u4f60\u597d"),
	    "\u05e9\u05dc\u05d5\u05dd|\u4f60\u597d");
	assert_string_equal(lines("\u3000\u4f60\u597d\u3000"), "\u4f60\u597d");
}

TEST(what_is_kept_at_the_ends_is_cut_off)
{
	assert_string_equal(
	    lines("\U0001f600 a \U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f"), "a");
	assert_string_equal(lines("@bob: come"), ": come");
	assert_string_equal(lines("see https://x.example/a?b#c."), "see");
	assert_string_equal(lines("\u2067a\u2069"), "a");
	assert_string_equal(lines("`x` does `y`"), "does");
}

TEST(what_is_kept_between_words_is_sent)
{
	assert_string_equal(lines("see www.x.example now"), "see www.x.example now");
	assert_string_equal(lines("ask a@b.example or @c, ok"), "ask a@b.example or @c, ok");
}

TEST(code_blocks_are_not_sent)
{
	assert_string_equal(lines("a\n```c\nint x;\n  ```\nb\n```\nopen"), "a|b");
}

TEST(pieces_are_what_is_between)
{
	assert_string_equal(
	    pieces("see www.x.example, or mail a@b.example now"), "see|, or mail|now");
	assert_string_equal(pieces("go https://a.b/c - https://d.e/f home"), "go|home");
	assert_string_equal(pieces("a `b c` d"), "a|d");
	assert_string_equal(pieces("an `open end"), "an `open end");
	assert_string_equal(pieces("mail me@home please"), "mail me@home please");
	assert_string_equal(pieces("x \U0001f600 y"), "x|y");
	assert_string_equal(pieces("\u770bhttps://a.b/c \u597d"), "\u770b|\u597d");
}

TEST(translation_holds_what_is_kept_as_often)
{
	const struct segment s = of("a @b c https://x.y d @b e");

	assert_true(shield_holds(&s, "A @b https://x.y C @b D"));
	assert_false(shield_holds(&s, "A @b https://x.y C D"));
	assert_false(shield_holds(&s, "A @b @b @b https://x.y"));
	assert_false(shield_holds(&s, "A @b @b https://X.y"));
}

static bool
fits(const char *text, const char *translation)
{
	const struct segment s = of(text);
	char copy[2048];

	snprintf(copy, sizeof(copy), "%s", translation);
	return shield_trim(&s, copy);
}

TEST(translation_is_one_line_of_a_sane_length)
{
	char longest[2048];

	assert_true(fits("a", " b "));
	assert_false(fits("a", " \n "));
	assert_false(fits("a", "b\nc"));
	assert_false(fits("a", "b\x1b[31m"));
	assert_false(fits("a", "b\xc2\x85 c"));
	assert_false(fits("a", "b\u2028c"));
	assert_false(fits("a", "b\u202ec"));
	assert_true(fits("a \u202e b", "b\u202ec"));
	assert_false(fits("a", "\xff"));
	memset(longest, 'x', sizeof(longest));
	longest[1024 + 4] = '\0';
	assert_true(fits("a", longest));
	longest[1024 + 4] = 'x';
	longest[1024 + 5] = '\0';
	assert_false(fits("a", longest));
}

TEST(text_is_put_together)
{
	const char *text = " a \n\n b  c ";
	struct segments s = { .count = 0 };

	shield_lines(text, &arena, &s);
	assert_int_equal(s.count, 2);
	s.list[1].out = "BC";
	assert_string_equal(shield_join(text, &s, &arena), " a \n\n BC ");
	s.list[0].out = "A";
	assert_string_equal(shield_join(text, &s, &arena), " A \n\n BC ");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(lines_are_sent_without_what_is_around_them),
	EACH(what_is_kept_at_the_ends_is_cut_off),
	EACH(what_is_kept_between_words_is_sent),
	EACH(code_blocks_are_not_sent),
	EACH(pieces_are_what_is_between),
	EACH(translation_holds_what_is_kept_as_often),
	EACH(translation_is_one_line_of_a_sane_length),
	EACH(text_is_put_together),
};

int
main(void)
{
	return cmocka_run_group_tests_name("shield", tests, NULL, NULL);
}
