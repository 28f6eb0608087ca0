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

/* True when the path fits the pattern; *arg and *arg_len are the part under "*", if the pattern has
 * one. */
static bool
matches(const char *pattern, const char *path, const char **arg, size_t *arg_len)
{
	const char *star = strchr(pattern, '*');
	size_t head, part;

	if (!star)
		return strcmp(pattern, path) == 0;
	head = (size_t)(star - pattern);
	if (strncmp(pattern, path, head) != 0)
		return false;
	part = strcspn(path + head, "/");
	if (part == 0 || part >= ARG_BYTES || strcmp(star + 1, path + head + part) != 0)
		return false;
	*arg = path + head;
	*arg_len = part;
	return true;
}

const struct route *
route_find(struct request *r)
{
	char allow[64];
	struct text methods;
	const char *arg = NULL;
	size_t arg_len = 0;

	text_init(&methods, allow, sizeof(allow));
	for (const struct route *e = routes; e->path; e++) {
		if (!matches(e->path, r->path, &arg, &arg_len))
			continue;
		if (e->method == r->method && r->method_name) {
			r->arg = arg ? arena_strndup(&r->arena, arg, arg_len) : NULL;
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
	    "This path does not know the method; Allow lists those it knows.");
	r->resp.allow = arena_strdup(&r->arena, allow);
	return NULL;
}
