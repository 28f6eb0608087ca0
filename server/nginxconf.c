/* Template expansion for nginx. Values that could end a directive are refused, so no setting can
 * add one. */
#include "nginxconf.h"

#include "cleanup.h"
#include "text.h"
#include "uploads.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_BYTES 4096
#define VALUE_BYTES 16384
#define INCLUDE_DEPTH 5
#define STREAMS_PER_CLIENT 200

struct writer {
	const struct nginxconf *n;
	FILE *out;
	char *error;
	struct text value; /* scratch for one value */
};

static bool
fail(struct writer *w, const char *what, const char *why)
{
	snprintf(w->error, CONF_ERROR_BYTES, "%s: %s", what, why);
	return false;
}

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
	const struct conf *c = w->n->conf;

	if (c->api_rate)
		text_printf(&w->value,
		    "    limit_req_zone $limit_client zone=api:10m rate=%lldr/s;\n",
		    (long long)c->api_rate);
	if (c->auth_rate)
		text_printf(&w->value,
		    "    limit_req_zone $limit_client zone=auth:10m rate=%lldr/m;\n",
		    (long long)c->auth_rate);
	if (c->max_connections)
		text_printf(&w->value,
		    "    limit_conn_zone $limit_client zone=connections:10m;\n"
		    "    limit_conn_zone $limit_client zone=live:10m;\n");
	return true;
}

static bool
add_limit(struct writer *w, const char *zone, int64_t rate, int64_t burst)
{
	if (rate)
		text_printf(&w->value, "            limit_req zone=%s burst=%lld nodelay;\n", zone,
		    (long long)burst);
	if (w->n->conf->max_connections)
		text_printf(&w->value, "            limit_conn connections %lld;",
		    (long long)w->n->conf->max_connections);
	return true;
}

/* A stream is no request that hurries: how many there may be is a limit of its own. */
static bool
add_limit_live(struct writer *w)
{
	const int64_t rate = w->n->conf->api_rate;

	if (rate)
		text_printf(&w->value, "            limit_req zone=api burst=%lld nodelay;\n",
		    (long long)(2 * rate));
	if (w->n->conf->max_connections)
		text_printf(&w->value, "            limit_conn live %d;", STREAMS_PER_CLIENT);
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
		return fail(w, c->dir,
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
add_socket(struct writer *w)
{
	if (!is_safe(w->n->socket, ""))
		return fail(w, w->n->socket,
		    "the path may not hold quotes, backslashes, braces, semicolons or $");
	text_printf(&w->value, "%s", w->n->socket);
	return true;
}

/* relay-live's socket lies beside the workers'. */
static bool
add_live_socket(struct writer *w)
{
	const char *socket = w->n->socket, *slash = strrchr(socket, '/');

	if (!is_safe(socket, ""))
		return add_socket(w);
	text_printf(
	    &w->value, "%.*s" NGINXCONF_LIVE_SOCKET, slash ? (int)(slash + 1 - socket) : 0, socket);
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
expand(struct writer *w, const char *name)
{
	const struct conf *c = w->n->conf;

	if (strcmp(name, "LISTEN") == 0)
		return add_listen(w);
	if (strcmp(name, "SOCKET") == 0)
		return add_socket(w);
	if (strcmp(name, "LIVE_SOCKET") == 0)
		return add_live_socket(w);
	if (strcmp(name, "TLS_CERTIFICATE") == 0)
		return add_path(w, CONF_RELAY_TLS_CERTIFICATE, c->tls_certificate);
	if (strcmp(name, "TLS_KEY") == 0)
		return add_path(w, CONF_RELAY_TLS_KEY, c->tls_key);
	if (strcmp(name, "METRICS_PORT") == 0) {
		text_printf(&w->value, "%lld", (long long)c->metrics_port);
		return true;
	}
	if (strcmp(name, "UPLOAD_DIR") == 0)
		return add_path(w, CONF_PCHAT_UPLOAD_DIR, from_run(c, c->upload_dir));
	if (strcmp(name, "UPLOAD_BODY") == 0)
		return add_upload_body(w);
	if (strcmp(name, "UPLOAD_MAX") == 0 || strcmp(name, "UPLOAD_QUOTA") == 0) {
		text_printf(&w->value, "%lld",
		    (long long)(name[7] == 'M' ? c->max_upload_bytes : c->upload_quota_bytes));
		return true;
	}
	if (strcmp(name, "UPLOAD_LIMIT") == 0) {
		text_printf(
		    &w->value, "%lld", (long long)c->max_upload_bytes + UPLOADS_OVERHEAD_BYTES);
		return true;
	}
	if (strcmp(name, "PAGE_DIR") == 0)
		return add_page_dir(w);
	if (strcmp(name, "PAGE_RELAYS") == 0)
		return add_page_relays(w);
	if (strcmp(name, "TRUSTED_PROXIES") == 0)
		return add_proxies(w);
	if (strcmp(name, "CORS_ORIGINS") == 0)
		return add_origins(w);
	if (strcmp(name, "LIMIT_ZONES") == 0)
		return add_zones(w);
	if (strcmp(name, "LIMIT_API") == 0)
		return add_limit(w, "api", c->api_rate, 2 * c->api_rate);
	if (strcmp(name, "LIMIT_LIVE") == 0)
		return add_limit_live(w);
	if (strcmp(name, "LIMIT_AUTH") == 0)
		return add_limit(w, "auth", c->auth_rate, c->auth_rate);
	if (strcmp(name, "USER") == 0)
		return add_user(w);
	if (strcmp(name, "LOG_ADDRESS") == 0) {
		text_printf(&w->value, "%s", c->log_addresses ? "$remote_addr " : "");
		return true;
	}
	return fail(w, name, "unknown name in a template");
}

static bool write_template(struct writer *w, const char *name, int depth);

/* One line: values between @ signs in capitals are put in, everything else is copied. */
static bool
write_line(struct writer *w, const char *line)
{
	while (*line) {
		const char *at = strchr(line, '@'), *end = at ? strchr(at + 1, '@') : NULL;
		char name[64];
		size_t len;

		if (!end) {
			fputs(line, w->out);
			break;
		}
		len = (size_t)(end - at - 1);
		if (len == 0 || len >= sizeof(name))
			return fail(w, "template", "a lone @");
		memcpy(name, at + 1, len);
		name[len] = '\0';
		text_init(&w->value, w->value.data, VALUE_BYTES);
		if (!expand(w, name))
			return false;
		if (!text_ok(&w->value))
			return fail(w, name, "the value is too long");
		fprintf(w->out, "%.*s%s", (int)(at - line), line, w->value.data);
		line = end + 1;
	}
	return true;
}

static bool
write_template(struct writer *w, const char *name, int depth)
{
	char path[PATH_MAX], line[LINE_BYTES], include[256];
	auto_file FILE *in = NULL;

	snprintf(path, sizeof(path), "%s/%s", w->n->template_dir, name);
	in = depth > 0 ? fopen(path, "re") : NULL;
	if (!in)
		return fail(w, path, depth > 0 ? strerror(errno) : "included too deep");
	while (fgets(line, sizeof(line), in)) {
		bool ok = strcmp(line, "@METRICS@\n") == 0 ? !w->n->conf->metrics_port ||
			write_template(w, "snippets/metrics.conf.in", depth - 1) :
		    strcmp(line, "@PAGE@\n") == 0 ? !w->n->conf->gui ||
			write_template(w, "snippets/page.conf.in", depth - 1) :
		    strcmp(line, "@LIVE@\n") == 0 ? w->n->conf->live == LIVE_FALSE ||
			write_template(w, "snippets/live.conf.in", depth - 1) :
		    sscanf(line, "@include %255[^@]@", include) == 1 ?
						    write_template(w, include, depth - 1) :
						    write_line(w, line);

		if (!ok)
			return false;
	}
	return true;
}

bool
nginxconf_write(const struct nginxconf *n, const char *path, char error[static CONF_ERROR_BYTES])
{
	char temp[PATH_MAX];
	auto_free char *scratch = malloc(VALUE_BYTES);
	struct writer w = { .n = n, .error = error };
	int fd;
	bool ok;

	if (!scratch || snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return fail(&w, path, "the path is too long");
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	w.out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!w.out)
		return fail(&w, temp, strerror(errno));
	text_init(&w.value, scratch, VALUE_BYTES);
	ok = write_template(&w, n->template_name, INCLUDE_DEPTH);
	if (fclose(w.out) != 0 && ok)
		ok = fail(&w, temp, strerror(errno));
	if (ok && rename(temp, path) != 0)
		ok = fail(&w, path, strerror(errno));
	if (!ok)
		unlink(temp);
	return ok;
}
