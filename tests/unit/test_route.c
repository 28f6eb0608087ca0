/* The route table: its shape, its input tables, and how a request finds its route. */
#include "scratch.h"

#include "req.h"
#include "resp.h"
#include "fields.h"
#include "route.h"
#include "share.h"

#define AUTH "/api/v1/pchat/auth"
#define CHAT "/api/v1/webchat"

static struct request r;

static int
set_up(void **state)
{
	(void)state;
	r = (struct request){ .method_name = "GET" };
	arena_init(&r.arena, 1 << 16);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	req_reset(&r);
	arena_free(&r.arena);
	return 0;
}

TEST(every_route_has_a_function)
{
	for (const struct route *e = routes; e->path; e++)
		if (!e->run)
			fail_msg("%s has none", e->path);
}

TEST(every_method_and_path_stands_once)
{
	for (const struct route *e = routes; e->path; e++)
		for (const struct route *f = e + 1; f->path; f++)
			if (e->method == f->method && strcmp(e->path, f->path) == 0)
				fail_msg("%s stands twice", e->path);
}

TEST(every_route_has_its_counter)
{
	size_t count = 0;

	while (routes[count].path)
		count++;
	assert_true(count > 0);
	assert_true(count < SHARE_ROUTES - 1); /* the last one counts what has no route */
}

TEST(only_calls_that_change_something_take_a_body)
{
	for (const struct route *e = routes; e->path; e++) {
		if (e->method == METHOD_GET || e->method == METHOD_DELETE)
			assert_int_equal(e->body_limit, 0);
		else
			assert_int_equal(e->body_limit != 0, e->fields != NULL);
	}
}

TEST(admin_paths_are_for_admins)
{
	for (const struct route *e = routes; e->path; e++)
		assert_int_equal(strstr(e->path, "/admin/") != NULL, e->access == FOR_ADMIN);
}

static size_t
field_size(const struct field *f)
{
	return f->kind == FIELD_TEXT || f->kind == FIELD_NUMBERS ? sizeof(char *) :
	    f->kind == FIELD_INT                                 ? sizeof(int64_t) :
	    f->kind == FIELD_BOOL                                ? sizeof(int) :
								   sizeof(struct field_texts);
}

/* Fields lie inside the input struct, apart from each other, and their ranges make sense. */
static void
check_fields(const struct route *e)
{
	for (const struct field *f = e->fields; f->kind != FIELD_END; f++) {
		if (f->offset + field_size(f) > e->in_size || !f->name || !f->name[0])
			fail_msg("%s: field %s lies outside", e->path, f->name);
		if (f->min > f->max || (f->check != NULL) != (f->rule != NULL))
			fail_msg("%s: field %s has no sense", e->path, f->name);
		if (f->kind == FIELD_TEXT && f->max >= INT_MAX)
			fail_msg("%s: field %s is unbounded", e->path, f->name);
		for (const struct field *g = f + 1; g->kind != FIELD_END; g++)
			if (strcmp(f->name, g->name) == 0 ||
			    (f->offset < g->offset + field_size(g) &&
				g->offset < f->offset + field_size(f)))
				fail_msg("%s: fields %s and %s collide", e->path, f->name, g->name);
	}
}

TEST(input_tables_fit_their_structs)
{
	int tables = 0;

	for (const struct route *e = routes; e->path; e++) {
		assert_int_equal(e->fields != NULL, e->in_size != 0);
		if (e->fields) {
			check_fields(e);
			tables++;
		}
	}
	assert_true(tables > 5);
}

static const struct route *
find(enum method method, const char *path)
{
	req_reset(&r);
	r.method = method;
	r.method_name = route_method_name(method);
	r.path = path;
	return route_find(&r);
}

/* The error word of the response. */
static const char *
error_code(void)
{
	struct json_object *word = NULL;

	assert_non_null(r.resp.body);
	assert_true(json_object_object_get_ex(r.resp.body, "error", &word));
	return json_object_get_string(word);
}

static void
is_missing(const char *path)
{
	if (find(METHOD_GET, path))
		fail_msg("%s should not be found", path);
	assert_int_equal(r.resp.status, 404);
	assert_string_equal(error_code(), "not_found");
	assert_null(r.resp.allow);
}

TEST(every_route_finds_itself)
{
	for (const struct route *e = routes; e->path; e++) {
		char path[256];
		const char *star = strchr(e->path, '*');

		snprintf(path, sizeof(path), "%s", e->path);
		if (star)
			snprintf(path, sizeof(path), "%.*sabc%s", (int)(star - e->path), e->path,
			    star + 1);
		assert_ptr_equal(find(e->method, path), e);
		assert_int_equal(r.resp.status, 0);
		if (star)
			assert_string_equal(r.args[0], "abc");
		else
			assert_null(r.args[0]);
	}
}

TEST(path_with_an_open_part_hands_it_over)
{
	assert_non_null(find(METHOD_GET, "/api/v1/messages/msg_0af3"));
	assert_string_equal(r.args[0], "msg_0af3");
	assert_non_null(find(METHOD_POST, CHAT "/admin/access-requests/req_1/deny"));
	assert_string_equal(r.args[0], "req_1");
	assert_non_null(find(METHOD_GET, "/api/v1/messages/*"));
	assert_string_equal(r.args[0], "*");
}

TEST(open_part_that_is_empty_is_404)
{
	is_missing("/api/v1/messages/");
	is_missing(AUTH "/sessions/");
	is_missing(CHAT "/admin/access-requests//approve");
}

TEST(open_part_with_a_slash_is_404)
{
	is_missing("/api/v1/messages/a/");
	is_missing("/api/v1/messages/a/b");
	is_missing("/api/v1/messages//a");
	is_missing(CHAT "/admin/access-requests/a/b/approve");
	is_missing(CHAT "/admin/access-requests/a/approve/");
	is_missing(CHAT "/admin/access-requests/a");
}

TEST(open_part_of_255_bytes_is_taken_of_256_is_404)
{
	static const char head[] = "/api/v1/messages/";
	char path[sizeof(head) + 300];

	memcpy(path, head, sizeof(head));
	memset(path + sizeof(head) - 1, 'x', 256);
	path[sizeof(head) - 1 + 255] = '\0';
	assert_non_null(find(METHOD_GET, path));
	assert_int_equal(strlen(r.args[0]), 255);
	path[sizeof(head) - 1 + 255] = 'x';
	path[sizeof(head) - 1 + 256] = '\0';
	is_missing(path);
}

TEST(path_nearly_there_is_404)
{
	is_missing("");
	is_missing("/");
	is_missing("health");
	is_missing("/health/");
	is_missing("/healthy");
	is_missing("/HEALTH");
	is_missing("//health");
	is_missing("/api/v1/webchat");
	is_missing("/api/v1/webchat/config/x");
}

static void
allows(enum method method, const char *path, const char *want)
{
	assert_null(find(method, path));
	assert_int_equal(r.resp.status, 405);
	assert_string_equal(error_code(), "method_not_allowed");
	assert_string_equal(r.resp.allow, want);
	assert_null(r.args[0]);
}

TEST(other_method_is_405_with_all_that_are_allowed)
{
	allows(METHOD_POST, "/health", "GET, HEAD");
	allows(METHOD_POST, AUTH "/me", "GET, HEAD, PUT, DELETE");
	allows(METHOD_PUT, "/api/v1/messages/abc", "GET, HEAD, PATCH, DELETE");
	allows(METHOD_GET, "/api/v1/messages", "POST");
	allows(METHOD_GET, CHAT "/admin/access-requests/abc/approve", "POST");
}

TEST(unknown_method_is_405)
{
	find(METHOD_GET, "/health");
	r.method_name = NULL; /* as req_read leaves it for a word it does not know */
	assert_null(route_find(&r));
	assert_int_equal(r.resp.status, 405);
	assert_string_equal(r.resp.allow, "GET, HEAD");
}

TEST(methods_have_their_words)
{
	assert_string_equal(route_method_name(METHOD_GET), "GET");
	assert_string_equal(route_method_name(METHOD_POST), "POST");
	assert_string_equal(route_method_name(METHOD_PUT), "PUT");
	assert_string_equal(route_method_name(METHOD_PATCH), "PATCH");
	assert_string_equal(route_method_name(METHOD_DELETE), "DELETE");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(every_route_has_a_function),
	EACH(every_method_and_path_stands_once),
	EACH(every_route_has_its_counter),
	EACH(only_calls_that_change_something_take_a_body),
	EACH(admin_paths_are_for_admins),
	EACH(input_tables_fit_their_structs),
	EACH(every_route_finds_itself),
	EACH(path_with_an_open_part_hands_it_over),
	EACH(open_part_that_is_empty_is_404),
	EACH(open_part_with_a_slash_is_404),
	EACH(open_part_of_255_bytes_is_taken_of_256_is_404),
	EACH(path_nearly_there_is_404),
	EACH(other_method_is_405_with_all_that_are_allowed),
	EACH(unknown_method_is_405),
	EACH(methods_have_their_words),
};

int
main(void)
{
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
