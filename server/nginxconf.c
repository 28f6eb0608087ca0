/* Template expansion for nginx. */
#include "nginxconf_internal.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_BYTES 4096
#define VALUE_BYTES 16384
#define INCLUDE_DEPTH 6

bool
nginxconf_fail(struct writer *w, const char *what, const char *why)
{
	snprintf(w->error, CONF_ERROR_BYTES, "%s: %s", what, why);
	return false;
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
			return nginxconf_fail(w, "template", "a lone @");
		memcpy(name, at + 1, len);
		name[len] = '\0';
		text_init(&w->value, w->value.data, VALUE_BYTES);
		if (!nginxconf_value(w, name))
			return false;
		if (!text_ok(&w->value))
			return nginxconf_fail(w, name, "the value is too long");
		fprintf(w->out, "%.*s%s", (int)(at - line), line, w->value.data);
		line = end + 1;
	}
	return true;
}

static bool
write_metrics(struct writer *w, int depth)
{
	return !w->n->conf->metrics_port || write_template(w, "snippets/metrics.conf.in", depth);
}

static bool
write_page(struct writer *w, int depth)
{
	return !w->n->conf->gui || write_template(w, "snippets/page.conf.in", depth);
}

static bool
write_ask(struct writer *w, int depth)
{
	return !w->at->asks || write_template(w, "snippets/ask.conf.in", depth);
}

/* How the location is written; NULL: not at all. Without relay-live its calls are as all others. */
static const char *
template_of(const struct writer *w, const struct location *l)
{
	if (l->pool == POOL_LIVE)
		return w->n->conf->live == LIVE_FALSE ? NULL : "snippets/live.conf.in";
	if (l->body_limit == ROUTE_FILE)
		return "snippets/upload.conf.in";
	return l->rate == RATE_LOCAL ? "snippets/local.conf.in" : "snippets/location.conf.in";
}

/* Without an engine nobody waits: the main pool says that there is none. */
static void
route_to_main_pool(struct writer *w)
{
	for (int i = 0; i < w->count && !conf_asks(w->n->conf); i++)
		if (w->all[i].pool == POOL_ASK)
			w->all[i].pool = POOL_MAIN;
}

/* Those that are for loopback alone, or those that are not. */
static bool
write_some(struct writer *w, bool local, int depth)
{
	const struct location *before = w->at;
	bool ok = true;

	for (int i = 0; i < w->count && ok; i++) {
		const char *name = template_of(w, &w->all[i]);

		if (!name || (w->all[i].rate == RATE_LOCAL) != local)
			continue;
		w->at = &w->all[i];
		ok = write_template(w, name, depth);
	}
	w->at = before;
	return ok;
}

static bool
write_locations(struct writer *w, int depth)
{
	return write_some(w, false, depth);
}

static bool
write_local_locations(struct writer *w, int depth)
{
	return write_some(w, true, depth);
}

/* Lines that become templates, or none. */
static const struct {
	const char *line;
	bool (*write)(struct writer *w, int depth);
} lines[] = { { "@ASK@\n", write_ask }, { "@LOCATIONS@\n", write_locations },
	{ "@LOCAL_LOCATIONS@\n", write_local_locations }, { "@METRICS@\n", write_metrics },
	{ "@PAGE@\n", write_page } };

static bool
write_one(struct writer *w, const char *line, int depth)
{
	char include[256];

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (strcmp(line, lines[i].line) == 0)
			return lines[i].write(w, depth);
	return sscanf(line, "@include %255[^@]@", include) == 1 ?
	    write_template(w, include, depth) :
	    write_line(w, line);
}

static bool
write_template(struct writer *w, const char *name, int depth)
{
	char path[PATH_MAX], line[LINE_BYTES];
	auto_file FILE *in = NULL;

	snprintf(path, sizeof(path), "%s/%s", w->n->template_dir, name);
	in = depth > 0 ? fopen(path, "re") : NULL;
	if (!in)
		return nginxconf_fail(w, path, depth > 0 ? strerror(errno) : "included too deep");
	while (fgets(line, sizeof(line), in))
		if (!write_one(w, line, depth - 1))
			return false;
	return true;
}

bool
nginxconf_write(const struct nginxconf *n, const char *path, char error[static CONF_ERROR_BYTES])
{
	char temp[PATH_MAX];
	auto_free char *scratch = malloc(VALUE_BYTES);
	struct writer w = { .n = n, .error = error };
	char why[LOCATION_ERROR_BYTES];
	int fd;
	bool ok;

	w.count = location_list(n->routes, w.all, why);
	if (w.count <= 0)
		return nginxconf_fail(&w, "routes", why);
	route_to_main_pool(&w);
	w.at = &w.all[w.count - 1];
	if (!scratch || snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return nginxconf_fail(&w, path, "the path is too long");
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	w.out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!w.out)
		return nginxconf_fail(&w, temp, strerror(errno));
	text_init(&w.value, scratch, VALUE_BYTES);
	ok = write_template(&w, n->template_name, INCLUDE_DEPTH);
	if (fclose(w.out) != 0 && ok)
		ok = nginxconf_fail(&w, temp, strerror(errno));
	if (ok && rename(temp, path) != 0)
		ok = nginxconf_fail(&w, path, strerror(errno));
	if (!ok)
		unlink(temp);
	return ok;
}
