/* Public ids: their text, and which lie beside each other. */
#include "scratch.h"

#include "id.h"

#define GROUP 256
#define BEGINNING 6

static uint8_t ids[3 * GROUP][ID_BYTES];

static bool
begin_alike(int a, int b)
{
	return memcmp(ids[a], ids[b], BEGINNING) == 0;
}

TEST(ids_that_are_near_begin_alike_for_a_while_and_all_differ)
{
	for (int i = 0; i < 3 * GROUP; i++)
		id_make_near(ids[i]);
	for (int i = 1; i < 3 * GROUP; i++)
		assert_int_equal(begin_alike(i, i - 1), i % GROUP != 0);
	for (int i = 0; i < 3 * GROUP; i++)
		for (int k = 0; k < i; k++)
			assert_memory_not_equal(ids[i], ids[k], ID_BYTES);
}

TEST(text_of_an_id_is_read_back)
{
	char text[ID_TEXT_BYTES];
	uint8_t back[ID_BYTES];

	id_make(ids[0]);
	id_format("msg_", ids[0], text);
	assert_int_equal(strlen(text), 4 + 2 * ID_BYTES);
	assert_true(id_parse("msg_", text, back));
	assert_memory_equal(back, ids[0], ID_BYTES);
}

TEST(what_is_no_id_is_not_read)
{
	static const char *const texts[] = { "", "msg_", "msg_0123456789abcdef0123456789abcde",
		"msg_0123456789abcdef0123456789abcdef0", "msg_0123456789ABCDEF0123456789abcdef",
		"fil_0123456789abcdef0123456789abcdef", "msg_0123456789abcdef0123456789abcdeg" };
	uint8_t id[ID_BYTES];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(id_parse("msg_", texts[i], id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_that_are_near_begin_alike_for_a_while_and_all_differ),
		cmocka_unit_test(text_of_an_id_is_read_back),
		cmocka_unit_test(what_is_no_id_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
