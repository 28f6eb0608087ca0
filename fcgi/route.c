/* Finding a route: method and path against the table. */
#include "route.h"

#include "resp.h"
#include "text.h"

#include <string.h>

#define ARG_BYTES 256

const char *
route_method_name(enum method m)
{
	static const char *const names[METHOD__MAX] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

	return names[m];
}

struct parts {
	const char *start[2];
	size_t len[2];
	int count;
};

/* True when the path fits the pattern; the parts under its "*" (two at most) go to `parts`. */
static bool
matches(const char *pattern, const char *path, struct parts *parts)
{
	parts->count = 0;
	for (; *pattern; pattern++) {
		size_t part;

		if (*pattern != '*') {
			if (*pattern != *path++)
				return false;
			continue;
		}
		part = strcspn(path, "/");
		if (part == 0 || part >= ARG_BYTES)
			return false;
		parts->start[parts->count] = path;
		parts->len[parts->count++] = part;
		path += part;
	}
	return *path == '\0';
}

/* A part of the path that names somebody or something, in the kept form: ids are lower case as
 * addresses are. */
static char *
take_arg(struct request *r, const char *start, size_t len)
{
	char *arg = arena_strndup(&r->arena, start, len);

	if (arg)
		text_clean_address(arg);
	return arg;
}

const struct route *
route_find(struct request *r)
{
	char allow[64];
	struct text methods;
	struct parts parts = { .count = 0 };

	text_init(&methods, allow, sizeof(allow));
	for (const struct route *e = routes; e->path; e++) {
		if (!matches(e->path, r->path, &parts))
			continue;
		if (e->method == r->method && r->method_name) {
			for (int i = 0; i < parts.count; i++)
				r->args[i] = take_arg(r, parts.start[i], parts.len[i]);
			return e;
		}
		text_printf(&methods, "%s%s%s", methods.len ? ", " : "",
		    route_method_name(e->method), e->method == METHOD_GET ? ", HEAD" : "");
	}
	if (methods.len == 0) {
		resp_error(r, 404, "not_found", "There is nothing at this path.");
		return NULL;
	}
	resp_error(r, 405, "method_not_allowed",
	    "This path does not support the method; Allow lists those it does.");
	r->resp.allow = arena_strdup(&r->arena, allow);
	return NULL;
}
