/* The real templates in nginx/, written for plain HTTP and for TLS, and held against the routes. */
#include "conf_fixture.h"

#include "nginxconf.h"

#include <libgen.h>

static char templates[PATH_MAX];
static const struct route *table = routes;

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
		.socket_dir = "",
		.routes = table,
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
	has(text, "zone=strangers:10m rate=50r/s;");
	has(text, "zone=addresses:10m rate=1000r/s;");
	has(text, "limit_req zone=auth burst=60 nodelay;");
	has(text, "limit_conn connections 100;");
	has(text, "worker_connections 10048;");
	has(text, "worker_rlimit_nofile 20096;");
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

TEST(without_live_wake_ups_there_is_no_location_for_them)
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
	has_not(text, "limit_req zone=s");
	has_not(text, "limit_req_zone $limit_client zone=a");
	has_not(text, "limit_req_zone $limit_stranger");
	has_not(text, "limit_conn connections");
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

/* -- the table of routes and the locations ------------------------------------------------------
 */

#define MOST_ROUTES 200

static struct route changed[MOST_ROUTES];

/* The real table, to be changed; `table` points to it until tear_down. */
static void
copy_table(void)
{
	size_t n = 0;

	do {
		assert_true(n < MOST_ROUTES);
		changed[n] = routes[n];
	} while (routes[n++].path);
	table = changed;
}

/* Does nginx match the pattern of a location ("= /a", "~ ^/a/[^/]+$" or "/api/") with a path of a
 * route, whose open parts are written as *? */
static bool
is_for(const char *match, const char *path)
{
	if (match[0] == '=')
		return strcmp(match + 2, path) == 0;
	if (match[0] != '~')
		return false;
	for (match += 3; *match && *path; path++)
		if (*path == '*' && strncmp(match, "[^/]+", 5) == 0)
			match += 5;
		else if (*path != *match++)
			return false;
	return strcmp(match, "$") == 0 && !*path;
}

/* The body of the location that nginx takes for the path of a route, to be freed; a path outside of
 * /api/ that has none: NULL. Of the server on loopback, where `local`. */
static char *
location_of(char *text, const char *path, bool local)
{
	char *from = strstr(text, "listen 127.0.0.1:9123;"), *general = NULL, *found = NULL;
	char *begin = local ? from : text, *end = local ? NULL : from;

	for (char *p = begin; p && (p = strstr(p, "        location ")) && (!end || p < end); p++) {
		char match[256] = "";

		sscanf(p, " location %255[^{]", match);
		match[strcspn(match, "{")] = '\0';
		if (strlen(match))
			match[strlen(match) - 1] = '\0';
		if (is_for(match, path))
			found = p;
		else if (strcmp(match, "/api/") == 0)
			general = p;
	}
	if (!found)
		found = strncmp(path, "/api/", 5) == 0 ? general : NULL;
	return found ? strndup(found, (size_t)(strstr(found, "\n        }\n") - found)) : NULL;
}

/* May somebody call the path who has no credential of a member? */
static bool
is_open(const char *path)
{
	for (const struct route *r = table; r->path; r++)
		if (strcmp(r->path, path) == 0 &&
		    (r->access == FOR_ANYONE || (r->access & FOR_HOLDER)))
			return true;
	return false;
}

/* Every route of `table` is served in the way that its line says. */
static void
holds_the_table(char *text)
{
	for (const struct route *r = table; r->path; r++) {
		char *at = location_of(text, r->path, r->rate == RATE_LOCAL);
		size_t body = 16384;

		if (!at)
			fail_msg("%s: nginx has no location for it", r->path);
		if (r->rate == RATE_LOCAL) {
			has_not(at, "limit_");
			free(at);
			continue;
		}
		has(at,
		    r->rate == RATE_AUTH ? "limit_req zone=auth " : "limit_req zone=strangers ");
		has(at,
		    r->rate == RATE_STREAM  ? "limit_conn live " :
			r->rate == RATE_ASK ? "limit_conn ask_client " :
					      "limit_conn connections ");
		if (r->pool == POOL_LIVE)
			has(at, "proxy_pass http://webchat_live/;");
		else
			has(at, "fastcgi_pass webchat_relay;");
		if (strstr(at, "client_max_body_size "))
			sscanf(
			    strstr(at, "client_max_body_size "), "client_max_body_size %zu", &body);
		if (r->body_limit == ROUTE_FILE)
			has(at, "fastcgi_param BODY_FILE");
		else if (r->pool == POOL_MAIN && body < r->body_limit)
			fail_msg("%s: nginx takes %zu bytes of %zu", r->path, body, r->body_limit);
		if (is_open(r->path))
			has_not(at, "auth_request ");
		else
			has(at, "auth_request /");
		free(at);
	}
}

TEST(every_route_is_served_as_its_line_says)
{
	char *text;

	loads("RELAY_METRICS_PORT=9123\n");
	text = written("relay.conf.in", NULL);
	holds_the_table(text);
	free(text);
}

/* Changes all methods of the path of `r` by `change`, and says whether nginx's configuration is
 * another one then. It must hold what the table says. */
static bool
shows(const char *before, const struct route *r, void (*change)(struct route *))
{
	char *after;
	bool differs;

	copy_table();
	for (struct route *e = changed; e->path; e++)
		if (strcmp(e->path, r->path) == 0)
			change(e);
	after = written("relay.conf.in", NULL);
	is_well_formed(after);
	holds_the_table(after);
	differs = strcmp(before, after) != 0;
	free(after);
	table = routes;
	return differs;
}

static void
another_rate(struct route *r)
{
	r->rate = r->rate == RATE_AUTH ? RATE_API : RATE_AUTH;
}

static void
loopback(struct route *r)
{
	r->rate = RATE_LOCAL;
}

static void
another_pool(struct route *r)
{
	r->pool = r->pool == POOL_LIVE ? POOL_MAIN : POOL_LIVE;
	r->rate = r->pool == POOL_LIVE ? RATE_STREAM : RATE_API;
}

static void
larger_body(struct route *r)
{
	r->body_limit = 7 << 20;
}

static void
for_anyone(struct route *r)
{
	r->access = FOR_ANYONE;
}

static void
for_members(struct route *r)
{
	r->access = FOR_MEMBER;
}

TEST(route_whose_class_is_changed_changes_the_configuration)
{
	char *before;

	loads("RELAY_METRICS_PORT=9123\n");
	before = written("relay.conf.in", NULL);
	for (const struct route *r = routes; r->path; r++) {
		const bool special = r->body_limit == ROUTE_FILE || r->pool == POOL_LIVE;

		if (!shows(before, r, another_rate))
			fail_msg("%s: its rate changes nothing", r->path);
		if (!special && r->rate != RATE_LOCAL && !shows(before, r, loopback))
			fail_msg("%s: on loopback or not changes nothing", r->path);
		if (!special && r->rate != RATE_LOCAL && !shows(before, r, larger_body))
			fail_msg("%s: its body changes nothing", r->path);
		if (!special && r->rate != RATE_LOCAL &&
		    !shows(before, r, is_open(r->path) ? for_members : for_anyone))
			fail_msg("%s: who may call changes nothing", r->path);
		if (r->pool == POOL_LIVE && !shows(before, r, another_pool))
			fail_msg("%s: its pool changes nothing", r->path);
	}
	free(before);
}

TEST(stream_can_be_at_another_path)
{
	char *before, *after;

	loads("RELAY_METRICS_PORT=9123\n");
	before = written("relay.conf.in", NULL);
	copy_table();
	for (struct route *e = changed; e->path; e++)
		if (e->pool == POOL_LIVE || strcmp(e->path, "/api/v1/webchat/poll") == 0)
			another_pool(e);
	after = written("relay.conf.in", NULL);
	holds_the_table(after);
	assert_true(strcmp(before, after) != 0);
	has(after, "fastcgi_param DOCUMENT_URI /api/v1/webchat/poll;");
	free(before);
	free(after);
	table = routes;
}

TEST(engine_has_a_pool_of_its_own_where_one_is_set)
{
	char *text, *at;

	loads("RELAY_TRANSLATE_URL=http://127.0.0.1:5000\nRELAY_TRANSLATE_TIMEOUT_MS=20000\n");
	text = written("relay.conf.in", NULL);
	at = location_of(text, "/api/v1/webchat/translate", false);
	has(at, "fastcgi_pass webchat_ask;");
	has(at, "limit_conn ask 16;");
	has(at, "limit_conn_status 503;");
	has(at, "fastcgi_read_timeout 25s;");
	free(at);
	at = location_of(text, "/api/v1/webchat/poll", false);
	has(at, "fastcgi_pass webchat_relay;");
	has_not(at, "limit_conn ask ");
	free(at);
	free(text);
}

TEST(second_pool_waits_for_the_slower_engine_and_serves_either)
{
	char *text, *at;

	loads("RELAY_TRANSCRIBE_URL=http://127.0.0.1:8000\nRELAY_TRANSCRIBE_TIMEOUT_SEC=90\n");
	text = written("relay.conf.in", NULL);
	at = location_of(text, "/api/v1/webchat/transcribe", false);
	has(at, "fastcgi_pass webchat_ask;");
	has(at, "limit_conn ask 16;");
	has(at, "fastcgi_read_timeout 95s;");
	free(at);
	free(text);
	loads("RELAY_TRANSLATE_URL=http://127.0.0.1:5000\n");
	text = written("relay.conf.in", NULL);
	at = location_of(text, "/api/v1/webchat/transcribe", false);
	has(at, "fastcgi_pass webchat_ask;");
	has(at, "fastcgi_read_timeout 15s;");
	free(at);
	free(text);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(plain_template_expands),
	EACH(without_live_wake_ups_there_is_no_location_for_them),
	EACH(tls_template_expands),
	EACH(every_setting_set_expands),
	EACH(access_log_holds_no_query_and_no_token),
	EACH(every_route_is_served_as_its_line_says),
	EACH(route_whose_class_is_changed_changes_the_configuration),
	EACH(stream_can_be_at_another_path),
	EACH(engine_has_a_pool_of_its_own_where_one_is_set),
	EACH(second_pool_waits_for_the_slower_engine_and_serves_either),
};

int
main(void)
{
	return cmocka_run_group_tests_name("nginx templates", tests, find_templates, NULL);
}
