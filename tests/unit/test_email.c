/* E-mail addresses as people type them, and the one form that is kept. */
#include "scratch.h"

#include "email.h"

#define TEN "aaaaaaaaaa"
#define SIXTY TEN TEN TEN TEN TEN TEN

static char kept[EMAIL_BYTES];

static void
emails(bool want, const char *const *list)
{
	for (; *list; list++)
		if (!email_clean(*list, kept) != want)
			fail_msg("'%s' should be %s", *list, want ? "allowed" : "refused");
}

TEST(email_plain_is_allowed)
{
	emails(true,
	    (const char *const[]){ "a@b", "ann@example.org", "Ann.B@Example.ORG", "a+b@c.de",
		"!#$%&'*+/=?^_`{|}~-@x.org", "1@2.3", "a@b-c.d", NULL });
}

TEST(email_without_local_part_or_domain_is_refused)
{
	emails(false, (const char *const[]){ "", "@", "a", "a@", "@b", "a.b", NULL });
}

TEST(email_with_two_at_signs_is_refused)
{
	emails(false, (const char *const[]){ "a@b@c", "a@@b", "a@b@", NULL });
}

TEST(email_with_misplaced_dots_is_refused)
{
	emails(false,
	    (const char *const[]){ ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", NULL });
}

TEST(email_domain_starting_with_a_hyphen_is_refused)
{
	emails(false, (const char *const[]){ "a@-b.c", NULL });
}

TEST(email_with_white_space_or_control_inside_is_refused)
{
	emails(false,
	    (const char *const[]){ "a b@c", "a@b c", "a@ b", "a @b", "a\tb@c", "a@b\rc", "a\nb@c",
		"a\x7f@b", "a@b\x01", "a@b\r\nRCPT TO:<x@y>", NULL });
}

TEST(email_quoting_and_route_characters_are_refused)
{
	emails(false,
	    (const char *const[]){ "\"a\"@b", "\"a b\"@c", "a\\b@c", "<a@b>", "a@[127.0.0.1]",
		"a(b)@c", "a,b@c", "a;b@c", "a:b@c", "a@b,c", "Ann <a@b>", NULL });
}

TEST(email_domain_takes_no_local_part_characters)
{
	emails(false, (const char *const[]){ "a@b+c", "a@b_c", "a@b/c", "a@b%c", "a@b=c", NULL });
}

TEST(email_local_part_of_64_bytes_is_allowed_of_65_refused)
{
	assert_null(email_clean(SIXTY "aaaa@b", kept));
	assert_non_null(email_clean(SIXTY "aaaaa@b", kept));
}

/* 62 bytes, 63 with the dot */
#define LABEL SIXTY "aa."

TEST(email_of_254_bytes_is_allowed_of_255_refused)
{
	assert_null(email_clean("aaa@" LABEL LABEL LABEL SIXTY "a", kept));
	assert_non_null(email_clean(SIXTY "@" LABEL LABEL LABEL SIXTY "aaa", kept));
}

static void
becomes(const char *typed, const char *want)
{
	const char *why = email_clean(typed, kept);

	if (why)
		fail_msg("'%s' is refused: must be %s", typed, why);
	assert_string_equal(kept, want);
}

TEST(email_white_space_around_it_does_not_matter)
{
	becomes("  ann@example.com\r\n", "ann@example.com");
	becomes("\xc2\xa0"
		"ann@example.com\xe2\x80\x83",
	    "ann@example.com");
}

TEST(email_is_kept_in_lower_case)
{
	becomes("Ann.B@Example.ORG", "ann.b@example.org");
}

TEST(email_domain_is_kept_as_its_a_label)
{
	becomes("ann@b\xc3\xbc"
		"cher.example",
	    "ann@xn--bcher-kva.example");
	becomes("ann@B\xc3\x9c"
		"CHER.Example",
	    "ann@xn--bcher-kva.example");
	becomes("ann@bu\xcc\x88"
		"cher.example",
	    "ann@xn--bcher-kva.example");
	becomes("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example");
	becomes("ann@b\xc3\xbc"
		"cher\xe3\x80\x82"
		"example",
	    "ann@xn--bcher-kva.example");
}

TEST(email_with_a_unicode_local_part_is_refused_in_a_sentence)
{
	assert_non_null(
	    strstr(email_clean("j\xc3\xb6rg@example.com", kept), "before the @ is made of plain"));
}

TEST(email_domain_that_cannot_be_one_is_refused)
{
	emails(false,
	    (const char *const[]){ "a@b.-c", "a@b-.c", "a@" SIXTY "aaaa.c", "a@xn--\xc3\xbc",
		"a@b\xff", "a@[127.0.0.1]", "a@b:25", NULL });
}

TEST(domain_is_cleaned_like_that_of_an_address)
{
	char out[64];

	assert_true(email_domain_clean("B\xc3\xbc"
				       "cher.Example",
	    out, sizeof(out)));
	assert_string_equal(out, "xn--bcher-kva.example");
	for (const char *const *bad = (const char *const[]){ "", "@example.com", "*.x", "a;b",
		 "a b", "https://x", ".x", "x.", "a..b", "a_b", NULL };
	     *bad; bad++)
		if (email_domain_clean(*bad, out, sizeof(out)))
			fail_msg("'%s' should be refused", *bad);
	assert_false(email_domain_clean("too.long.for.it", out, 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(email_plain_is_allowed),
		cmocka_unit_test(email_without_local_part_or_domain_is_refused),
		cmocka_unit_test(email_with_two_at_signs_is_refused),
		cmocka_unit_test(email_with_misplaced_dots_is_refused),
		cmocka_unit_test(email_domain_starting_with_a_hyphen_is_refused),
		cmocka_unit_test(email_with_white_space_or_control_inside_is_refused),
		cmocka_unit_test(email_quoting_and_route_characters_are_refused),
		cmocka_unit_test(email_domain_takes_no_local_part_characters),
		cmocka_unit_test(email_local_part_of_64_bytes_is_allowed_of_65_refused),
		cmocka_unit_test(email_of_254_bytes_is_allowed_of_255_refused),
		cmocka_unit_test(email_white_space_around_it_does_not_matter),
		cmocka_unit_test(email_is_kept_in_lower_case),
		cmocka_unit_test(email_domain_is_kept_as_its_a_label),
		cmocka_unit_test(email_with_a_unicode_local_part_is_refused_in_a_sentence),
		cmocka_unit_test(email_domain_that_cannot_be_one_is_refused),
		cmocka_unit_test(domain_is_cleaned_like_that_of_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
