/* multipart/form-data: where the part lies, whatever stands around it and wherever it is cut. */
#include "scratch.h"

#include "multipart.h"

#define TYPE "multipart/form-data; boundary=B"
#define FILE_HEAD "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"
#define BUFFER 65536

static char *body;
static size_t body_len;
static char dir[SCRATCH_BYTES];
static struct multipart_part part;
static const char *why;

static int
set_up(void **state)
{
	(void)state;
	scratch_make(dir);
	body = malloc(1 << 20);
	body_len = 0;
	return body ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	free(body);
	scratch_remove(dir);
	return 0;
}

static void
add_bytes(const void *data, size_t len)
{
	memcpy(body + body_len, data, len);
	body_len += len;
}

static void
add(const char *text)
{
	add_bytes(text, strlen(text));
}

static void
fill(char byte, size_t len)
{
	memset(body + body_len, byte, len);
	body_len += len;
}

/* A new body that starts with the text. */
static void
start(const char *text)
{
	body_len = 0;
	add(text);
}

static bool
find_as(const char *type, size_t len)
{
	int fd;
	bool ok;

	scratch_write_bytes(dir, "body", body, len, 0600);
	fd = open(scratch_path(dir, "body"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	why = NULL;
	memset(&part, 0x55, sizeof(part));
	ok = multipart_find(fd, (off_t)len, type, "file", &part, &why);
	close(fd);
	assert_true(ok == (why == NULL));
	if (ok)
		assert_true(
		    part.start >= 0 && part.len >= 0 && (size_t)(part.start + part.len) <= len);
	return ok;
}

/* The part holds just that. */
static void
finds(const void *data, size_t len)
{
	if (!find_as(TYPE, body_len))
		fail_msg("%s", why);
	assert_int_equal(part.len, len);
	assert_memory_equal(body + part.start, data, len);
}

static void
finds_text(const char *text)
{
	finds(text, strlen(text));
}

static void
refuses_as(const char *type, const char *reason)
{
	assert_false(find_as(type, body_len));
	if (!strstr(why, reason))
		fail_msg("'%s' does not say '%s'", why, reason);
}

static void
refuses(const char *reason)
{
	refuses_as(TYPE, reason);
}

TEST(one_part_is_found_with_name_and_type)
{
	start("--B\r\n" FILE_HEAD "Content-Type: Text/Plain; charset=x\r\n\r\nhello\r\n--B--\r\n");
	finds_text("hello");
	assert_string_equal(part.name, "a.txt");
	assert_string_equal(part.mime, "text/plain");
}

TEST(empty_part_is_found)
{
	start("--B\r\n" FILE_HEAD "\r\n\r\n--B--\r\n");
	finds_text("");
	assert_string_equal(part.mime, "application/octet-stream");
}

TEST(empty_part_whose_boundary_shares_the_line_end_of_its_headers_is_found)
{
	start("--B\r\n" FILE_HEAD "\r\n--B--");
	finds_text("");
}

TEST(part_among_others_preamble_and_epilogue_is_found)
{
	start("preamble\r\n--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B \t\r\n");
	add(FILE_HEAD "\r\nit\r\n--B\r\nX: y\r\n\r\n3\r\n--B--\r\nepilogue --B\r\n--B");
	finds_text("it");
}

TEST(header_names_are_of_any_case)
{
	start("--B\r\ncontent-disposition: FORM-DATA; NAME=file\r\nCONTENT-TYPE: "
	      "a/b\r\n\r\nx\r\n--B--");
	finds_text("x");
	assert_string_equal(part.mime, "a/b");
}

TEST(what_looks_like_a_boundary_but_is_none_is_data)
{
	static const char data[] = "\r\n--\r\n-B\r\n\r\n--A--B\r--B\n--B\r\n -_--B";

	start("--B\r\n" FILE_HEAD "\r\n");
	add(data);
	add("\r\n--B--");
	finds_text(data);
}

TEST(data_may_hold_any_byte)
{
	char data[256];

	for (int i = 0; i < 256; i++)
		data[i] = (char)i;
	start("--B\r\n" FILE_HEAD "\r\n");
	add_bytes(data, sizeof(data));
	add("\r\n--B--");
	finds(data, sizeof(data));
}

/* Wherever the buffer ends, the boundary that lies across it is found: after the data, and after a
 * part that comes before. */
TEST(boundaries_across_the_ends_of_buffers_are_found)
{
	static const size_t ends[] = { BUFFER, 2 * BUFFER - 4 };
	char *data = malloc(3 * BUFFER);

	memset(data, '-', 3 * BUFFER);
	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
		for (size_t size = ends[e] - 12; size <= ends[e] + 12; size++) {
			start("--B\r\n" FILE_HEAD "\r\n");
			add_bytes(data, size);
			add("\r\n--B--");
			finds(data, size);
			start("--B\r\nX: y\r\n\r\n");
			add_bytes(data, size);
			add("\r\n--B\r\n" FILE_HEAD "\r\nafter\r\n--B--");
			finds_text("after");
		}
	free(data);
}

TEST(first_boundary_behind_a_long_preamble_is_found)
{
	for (size_t size = BUFFER - 6; size <= BUFFER + 6; size++) {
		start("");
		fill('-', size);
		add("\r\n--B\r\n" FILE_HEAD "\r\nx\r\n--B--");
		finds_text("x");
	}
}

TEST(names_are_read_in_each_way_of_writing)
{
	static const char *const cases[][2] = {
		{ "name=\"file\"; filename=\"a;b.txt\"", "a;b.txt" },
		{ "filename=\"name=x;\"; name=\"file\"", "name=x;" },
		{ "name=file; filename=plain.txt", "plain.txt" },
		{ "name=file;filename=plain.txt ;x", "plain.txt" },
		{ "name=\"file\"; filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt" },
		{ "name=\"file\"; filename=\"say %22hi%22%0D%0A.txt\"", "say \"hi\".txt" },
		{ "name=\"file\"; filename=\"100%25%2\"", "100%25%2" },
		{ "name=\"file\"; filename=\"C:\\dir\\x.txt\"", "x.txt" },
		{ "name=\"file\"; filename*=UTF-8''Gr%C3%BCn.txt", "Gr\xc3\xbcn.txt" },
		{ "name=\"file\"; filename=\"x\"; filename*=utf-8'de'%41%zz%4", "A%zz%4" },
		{ "name=\"file\"; filename*=UTF-8''a%00b%2Fc", "c" },
		{ "name=\"file\"; filename*=latin1''x; filename=y", "y" },
		{ "name=\"file\"; filename*=UTF-8'x; filename=y", "y" },
		{ "name=\"file\"; filename=\"open", "file" },
		{ "name=\"file\"; filename*=latin1''x", "file" },
		{ "name=\"file\"", "file" },
		{ "x=\"\\\"; name=no\"; name=\"file\"; filename=q", "q" },
		{ "x=\"open\\\\\"; name=\"file\"; filename=q", "q" },
		{ "xname=no; name=\"fi\\le\"; name=\"file\"", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start("--B\r\nContent-Disposition: form-data; ");
		add(cases[i][0]);
		add("\r\n\r\nx\r\n--B--");
		if (cases[i][1]) {
			finds_text("x");
			assert_string_equal(part.name, cases[i][1]);
		} else {
			refuses("no part of this name");
		}
	}
}

TEST(boundaries_are_read_in_each_way_of_writing)
{
	static const char *const types[] = { "multipart/form-data;boundary=B",
		"Multipart/Form-Data; charset=utf-8; BOUNDARY=\"B\"",
		"multipart/form-data ; boundary=B ; x=y", "multipart/form-data; boundary=B;",
		"multipart/form-data; x=\"; boundary=C\"; boundary=\"\\B\"" };

	start("--B\r\n" FILE_HEAD "\r\nx\r\n--B--");
	for (size_t i = 0; i < 4; i++)
		assert_true(find_as(types[i], body_len));
	/* a backslash that escapes nothing stands for itself */
	refuses_as(types[4], "does not stand in the body");
}

TEST(types_without_a_good_boundary_are_refused)
{
	char type[200] = "multipart/form-data; boundary=";

	start("--B\r\n" FILE_HEAD "\r\nx\r\n--B--");
	refuses_as("multipart/form-data", "names no boundary");
	refuses_as("multipart/form-data; boundary=", "names no boundary");
	refuses_as("multipart/form-data; boundary=\"\"", "names no boundary");
	refuses_as("multipart/form-data; boundary=\"B", "names no boundary");
	refuses_as("multipart/mixed; boundary=B", "names no boundary");
	refuses_as("multipart/form-dataX; boundary=B", "names no boundary");
	refuses_as("", "names no boundary");
	memset(type + strlen(type), 'b', 70);
	refuses_as(type, "does not stand in the body");
	type[strlen(type)] = 'b';
	refuses_as(type, "names no boundary");
}

TEST(boundary_of_70_is_good)
{
	char type[200] = "multipart/form-data; boundary=", *boundary = type + strlen(type);

	memset(boundary, 'b', 70);
	start("--");
	add(boundary);
	add("\r\n" FILE_HEAD "\r\nx\r\n--");
	add(boundary);
	add("--");
	assert_true(find_as(type, body_len));
	assert_int_equal(part.len, 1);
}

TEST(form_cut_off_anywhere_is_refused)
{
	start("--B\r\nX: y\r\n\r\n1\r\n--B\r\n" FILE_HEAD "\r\nhello\r\n--B--");
	finds_text("hello");
	for (size_t len = 0; len < body_len; len++)
		assert_false(find_as(TYPE, len));
}

TEST(hundred_parts_are_read_and_one_more_is_not)
{
	for (int parts = 99; parts <= 100; parts++) {
		start("");
		for (int i = 0; i < parts; i++)
			add("--B\r\nX: y\r\n\r\n\r\n");
		add("--B\r\n" FILE_HEAD "\r\nx\r\n--B--");
		if (parts == 99)
			finds_text("x");
		else
			refuses("more than 100 parts");
	}
}

TEST(headers_may_be_8_kib_and_no_more)
{
	for (int more = 0; more <= 1; more++) {
		start("--B\r\n" FILE_HEAD "X: ");
		fill('y', 8192 - strlen(FILE_HEAD) - 3 - 4 + (size_t)more);
		add("\r\n\r\nx\r\n--B--");
		if (more)
			refuses("no end within 8 KiB");
		else
			finds_text("x");
	}
}

TEST(bad_forms_are_refused_with_a_reason)
{
	static const char *const cases[][2] = {
		{ "", "does not stand in the body" },
		{ "rubbish", "does not stand in the body" },
		{ "--B--", "no part of this name" },
		{ "--B\r\n\r\nx\r\n--B--", "no headers" },
		{ "--Bx\r\n" FILE_HEAD "\r\nx\r\n--B--", "does not end its line" },
		{ "--B\r\n" FILE_HEAD "\r\nx\r\n--Bx--", "does not end its line" },
		{ "--B\r\n" FILE_HEAD "\r\nx\r\n--B-", "does not end its line" },
		{ "--B\n" FILE_HEAD "\r\nx\r\n--B--", "does not end its line" },
		{ "--B\r\nContent-Disposition: form-data; name=other\r\n\r\nx\r\n--B--",
		    "no part of this name" },
		{ "--B\r\nContent-Disposition: form-data; name=\"file \"\r\n\r\nx\r\n--B--",
		    "no part of this name" },
		{ "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--",
		    "no part of this name" },
		{ "--B\r\nContent-Type: a/b\r\n\r\nx\r\n--B--", "no part of this name" },
		{ "--B\r\n" FILE_HEAD
		  "Content-Type: Multipart/mixed; boundary=in\r\n\r\nx\r\n--B--",
		    "may not be multipart" },
		{ "--B\r\n" FILE_HEAD "\r\nx\r\n--B\r\n" FILE_HEAD "\r\ny\r\n--B--",
		    "more than one part" },
		{ "--B\r\n" FILE_HEAD "\r\nx", "closing boundary is missing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(cases[i][0]);
		refuses(cases[i][1]);
	}
}

TEST(nul_in_the_headers_is_refused)
{
	start("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a");
	add_bytes("\0", 1);
	add("b\"\r\n\r\nx\r\n--B--");
	refuses("hold a NUL");
}

TEST(blanks_without_end_after_a_boundary_are_refused)
{
	start("--B");
	fill(' ', 300);
	add("\r\n" FILE_HEAD "\r\nx\r\n--B--");
	refuses("does not end its line");
}

TEST(body_that_cannot_be_read_is_refused)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	why = NULL;
	assert_false(multipart_find(fd, 100, TYPE, "file", &part, &why));
	assert_null(why); /* it is not the body that is bad */
	close(fd);
}

TEST(only_multipart_form_data_is_a_form)
{
	assert_true(multipart_is("multipart/form-data"));
	assert_true(multipart_is("MULTIPART/form-data; boundary=x"));
	assert_true(multipart_is("multipart/form-data \t; boundary=x"));
	assert_false(multipart_is("multipart/form-data2"));
	assert_false(multipart_is("multipart/form"));
	assert_false(multipart_is(""));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(one_part_is_found_with_name_and_type),
		EACH(empty_part_is_found),
		EACH(empty_part_whose_boundary_shares_the_line_end_of_its_headers_is_found),
		EACH(part_among_others_preamble_and_epilogue_is_found),
		EACH(header_names_are_of_any_case),
		EACH(what_looks_like_a_boundary_but_is_none_is_data),
		EACH(data_may_hold_any_byte),
		EACH(boundaries_across_the_ends_of_buffers_are_found),
		EACH(first_boundary_behind_a_long_preamble_is_found),
		EACH(names_are_read_in_each_way_of_writing),
		EACH(boundaries_are_read_in_each_way_of_writing),
		EACH(types_without_a_good_boundary_are_refused),
		EACH(boundary_of_70_is_good),
		EACH(form_cut_off_anywhere_is_refused),
		EACH(hundred_parts_are_read_and_one_more_is_not),
		EACH(headers_may_be_8_kib_and_no_more),
		EACH(bad_forms_are_refused_with_a_reason),
		EACH(nul_in_the_headers_is_refused),
		EACH(blanks_without_end_after_a_boundary_are_refused),
		EACH(body_that_cannot_be_read_is_refused),
		EACH(only_multipart_form_data_is_a_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
