/* Reasons without whom they are about. */
#include "scratch.h"

#include "reason.h"

static void
cleans(const char *words, const char *address, const char *want)
{
	char got[128];

	reason_clean(words, address, got, sizeof(got));
	assert_string_equal(got, want);
}

TEST(codes_and_plain_words_stay)
{
	cleans("550 5.1.1 No such mailbox", "bob@example.org", "550 5.1.1 No such mailbox");
	cleans("550-5.7.26 Not for us", "bob@example.org", "550-5.7.26 Not for us");
	cleans("450 4.2.0 Greylisted for 300 seconds", "", "450 4.2.0 Greylisted for 300 seconds");
	cleans("550", "bob@example.org", "550");
	cleans("", "bob@example.org", "");
	cleans("no signal", "+491701234", "no signal");
}

TEST(address_and_its_parts_go_in_any_case)
{
	cleans("550 5.1.1 <Bob@Example.org>: user unknown", "bob@example.org",
	    "550 5.1.1 <*>: user unknown");
	cleans("550 no such user BOB here", "bob@example.org", "550 no such user * here");
	cleans("550 example.org does not take it", "bob@example.org", "550 * does not take it");
	cleans("550 bobby is no bob", "bob@example.org", "550 bobby is no *");
	cleans("no chat with Bob Smith", "bob smith", "no chat with *");
}

TEST(other_addresses_go_too)
{
	cleans("551 user moved to carol@example.net; try there", "bob@example.org",
	    "551 user moved to *; try there");
	cleans("x@y", "", "*");
}

TEST(numbers_of_people_go_however_they_are_written)
{
	cleans("+491701234567 is not there", "+491701234567", "* is not there");
	cleans("491701234567", "+491701234567", "*");
	cleans("call 0170 123 45 67 failed", "+491701234567", "call * failed");
	cleans("(555) 123-4567: busy", "", "*: busy");
	cleans("5551234567", "", "*"); /* no status code */
}

TEST(control_bytes_and_cut_characters_do_not_come_through)
{
	char got[8];

	cleans("a\r\nb\x1b", "", "a  b ");
	reason_clean("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "", got, sizeof(got));
	assert_string_equal(got, "\xc3\xa9\xc3\xa9\xc3\xa9");
}

TEST(code_is_the_first_number_of_a_failure)
{
	assert_int_equal(reason_code("RCPT failed: 550; the server said: 554 x"), 550);
	assert_int_equal(reason_code("Telegram answered 403"), 403);
	assert_int_equal(reason_code("waited 300 s, then 5500, 45, 4.2.0"), 0);
	assert_int_equal(reason_code(""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_and_plain_words_stay),
		cmocka_unit_test(address_and_its_parts_go_in_any_case),
		cmocka_unit_test(other_addresses_go_too),
		cmocka_unit_test(numbers_of_people_go_however_they_are_written),
		cmocka_unit_test(code_is_the_first_number_of_a_failure),
		cmocka_unit_test(control_bytes_and_cut_characters_do_not_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
