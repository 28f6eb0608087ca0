/* The real templates in nginx/, written for plain HTTP and for TLS. */
#include "conf_fixture.h"

#include "nginxconf.h"

#include <libgen.h>

static char templates[PATH_MAX];

/* The project's nginx/: below the working folder, or two folders above this program. */
static int
find_templates(void **state)
{
	char self[PATH_MAX] = "";

	(void)state;
	if (access("nginx/relay.conf.in", R_OK) == 0) {
		snprintf(templates, sizeof(templates), "nginx");
		return 0;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -1;
	if (snprintf(templates, sizeof(templates), "%s/../../nginx", dirname(self)) >=
	    (int)sizeof(templates))
		return -1;
	return access(templates, R_OK);
}

/* What the template becomes, to be freed. */
static char *
written(const char *name, const char *user)
{
	const struct nginxconf n = { .conf = &c,
		.template_dir = templates,
		.template_name = name,
		.user = user,
		.socket = "relay.sock",
		.port = 5110 };

	if (!nginxconf_write(&n, scratch_path(dir, "nginx.conf"), error))
		fail_msg("refused: %s", error);
	return scratch_read(dir, "nginx.conf");
}

static void
has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is missing", part);
}

static void
has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' should not be there", part);
}

/* @NAME@; a single @ starts the name of a location. */
static void
has_no_placeholder(const char *text)
{
	for (const char *p = strchr(text, '@'); p; p = strchr(p + 1, '@'))
		if (p[1 + strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '@' ||
		    strncmp(p, "@include", 8) == 0)
			fail_msg("a placeholder is left: %.40s", p);
}

/* Braces in pairs, no placeholder left, every directive ended. Quoted texts and comments are left
 * out. */
static void
is_well_formed(const char *text)
{
	int depth = 0;
	char quote = 0;

	has_not(text, "@include");
	has_no_placeholder(text);
	for (const char *p = text; *p; p++) {
		if (quote) {
			quote = *p == quote ? 0 : quote;
		} else if (*p == '#') {
			p += strcspn(p, "\n") - 1;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if (*p == '{' || *p == '}') {
			depth += *p == '{' ? 1 : -1;
			assert_true(depth >= 0);
		}
	}
	assert_int_equal(depth, 0);
	assert_int_equal(quote, 0);
}

static void
shared_by_both(const char *text)
{
	is_well_formed(text);
	has(text, "daemon off;");
	has(text, "server \"unix:relay.sock\" max_fails=0;");
	has(text, "zone=api:10m rate=50r/s;");
	has(text, "limit_req zone=auth burst=60 nodelay;");
	has(text, "limit_conn connections 100;");
	has(text, "server \"unix:live.sock\" max_fails=0;");
	has(text, "location = /api/v1/webchat/events {");
	has(text, "default \"*\";");
	has_not(text, "set_real_ip_from");
	has_not(text, "$remote_addr $request_id");
}

TEST(plain_template_expands)
{
	char *text;

	loads(NULL);
	text = written("relay.conf.in", NULL);
	shared_by_both(text);
	has(text, "listen 0.0.0.0:5110 backlog=");
	has_not(text, "ssl");
	has_not(text, "user ");
	free(text);
}

TEST(without_live_wake_ups_there_is_no_place_for_them)
{
	char *text;

	loads("RELAY_LIVE=false\n");
	text = written("relay.conf.in", NULL);
	is_well_formed(text);
	has_not(text, "webchat/events");
	free(text);
}

TEST(tls_template_expands)
{
	char *text, want[SCRATCH_BYTES + 64];

	loads("RELAY_TLS_CERTIFICATE=c.pem\nRELAY_TLS_KEY=k.pem\nHOST=::\n");
	text = written("relay-tls.conf.in", "www-data");
	shared_by_both(text);
	has(text, "listen [::]:5110 ipv6only=off ssl");
	has(text, "\nuser www-data;");
	snprintf(want, sizeof(want), "ssl_certificate \"%s/c.pem\";", dir);
	has(text, want);
	snprintf(want, sizeof(want), "ssl_certificate_key \"%s/k.pem\";", dir);
	has(text, want);
	has_not(text, "TLSv1.1");
	free(text);
}

TEST(every_setting_set_expands)
{
	char *text;

	loads("RELAY_TRUSTED_PROXIES=10.0.0.0/8\nWEBCHAT_ALLOWED_ORIGINS=https://a.org\n"
	      "RELAY_API_RATE=0\nRELAY_AUTH_RATE=0\nRELAY_MAX_CONNECTIONS=0\n"
	      "RELAY_LOG_ADDRESSES=true\n");
	text = written("relay.conf.in", NULL);
	is_well_formed(text);
	has(text, "set_real_ip_from 10.0.0.0/8;");
	has(text, "\"https://a.org\" \"https://a.org\";");
	has(text, "$remote_addr $request_id");
	has_not(text, "limit_req zone=a");
	has_not(text, "limit_req_zone $limit_client zone=a");
	has_not(text, "limit_conn ");
	free(text);
}

TEST(access_log_holds_no_query_and_no_token)
{
	char *text, *format;

	loads(NULL);
	text = written("relay.conf.in", NULL);
	format = strstr(text, "log_format");
	assert_non_null(format);
	*strchr(format, ';') = '\0';
	has_not(format, "$request_uri");
	has_not(format, "$args");
	has_not(format, "$query_string");
	has_not(format, "\"$request\"");
	has_not(format, "$http_");
	free(text);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(plain_template_expands),
	EACH(without_live_wake_ups_there_is_no_place_for_them),
	EACH(tls_template_expands),
	EACH(every_setting_set_expands),
	EACH(access_log_holds_no_query_and_no_token),
};

int
main(void)
{
	return cmocka_run_group_tests_name("nginx templates", tests, find_templates, NULL);
}
