/* JSON that is read: what json-c takes for the same is the same, and what it does not take is
 * refused. */
#include "scratch.h"

#include "json_read.h"
#include "json_write.h"
#include "oom.h"
#include "text.h"

#include <json-c/json.h>

/* json-c's own reader, with the rules that it lacks in front. */
static bool
json_c_reads(const char *text, struct json_object **root)
{
	struct json_tokener *tok = json_tokener_new_ex(16);
	bool ok;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*root = json_tokener_parse_ex(tok, text, (int)strlen(text) + 1);
	ok = json_tokener_get_error(tok) == json_tokener_success &&
	    text_json_strict(text, strlen(text));
	json_tokener_free(tok);
	return ok;
}

static void
is_read_alike(const char *text)
{
	struct json_object *ours = NULL, *theirs = NULL;
	const bool ok = json_read(text, strlen(text), &ours);

	if (ok != json_c_reads(text, &theirs))
		fail_msg("<%s> is %s", text, ok ? "read" : "refused");
	if (ok && !json_object_equal(ours, theirs))
		fail_msg("<%s> is read as %s", text, json_object_to_json_string(ours));
	json_object_put(ours);
	json_object_put(theirs);
	assert_false(oom_take());
}

TEST(texts_are_read_as_json_c_reads_them)
{
	static const char *const texts[] = { "{}", "[]", " [ ] ", "\"\"", "0", "-1", "1.5", "1e3",
		"-0.0e-1", "true", "false", "null", "[null,true]", "{\"a\":null}",
		"{\"a\":1,\"a\":2}", "[1,2,[3,{\"b\":[]}]]", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\"", "\"ä€😀\"", "\t\r\n {\"x\" : \"y\" } \n",
		"9223372036854775807", "-9223372036854775808", "[1.0,10,1E+2,1e-2]",
		"{\"\":{\"\":[]}}", "\"\x7f\"" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		is_read_alike(texts[i]);
}

TEST(what_is_no_json_is_refused)
{
	static const char *const texts[] = { "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]",
		"[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}", "{\"a\" 1}",
		"{\"a\":1 \"b\":2}", "\"", "\"a", "'a'", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
		"01", "-", "-a", "1.", ".5", "1e", "1e+", "+1", "1-2", "tru", "nul", "truefalse",
		"True", "NaN", "Infinity", "-Infinity", "1 1", "{} {}", "[]]", "//", "/* */ 1",
		"\"\t\"", "[\"a\",]", "\xef\xbb\xbf{}", "{\"a\":1}x" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		is_read_alike(texts[i]);
}

TEST(depth_has_the_same_end)
{
	for (int depth = 1; depth < 40; depth++) {
		char lists[128], objects[512];
		size_t len = 0;

		memset(lists, '[', (size_t)depth);
		memset(lists + depth, ']', (size_t)depth);
		lists[2 * depth] = '\0';
		is_read_alike(lists);
		for (int i = 0; i < depth; i++)
			len += (size_t)snprintf(objects + len, sizeof(objects) - len, "{\"a\":");
		len += (size_t)snprintf(objects + len, sizeof(objects) - len, "1");
		memset(objects + len, '}', (size_t)depth);
		objects[len + (size_t)depth] = '\0';
		is_read_alike(objects);
	}
}

TEST(a_whole_number_that_is_too_large_is_the_largest)
{
	struct json_object *o;

	assert_true(json_read("99999999999999999999", 20, &o));
	assert_int_equal(json_object_get_int64(o), INT64_MAX);
	json_object_put(o);
	assert_true(json_read("-99999999999999999999", 21, &o));
	assert_int_equal(json_object_get_int64(o), INT64_MIN);
	json_object_put(o);
}

/* Each byte of some texts replaced by each of those that mean something. */
TEST(spoilt_texts_are_read_or_refused_alike)
{
	static const char *const texts[] = { "{\"a\":[1,-2.5e3,\"x\\n\"],\"b\":{\"c\":true}}",
		"[null,{\"k\\u0041\":\"\\ud83d\\ude00\"},0]" };
	static const char bytes[] = "{}[]:,\"\\ 019-+.eEtrufalsn\x01";

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t at = 0; at < strlen(texts[i]); at++)
			for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
				char copy[128];

				snprintf(copy, sizeof(copy), "%s", texts[i]);
				copy[at] = bytes[b];
				is_read_alike(copy);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read_as_json_c_reads_them),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(depth_has_the_same_end),
		cmocka_unit_test(a_whole_number_that_is_too_large_is_the_largest),
		cmocka_unit_test(spoilt_texts_are_read_or_refused_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
