/* What the templates leave open, from the settings and the routes. Values that could end a
 * directive are refused, so no setting can add one. */
#include "nginxconf_internal.h"

#include "cleanup.h"
#include "uploads.h"

#include <limits.h>
#include <string.h>

#define LEAST_CONNECTIONS 8192
#define OTHER_CONNECTIONS 2048 /* beside streams */

/* Characters that mean something to nginx inside or outside of quotes. */
static bool
is_safe(const char *value, const char *also_bad)
{
	return strpbrk(value, "\"'\\${};\r\n") == NULL && strpbrk(value, also_bad) == NULL;
}

/* A setting whose value cannot stand in the configuration. */
static bool
fail_setting(struct writer *w, enum conf_name name, const char *why)
{
	return conf_refuse(w->n->conf, name, w->error, "%s", why);
}

static bool
add_proxy(const char *item, void *arg)
{
	struct writer *w = arg;

	text_printf(&w->value, "    set_real_ip_from %s;\n", item);
	return true;
}

static bool
add_proxies(struct writer *w)
{
	const char *list = w->n->conf->trusted_proxies;

	if (!text_list_each(list, add_proxy, w))
		return false;
	if (w->value.len)
		text_printf(
		    &w->value, "    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;");
	return true;
}

static bool
add_origin(const char *item, void *arg)
{
	struct writer *w = arg;

	if (strcmp(item, "*") == 0) {
		text_printf(&w->value, "        default \"*\";\n");
		return true;
	}
	text_printf(&w->value, "        \"%s\" \"%s\";\n", item, item);
	return true;
}

static bool
add_origins(struct writer *w)
{
	const char *list = w->n->conf->allowed_origins;

	if (!text_list_has(list, "*"))
		text_printf(&w->value, "        default \"\";\n");
	return text_list_each(list, add_origin, w);
}

static bool
add_page_relay(const char *item, void *arg)
{
	struct writer *w = arg;

	if (!is_safe(item, " \t#,*") || !strstr(item, "://") || item[strlen(item) - 1] == '/')
		return fail_setting(w, CONF_WEBCHAT_GUI_RELAYS,
		    "any, self, or origins such as https://chat.example.com are allowed");
	text_printf(&w->value, " %s", item);
	return true;
}

/* Which relays the page may talk to besides its own, as sources of a content security policy. */
static bool
add_page_relays(struct writer *w)
{
	const char *list = w->n->conf->gui_relays;

	if (strcmp(list, "any") == 0) {
		text_printf(&w->value, " https: http://localhost:* http://127.0.0.1:*");
		return true;
	}
	return strcmp(list, "self") == 0 || text_list_each(list, add_page_relay, w);
}

static bool
add_zones(struct writer *w)
{
	location_zones(w->n->conf, &w->value);
	return true;
}

static bool
add_limit(struct writer *w)
{
	location_limit(w->at->rate, w->n->conf, &w->value);
	return true;
}

static bool
add_match(struct writer *w)
{
	location_match(w->at, &w->value);
	return true;
}

static bool
add_location_path(struct writer *w)
{
	text_printf(&w->value, "%s", w->at->path);
	return true;
}

static bool
add_body(struct writer *w)
{
	location_body(w->at, &w->value);
	return true;
}

static bool
add_small_body(struct writer *w)
{
	text_printf(&w->value, "%d", ROUTE_SMALL);
	return true;
}

static bool
add_upstream(struct writer *w)
{
	text_printf(&w->value, "%s", location_upstream(w->at->pool));
	return true;
}

/* Who gets the location's FastCGI requests: relay-live gets none, a worker says who may listen. */
static bool
add_workers(struct writer *w)
{
	const enum pool pool = w->at->pool == POOL_LIVE ? POOL_MAIN : w->at->pool;

	text_printf(&w->value, "%s", location_upstream(pool));
	return true;
}

static bool
add_path(struct writer *w, enum conf_name name, const char *value)
{
	if (!is_safe(value, ""))
		return fail_setting(
		    w, name, "the path may not hold quotes, backslashes, braces, semicolons or $");
	text_printf(&w->value, "%s", value);
	return true;
}

/* A path below the operator's folder as nginx sees it from run/: then the folder may have any name.
 */
static const char *
from_run(const struct conf *c, const char *path)
{
	static char relative[PATH_MAX];
	size_t len = strlen(c->dir);

	if (!c->own_nginx || strncmp(path, c->dir, len) != 0 || path[len] != '/')
		return path;
	snprintf(relative, sizeof(relative), "..%s", path + len);
	return relative;
}

/* Where the files of the page lie: fcgi/page.c puts them there. */
static bool
add_page_dir(struct writer *w)
{
	const struct conf *c = w->n->conf;

	if (c->own_nginx) {
		text_printf(&w->value, "page");
		return true;
	}
	if (!is_safe(c->dir, ""))
		return nginxconf_fail(w, c->dir,
		    "the path may not hold quotes, backslashes, braces, semicolons or $");
	text_printf(&w->value, "%s/run/page", c->dir);
	return true;
}

/* Our own nginx leaves the body in a file that the pool takes. What another one writes is closed to
 * the pool: it passes the body on, once it has all of it. */
static bool
add_upload_body(struct writer *w)
{
	const struct conf *c = w->n->conf;

	if (!c->own_nginx) {
		text_printf(&w->value, "            fastcgi_param CONTENT_LENGTH $content_length;");
		return true;
	}
	text_printf(&w->value,
	    "            client_body_in_file_only clean;\n"
	    "            fastcgi_pass_request_body off;\n"
	    "            fastcgi_param BODY_FILE $request_body_file;\n"
	    "            client_body_temp_path \"");
	if (!add_path(w, CONF_PCHAT_UPLOAD_DIR, from_run(c, c->upload_dir)))
		return false;
	text_printf(&w->value, "/" UPLOADS_INCOMING "\";");
	return true;
}

static bool
add_listen(struct writer *w)
{
	const char *host = w->n->conf->host;

	if (strchr(host, ':')) /* :: is both families */
		text_printf(&w->value, "[%s]:%d%s", host, w->n->port,
		    strcmp(host, "::") == 0 ? " ipv6only=off" : "");
	else
		text_printf(&w->value, "%s:%d", host, w->n->port);
	return true;
}

static bool
add_upstreams(struct writer *w)
{
	if (!is_safe(w->n->socket_dir, ""))
		return nginxconf_fail(w, w->n->socket_dir,
		    "the path may not hold quotes, backslashes, braces, semicolons or $");
	location_upstreams(w->n->socket_dir, &w->value);
	return true;
}

static bool
add_user(struct writer *w)
{
	const char *user = w->n->user;

	if (user && !is_safe(user, " \t#"))
		return fail_setting(w, CONF_RELAY_USER, "a user name is allowed");
	if (user)
		text_printf(&w->value, "user %s;", user);
	return true;
}

static bool
add_certificate(struct writer *w)
{
	return add_path(w, CONF_RELAY_TLS_CERTIFICATE, w->n->conf->tls_certificate);
}

static bool
add_key(struct writer *w)
{
	return add_path(w, CONF_RELAY_TLS_KEY, w->n->conf->tls_key);
}

static bool
add_upload_dir(struct writer *w)
{
	return add_path(w, CONF_PCHAT_UPLOAD_DIR, from_run(w->n->conf, w->n->conf->upload_dir));
}

static bool
add_number(struct writer *w, int64_t n)
{
	text_printf(&w->value, "%lld", (long long)n);
	return true;
}

static bool
add_metrics_port(struct writer *w)
{
	return add_number(w, w->n->conf->metrics_port);
}

static bool
add_upload_max(struct writer *w)
{
	return add_number(w, w->n->conf->max_upload_bytes);
}

static bool
add_upload_quota(struct writer *w)
{
	return add_number(w, w->n->conf->upload_quota_bytes);
}

static bool
add_upload_limit(struct writer *w)
{
	return add_number(w, w->n->conf->max_upload_bytes + UPLOADS_OVERHEAD_BYTES);
}

static bool
add_log_address(struct writer *w)
{
	text_printf(&w->value, "%s", w->n->conf->log_addresses ? "$remote_addr " : "");
	return true;
}

/* Of one worker: all streams may meet at the same, and each takes one from the client and one to
 * relay-live. */
static int64_t
connections(const struct conf *c)
{
	const int64_t most = c->live == LIVE_FALSE ? 0 : 2 * c->live_max + OTHER_CONNECTIONS;

	return most > LEAST_CONNECTIONS ? most : LEAST_CONNECTIONS;
}

static bool
add_connections(struct writer *w)
{
	return add_number(w, connections(w->n->conf));
}

/* A response that comes from a file takes one more than its connections. */
static bool
add_open_files(struct writer *w)
{
	return add_number(w, 2 * connections(w->n->conf));
}

/* What may stand between @ signs. */
static const struct {
	const char *name;
	bool (*add)(struct writer *w);
} values[] = { { "BODY", add_body }, { "CONNECTIONS", add_connections },
	{ "CORS_ORIGINS", add_origins }, { "LIMIT", add_limit }, { "LIMIT_ZONES", add_zones },
	{ "LISTEN", add_listen }, { "LOG_ADDRESS", add_log_address }, { "MATCH", add_match },
	{ "METRICS_PORT", add_metrics_port }, { "OPEN_FILES", add_open_files },
	{ "PAGE_DIR", add_page_dir }, { "PAGE_RELAYS", add_page_relays },
	{ "PATH", add_location_path }, { "SMALL_BODY", add_small_body },
	{ "TLS_CERTIFICATE", add_certificate }, { "TLS_KEY", add_key },
	{ "TRUSTED_PROXIES", add_proxies }, { "UPLOAD_BODY", add_upload_body },
	{ "UPLOAD_DIR", add_upload_dir }, { "UPLOAD_LIMIT", add_upload_limit },
	{ "UPLOAD_MAX", add_upload_max }, { "UPLOAD_QUOTA", add_upload_quota },
	{ "UPSTREAM", add_upstream }, { "UPSTREAMS", add_upstreams }, { "USER", add_user },
	{ "WORKERS", add_workers } };

bool
nginxconf_value(struct writer *w, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i].add(w);
	return nginxconf_fail(w, name, "unknown name in a template");
}
