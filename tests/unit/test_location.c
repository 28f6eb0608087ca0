/* From a table of routes to nginx's locations: which paths get one, and what it says. */
#include "scratch.h"

#include "location.h"

#define MEMBERS FOR_MEMBER, 0, RATE_API, POOL_MAIN, NULL, 0, NULL
#define END \
	{ \
		METHOD_GET, NULL, FOR_ANYONE, 0, RATE_API, POOL_MAIN, NULL, 0, NULL \
	}

static struct location list[LOCATION_MAX];
static char error[LOCATION_ERROR_BYTES], storage[1024];

static int
listed(const struct route *table)
{
	error[0] = '\0';
	return location_list(table, list, error);
}

static void
refused(const struct route *table, const char *why)
{
	assert_int_equal(listed(table), -1);
	assert_string_equal(error, why);
}

/* The text that `put` makes of a location. */
static const char *
text_of(void (*put)(const struct location *, struct text *), const struct location *l)
{
	struct text t;

	text_init(&t, storage, sizeof(storage));
	put(l, &t);
	return storage;
}

TEST(usual_calls_share_one_location)
{
	const struct route table[] = { { METHOD_GET, "/api/a", MEMBERS },
		{ METHOD_POST, "/api/*/b", MEMBERS }, END };

	assert_int_equal(listed(table), 1);
	assert_string_equal(text_of(location_match, &list[0]), "/api/");
	assert_string_equal(text_of(location_body, &list[0]),
	    "            client_max_body_size 524288;\n"
	    "            client_body_buffer_size 524288;");
	assert_true(list[0].asks);
}

TEST(path_that_is_not_of_the_api_has_its_own)
{
	const struct route table[] = { { METHOD_GET, "/a", MEMBERS }, END };

	assert_int_equal(listed(table), 2);
	assert_string_equal(text_of(location_match, &list[0]), "= /a");
}

TEST(open_call_takes_a_small_body_unasked)
{
	const struct route table[] = {
		{ METHOD_GET, "/api/a", FOR_ANYONE, 100, RATE_API, POOL_MAIN, NULL, 0, NULL },
		{ METHOD_PUT, "/api/b", FOR_ANYONE, 20000, RATE_API, POOL_MAIN, NULL, 0, NULL }, END
	};

	assert_int_equal(listed(table), 3);
	assert_false(list[0].asks || list[1].asks);
	assert_string_equal(text_of(location_body, &list[0]), "");
	assert_string_equal(text_of(location_body, &list[1]),
	    "            client_max_body_size 20000;\n"
	    "            client_body_buffer_size 20000;");
}

TEST(methods_of_a_path_share_the_largest_body_and_the_freest_access)
{
	const struct route table[] = { { METHOD_GET, "/api/a/*", FOR_MEMBER, 0, RATE_API, POOL_MAIN,
					   NULL, 0, NULL },
		{ METHOD_GET, "/api/b", FOR_MEMBER, 9 << 20, RATE_API, POOL_MAIN, NULL, 0, NULL },
		{ METHOD_PUT, "/api/a/*", FOR_HOLDER, 30000, RATE_API, POOL_MAIN, NULL, 0, NULL },
		END };

	assert_int_equal(listed(table), 3);
	assert_string_equal(text_of(location_match, &list[0]), "~ ^/api/a/[^/]+$");
	assert_false(list[0].asks);
	assert_int_equal(list[0].body_limit, 30000);
	assert_string_equal(list[1].path, "/api/b");
	assert_true(list[1].asks);
	assert_int_equal(list[1].body_limit, 9 << 20);
}

TEST(scope_of_a_key_does_not_make_a_call_one_for_members)
{
	const struct route table[] = { { METHOD_GET, "/api/a", FOR_HOLDER | SCOPE_ADMIN, 0,
					   RATE_API, POOL_MAIN, NULL, 0, NULL },
		{ METHOD_GET, "/api/b", FOR_ADMIN, 0, RATE_API, POOL_MAIN, NULL, 0, NULL }, END };

	assert_int_equal(listed(table), 2);
	assert_string_equal(list[0].path, "/api/a");
	assert_false(list[0].asks);
}

TEST(rate_and_pool_make_a_location)
{
	const struct route table[] = { { METHOD_GET, "/api/a", FOR_MEMBER, 0, RATE_AUTH, POOL_MAIN,
					   NULL, 0, NULL },
		{ METHOD_GET, "/api/b", FOR_MEMBER, 0, RATE_API, POOL_LIVE, NULL, 0, NULL }, END };

	assert_int_equal(listed(table), 3);
	assert_int_equal(list[0].rate, RATE_AUTH);
	assert_int_equal(list[1].pool, POOL_LIVE);
}

TEST(what_one_location_cannot_hold_is_refused)
{
	struct route table[] = { { METHOD_GET, "/api/a", MEMBERS },
		{ METHOD_PUT, "/api/a", MEMBERS }, END };
	const char *why = "/api/a: its methods differ in rate, pool or kind of body";

	table[1].rate = RATE_AUTH;
	refused(table, why);
	table[1].rate = RATE_API;
	table[1].pool = POOL_LIVE;
	refused(table, why);
	table[1].pool = POOL_MAIN;
	table[1].body_limit = ROUTE_FILE;
	refused(table, why);
}

TEST(second_path_for_uploads_or_streams_is_refused)
{
	struct route table[] = { { METHOD_GET, "/api/a", MEMBERS },
		{ METHOD_GET, "/api/b", MEMBERS }, END };

	table[0].body_limit = table[1].body_limit = ROUTE_FILE;
	refused(table, "/api/b: uploads have one path, and so have streams, without open parts");
	table[1].body_limit = 0;
	table[1].pool = POOL_LIVE;
	assert_int_equal(listed(table), 3);
	table[1].path = "/api/*";
	refused(table, "/api/*: uploads have one path, and so have streams, without open parts");
	table[1].path = "/api/b";
	table[0].body_limit = 0;
	table[0].pool = POOL_LIVE;
	refused(table, "/api/b: uploads have one path, and so have streams, without open parts");
}

TEST(path_that_means_something_to_nginx_is_refused)
{
	static const char *const bad[] = { "/api/a.b", "/api/{a}", "/api/a b", "/api/$a",
		"/api/a;" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct route table[] = { { METHOD_GET, bad[i], MEMBERS }, END };

		assert_int_equal(listed(table), -1);
	}
}

TEST(more_locations_than_there_is_room_for_are_refused)
{
	struct route table[LOCATION_MAX + 1] = { { .path = NULL } };
	char paths[LOCATION_MAX][16];

	for (int i = 0; i < LOCATION_MAX; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/%d", i);
		table[i].path = paths[i];
	}
	assert_int_equal(listed(table), -1);
	table[LOCATION_MAX - 1].path = NULL;
	assert_int_equal(listed(table), LOCATION_MAX);
}

TEST(each_rate_has_its_limits)
{
	char no_engine[] = "";
	const struct conf c = { .api_rate = 7,
		.auth_rate = 6,
		.max_connections = 3,
		.translate_timeout_ms = 1500,
		.transcribe_url = no_engine };
	const struct conf none = { .api_rate = 0, .transcribe_url = no_engine };
	static const char *const want[RATE__MAX] = {
		[RATE_API] = "            limit_req zone=strangers burst=14 nodelay;\n"
			     "            limit_req zone=addresses burst=280 nodelay;\n"
			     "            limit_conn connections 3;\n",
		[RATE_AUTH] = "            limit_req zone=auth burst=6 nodelay;\n"
			      "            limit_conn connections 3;\n",
		[RATE_ASK] = "            limit_req zone=strangers burst=14 nodelay;\n"
			     "            limit_req zone=addresses burst=280 nodelay;\n"
			     "            limit_conn ask_client 8;\n"
			     "            limit_conn ask 16;\n"
			     "            limit_conn_status 503;\n"
			     "            fastcgi_read_timeout 7s;",
		[RATE_STREAM] = "            limit_req zone=strangers burst=14 nodelay;\n"
				"            limit_req zone=addresses burst=280 nodelay;\n"
				"            limit_conn live 200;\n",
		[RATE_LOCAL] = ""
	};

	for (int rate = 0; rate < RATE__MAX; rate++) {
		struct text t;

		text_init(&t, storage, sizeof(storage));
		location_limit((enum rate)rate, &c, &t);
		assert_string_equal(storage, want[rate]);
		text_init(&t, storage, sizeof(storage));
		location_limit((enum rate)rate, &none, &t);
		assert_string_equal(storage,
		    rate == RATE_ASK ? "            limit_conn ask 16;\n"
				       "            limit_conn_status 503;\n"
				       "            fastcgi_read_timeout 5s;" :
				       "");
	}
}

#define EACH(name) cmocka_unit_test(name)

static const struct CMUnitTest tests[] = {
	EACH(usual_calls_share_one_location),
	EACH(path_that_is_not_of_the_api_has_its_own),
	EACH(open_call_takes_a_small_body_unasked),
	EACH(methods_of_a_path_share_the_largest_body_and_the_freest_access),
	EACH(scope_of_a_key_does_not_make_a_call_one_for_members),
	EACH(rate_and_pool_make_a_location),
	EACH(what_one_location_cannot_hold_is_refused),
	EACH(second_path_for_uploads_or_streams_is_refused),
	EACH(path_that_means_something_to_nginx_is_refused),
	EACH(more_locations_than_there_is_room_for_are_refused),
	EACH(each_rate_has_its_limits),
};

int
main(void)
{
	return cmocka_run_group_tests_name("location", tests, NULL, NULL);
}
