/* JSON that is built and written, and what is said where a part of it is missing. */
#include "scratch.h"

#include "json_read.h"
#include "json_write.h"
#include "oom.h"

#include <json-c/json.h>

static void
is_written_as(struct json_object *o, const char *want)
{
	size_t len = 0;

	assert_string_equal(json_text(o, &len), want);
	assert_int_equal(len, strlen(want));
	assert_string_equal(json_text(o, NULL), want);
}

/* Gives the object back. */
static void
is_read_back(struct json_object *o)
{
	struct json_object *back;
	size_t len = 0;
	const char *text = json_text(o, &len);

	assert_true(json_read(text, len, &back));
	assert_true(json_object_equal(o, back));
	json_object_put(back);
	json_object_put(o);
}

TEST(every_byte_of_a_text_is_read_back)
{
	for (int c = 1; c < 128; c++) {
		char text[] = { 'a', (char)c, (char)c, 'z', '\0' };

		is_read_back(json_new_text(text));
	}
	is_read_back(json_new_text(""));
	is_read_back(json_new_text("ä€😀/"));
}

TEST(values_of_all_kinds_are_written)
{
	static const char *const texts[] = { "{}", "[]", "[null]", "true", "false", "0", "-1",
		"9223372036854775807", "-9223372036854775808", "1.50", "-1e-7", "1e300",
		"[1,[2,[]],{}]", "{\"a\":null,\"b\":[true,false,null],\"c\":{\"d\":\"e\"}}",
		"[0.1,0.10,1.0]", "{\"\":\"\",\"\\\"\":\"\\\\\"}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct json_object *o;

		assert_true(json_read(texts[i], strlen(texts[i]), &o));
		is_written_as(o, texts[i]);
		json_object_put(o);
	}
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
	assert_false(oom_take());
}

TEST(what_was_lost_is_known_until_it_was_taken)
{
	struct json_object *o = json_new_object();

	json_add(o, "x", NULL);
	assert_true(oom_noted());
	assert_true(oom_take());
	assert_false(oom_noted());
	json_add(NULL, "x", json_new_int(1));
	assert_true(oom_take());
	json_append(NULL, json_new_int(1));
	assert_true(oom_take());
	assert_null(json_text(NULL, NULL));
	assert_true(oom_take());
	is_written_as(o, "{}");
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_a_text_is_read_back),
		cmocka_unit_test(values_of_all_kinds_are_written),
		cmocka_unit_test(members_are_written_in_the_order_in_which_they_came),
		cmocka_unit_test(what_was_lost_is_known_until_it_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
