/* JSON that is written without memory: the same as json-c's own, to the byte. */
#include "scratch.h"

#include "json_write.h"

#include <json-c/json.h>

static void
is_written_as(struct json_object *o, const char *want)
{
	char *text = json_write_text(o, NULL);

	assert_string_equal(text, want);
	assert_int_equal(json_write(o, NULL, NULL), strlen(want));
	free(text);
}

static void
is_as_json_c(struct json_object *o)
{
	/* a copy: json-c writes it anew for each call */
	char *want = strdup(json_object_to_json_string_ext(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	is_written_as(o, want);
	free(want);
	json_object_put(o);
}

TEST(every_byte_of_a_text_is_escaped_as_json_c_does)
{
	for (int c = 1; c < 256; c++) {
		char text[] = { 'a', (char)c, (char)c, 'z', '\0' };

		is_as_json_c(json_new_text(text));
	}
	is_as_json_c(json_new_text(""));
	is_as_json_c(json_new_text_len("a\0b", 3));
}

TEST(values_of_all_kinds_are_written)
{
	static const char *const texts[] = { "{}", "[]", "[null]", "true", "false", "0", "-1",
		"9223372036854775807", "-9223372036854775808", "1.50", "-1e-7", "1e300",
		"[1,[2,[]],{}]", "{\"a\":null,\"b\":[true,false,null],\"c\":{\"d\":\"e\"}}",
		"[0.1,0.10,1.0]", "{\"\":\"\",\"\\\"\":\"\\\\\"}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		is_as_json_c(json_tokener_parse(texts[i]));
}

TEST(members_are_written_in_the_order_in_which_they_came)
{
	struct json_object *o = json_new_object(), *list = json_new_array();
	char raw[] = "[{\"as\": \"it is\"}]";

	json_add_text(o, "text", "x/y");
	json_add_text(o, "none", NULL);
	json_add_int(o, "int", -5);
	json_add_bool(o, "bool", true);
	json_add_raw(o, "raw", raw);
	json_add_raw(o, "no_raw", NULL);
	json_append(list, json_new_bool(false));
	json_add(o, "list", list);
	is_written_as(o,
	    "{\"text\":\"x/y\",\"int\":-5,\"bool\":true,\"raw\":[{\"as\": \"it is\"}],"
	    "\"list\":[false]}");
	json_object_put(o);
	assert_false(json_take_lost());
}

TEST(what_was_lost_is_known_until_it_was_taken)
{
	struct json_object *o = json_new_object();

	json_add(o, "x", NULL);
	assert_true(json_is_lost());
	assert_true(json_take_lost());
	assert_false(json_is_lost());
	json_add(NULL, "x", json_new_int(1));
	assert_true(json_take_lost());
	json_append(NULL, json_new_int(1));
	assert_true(json_take_lost());
	assert_null(json_write_text(NULL, NULL));
	assert_true(json_take_lost());
	is_written_as(o, "{}");
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_a_text_is_escaped_as_json_c_does),
		cmocka_unit_test(values_of_all_kinds_are_written),
		cmocka_unit_test(members_are_written_in_the_order_in_which_they_came),
		cmocka_unit_test(what_was_lost_is_known_until_it_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
