/* The nginx configuration: templates of the test's own, then the real ones. A setting can never add
 * a directive, and after a refusal the old file is as it was. */
#include "conf_fixture.h"

#include "nginxconf.h"

#define OLD "# the old configuration\n"

static struct nginxconf n;

static int
set_up_templates(void **state)
{
	if (set_up(state) != 0 || !load(NULL))
		return -1;
	assert_int_equal(mkdir(scratch_path(dir, "t"), 0700), 0);
	scratch_write(dir, "nginx.conf", OLD);
	n = (struct nginxconf){ .conf = &c,
		.template_dir = strdup(scratch_path(dir, "t")),
		.template_name = "main.in",
		.socket_dir = "",
		.routes = routes,
		.port = 5110 };
	return 0;
}

static int
tear_down_templates(void **state)
{
	free((void *)(uintptr_t)n.template_dir);
	return tear_down(state);
}

static void
set(char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
	assert_non_null(*field);
}

static bool
write_conf(void)
{
	error[0] = '\0';
	return nginxconf_write(&n, scratch_path(dir, "nginx.conf"), error);
}

/* The template `text` becomes `want`. */
static void
becomes(const char *text, const char *want)
{
	char *got;

	scratch_write(dir, "t/main.in", text);
	if (!write_conf())
		fail_msg("refused: %s", error);
	got = scratch_read(dir, "nginx.conf");
	assert_string_equal(got, want);
	free(got);
}

/* Writing fails with one line that has `want` in it; the old file stays, nothing else is left. */
static void
fails(const char *want)
{
	char *left;

	if (write_conf())
		fail_msg("written, but should say %s", want);
	assert_non_null(strstr(error, want));
	assert_true(error[0] != '\0' && !strchr(error, '\n'));
	left = scratch_read(dir, "nginx.conf");
	assert_string_equal(left, OLD);
	free(left);
	assert_false(scratch_has(dir, "nginx.conf.new"));
}

static bool
has_text(const char *part)
{
	char *got = scratch_read(dir, "nginx.conf");
	bool found = strstr(got, part) != NULL;

	free(got);
	return found;
}

TEST(text_without_placeholders_is_copied)
{
	becomes("", "");
	becomes("a {\n    b;\n}\n", "a {\n    b;\n}\n");
	becomes("no newline", "no newline");
	becomes("mail to a@b", "mail to a@b");
}

TEST(placeholders_are_put_in)
{
	becomes(
	    "x @LISTEN@ y @WORKERS@;@LISTEN@\n", "x 0.0.0.0:5110 y webchat_relay;0.0.0.0:5110\n");
}

TEST(file_is_for_its_owner_alone)
{
	struct stat st;

	becomes("a\n", "a\n");
	assert_int_equal(stat(scratch_path(dir, "nginx.conf"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

TEST(include_puts_another_template_in)
{
	scratch_write(dir, "t/a.in", "a @WORKERS@\n@include b.in@\n");
	scratch_write(dir, "t/b.in", "b\n");
	becomes("1\n@include a.in@\n2\n", "1\na webchat_relay\nb\n2\n");
}

TEST(include_six_deep_is_allowed_seven_refused)
{
	scratch_write(dir, "t/1", "@include 2@\n");
	scratch_write(dir, "t/2", "@include 3@\n");
	scratch_write(dir, "t/3", "@include 4@\n");
	scratch_write(dir, "t/4", "@include 5@\n");
	scratch_write(dir, "t/5", "end\n");
	becomes("@include 1@\n", "end\n");
	scratch_write(dir, "nginx.conf", OLD);
	scratch_write(dir, "t/5", "@include 6@\n");
	scratch_write(dir, "t/6", "end\n");
	fails("/t/6: included too deep");
}

TEST(include_of_itself_is_refused)
{
	scratch_write(dir, "t/main.in", "x\n@include main.in@\n");
	fails("/t/main.in: included too deep");
}

TEST(include_of_a_missing_file_is_refused)
{
	scratch_write(dir, "t/main.in", "x\n@include none.in@\n");
	fails("/t/none.in: No such file or directory");
}

TEST(missing_template_is_refused)
{
	fails("/t/main.in: No such file or directory");
}

TEST(unknown_placeholder_is_refused)
{
	scratch_write(dir, "t/main.in", "a\n@NOTHING@\n");
	fails("NOTHING: unknown name in a template");
	scratch_write(dir, "t/main.in", "@listen@\n");
	fails("listen: unknown name in a template");
}

TEST(empty_or_over_long_placeholder_is_refused)
{
	scratch_write(dir, "t/main.in", "a @@ b\n");
	fails("template: a lone @");
	scratch_write(dir, "t/main.in",
	    "@XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX@\n");
	fails("template: a lone @");
}

TEST(folder_that_cannot_be_written_is_refused)
{
	scratch_write(dir, "t/main.in", "a\n");
	assert_false(nginxconf_write(&n, scratch_path(dir, "none/nginx.conf"), error));
	assert_non_null(strstr(error, "/none/nginx.conf.new: No such file or directory"));
}

TEST(listen_puts_ipv6_in_brackets)
{
	set(&c.host, "::1");
	becomes("@LISTEN@", "[::1]:5110");
	set(&c.host, "::");
	becomes("@LISTEN@", "[::]:5110 ipv6only=off");
	set(&c.host, "localhost");
	becomes("@LISTEN@", "localhost:5110");
}

TEST(user_line_is_empty_unless_nginx_is_started_as_root)
{
	becomes("@USER@", "");
	n.user = "www-data";
	becomes("@USER@", "user www-data;");
}

TEST(log_address_follows_its_setting)
{
	becomes("[@LOG_ADDRESS@]", "[]");
	c.log_addresses = true;
	becomes("[@LOG_ADDRESS@]", "[$remote_addr ]");
}

TEST(origins_any_or_a_list)
{
	becomes("@CORS_ORIGINS@", "        default \"*\";\n");
	set(&c.allowed_origins, " https://a.org ,http://b.org:81");
	becomes("@CORS_ORIGINS@",
	    "        default \"\";\n        \"https://a.org\" \"https://a.org\";\n"
	    "        \"http://b.org:81\" \"http://b.org:81\";\n");
}

TEST(proxies_none_or_a_list)
{
	becomes("@TRUSTED_PROXIES@", "");
	set(&c.trusted_proxies, "10.0.0.1, 10.0.0.0/8,::1,fd00::/64,0.0.0.0/0");
	becomes("@TRUSTED_PROXIES@",
	    "    set_real_ip_from 10.0.0.1;\n    set_real_ip_from 10.0.0.0/8;\n"
	    "    set_real_ip_from ::1;\n    set_real_ip_from fd00::/64;\n"
	    "    set_real_ip_from 0.0.0.0/0;\n"
	    "    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;");
}

TEST(limits_of_zero_leave_no_directive)
{
	c.api_rate = c.auth_rate = c.max_connections = 0;
	becomes("@LIMIT_ZONES@@LIMIT@", "    limit_conn_zone ask zone=ask:64k;");
}

TEST(sockets_lie_in_their_folder)
{
	becomes("@UPSTREAMS@",
	    "    upstream webchat_relay {\n"
	    "        server \"unix:relay.sock\" max_fails=0;\n"
	    "        server \"unix:relay.sock\" max_fails=0;\n"
	    "        server \"unix:relay.sock\" max_fails=0;\n"
	    "        server \"unix:relay.sock\" max_fails=0;\n"
	    "    }\n"
	    "    upstream webchat_ask {\n"
	    "        server \"unix:ask.sock\" max_fails=0;\n"
	    "    }\n"
	    "    upstream webchat_live {\n"
	    "        server \"unix:live.sock\" max_fails=0;\n"
	    "    }\n");
	n.socket_dir = "/srv/a b/run/";
	scratch_write(dir, "t/main.in", "@UPSTREAMS@");
	assert_true(write_conf());
	assert_true(has_text("\"unix:/srv/a b/run/relay.sock\""));
	assert_true(has_text("\"unix:/srv/a b/run/live.sock\""));
	scratch_write(dir, "nginx.conf", OLD);
	n.socket_dir = "/a;b/";
	fails("/a;b/: the path may not");
}

TEST(limits_are_written_with_their_bursts)
{
	c.api_rate = 10;
	c.auth_rate = 6;
	c.max_connections = 3;
	becomes("@LIMIT_ZONES@",
	    "    limit_req_zone $limit_stranger zone=strangers:10m rate=10r/s;\n"
	    "    limit_req_zone $limit_client zone=addresses:10m rate=200r/s;\n"
	    "    limit_req_zone $limit_client zone=auth:10m rate=6r/m;\n"
	    "    limit_conn_zone $limit_client zone=connections:10m;\n"
	    "    limit_conn_zone $limit_client zone=ask_client:10m;\n"
	    "    limit_conn_zone $limit_client zone=live:10m;\n"
	    "    limit_conn_zone ask zone=ask:64k;");
	becomes("@LIMIT@",
	    "            limit_req zone=strangers burst=20 nodelay;\n"
	    "            limit_req zone=addresses burst=400 nodelay;\n"
	    "            limit_conn connections 3;\n");
}

TEST(routes_that_nginx_cannot_hold_are_refused)
{
	const struct route bad[] = { { .path = "/a", .rate = RATE_API },
		{ .path = "/a", .rate = RATE_AUTH }, { .path = NULL } };

	n.routes = bad;
	scratch_write(dir, "t/main.in", "a\n");
	fails("routes: /a: its methods differ in rate, pool or kind of body");
}

static const char *const injections[] = { "; return 200", "{ }", "}", "{", "$request", "\"", "'",
	"\\", "\n", "\r", "x\";\n}\nserver { listen 1; }" };

/* Every injection in the middle of `good` is refused with `want`. */
static void
refuses_injections(char **field, const char *head, const char *tail, const char *want)
{
	for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++) {
		char value[256];

		snprintf(value, sizeof(value), "%s%s%s", head, injections[i], tail);
		set(field, value);
		fails(want);
	}
}

TEST(injection_by_user_is_refused)
{
	static const char *const bad[] = { "a b", "a\tb", "a#" };

	scratch_write(dir, "t/main.in", "@USER@");
	for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++) {
		n.user = injections[i];
		fails("default: RELAY_USER: a user name");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n.user = bad[i];
		fails("default: RELAY_USER: a user name");
	}
}

TEST(injection_by_tls_paths_is_refused)
{
	scratch_write(dir, "t/main.in", "\"@TLS_CERTIFICATE@\"");
	refuses_injections(
	    &c.tls_certificate, "/c", ".pem", "default: RELAY_TLS_CERTIFICATE: the path may not");
	scratch_write(dir, "t/main.in", "\"@TLS_KEY@\"");
	refuses_injections(&c.tls_key, "/k", ".pem", "default: RELAY_TLS_KEY: the path may not");
}

TEST(tls_path_with_a_blank_is_allowed)
{
	set(&c.tls_certificate, "/my certs/c#.pem");
	becomes("\"@TLS_CERTIFICATE@\"", "\"/my certs/c#.pem\"");
}

TEST(value_that_is_too_long_is_refused)
{
	char list[8000] = "";

	for (size_t i = 0; i < 900; i++)
		snprintf(list + 8 * i, 9, "1.1.1.1,");
	set(&c.trusted_proxies, list);
	scratch_write(dir, "t/main.in", "@TRUSTED_PROXIES@");
	fails("TRUSTED_PROXIES: the value is too long");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up_templates, tear_down_templates)

static const struct CMUnitTest tests[] = {
	EACH(text_without_placeholders_is_copied),
	EACH(placeholders_are_put_in),
	EACH(file_is_for_its_owner_alone),
	EACH(include_puts_another_template_in),
	EACH(include_six_deep_is_allowed_seven_refused),
	EACH(include_of_itself_is_refused),
	EACH(include_of_a_missing_file_is_refused),
	EACH(missing_template_is_refused),
	EACH(unknown_placeholder_is_refused),
	EACH(empty_or_over_long_placeholder_is_refused),
	EACH(folder_that_cannot_be_written_is_refused),
	EACH(listen_puts_ipv6_in_brackets),
	EACH(user_line_is_empty_unless_nginx_is_started_as_root),
	EACH(log_address_follows_its_setting),
	EACH(origins_any_or_a_list),
	EACH(proxies_none_or_a_list),
	EACH(limits_of_zero_leave_no_directive),
	EACH(sockets_lie_in_their_folder),
	EACH(limits_are_written_with_their_bursts),
	EACH(routes_that_nginx_cannot_hold_are_refused),
	EACH(injection_by_user_is_refused),
	EACH(injection_by_tls_paths_is_refused),
	EACH(tls_path_with_a_blank_is_allowed),
	EACH(value_that_is_too_long_is_refused),
};

int
main(void)
{
	return cmocka_run_group_tests_name("nginxconf", tests, NULL, NULL);
}
