/* Fuzzing of whole requests through the pipeline, with the real store. An input is a byte for the
 * route, a byte for who asks, a line of what stands for the stars of its path, a line of its query,
 * a line of more parameters of the web server, and the body. {NAME} stands for what there is of
 * that name (request.dict). Every request has a response, never a 500, and a body of JSON where it
 * says so. */
#include "fuzz_relay.h"

#include "json_read.h"
#include "route.h"

#include <json-c/json.h>

#define TEXT 4096
#define AS_BEFORE 256 /* inputs, after which all is as it was */

static int route_count;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	relay_make();
	while (routes[route_count].path)
		route_count++;
	return 0;
}

/* The next line of the input, as a text. */
static void
take_line(const uint8_t **data, size_t *size, char out[static TEXT])
{
	const uint8_t *end = memchr(*data, '\n', *size);
	size_t len = end ? (size_t)(end - *data) : *size;

	snprintf(out, TEXT, "%.*s", (int)(len < TEXT ? len : TEXT - 1), (const char *)*data);
	*data += len + (end != NULL);
	*size -= len + (end != NULL);
}

/* The route's path with the line's words for its stars. */
static void
fill_path(const char *pattern, const char *line, char out[static TEXT])
{
	size_t len = 0;

	for (; *pattern && len < TEXT - 1; pattern++) {
		if (*pattern != '*') {
			out[len++] = *pattern;
			continue;
		}
		for (; *line && *line != ' ' && len < TEXT - 1; line++)
			out[len++] = *line;
		line += *line == ' ';
	}
	out[len] = '\0';
}

static void
check(const struct reply *reply)
{
	const char *body = strstr(reply->text, "\r\n\r\n");
	struct json_object *root;

	if (reply->status < 200 || reply->status == 500 || !body) {
		fprintf(stderr, "%s\n", reply->text);
		abort();
	}
	body += 4;
	if (reply->status == 304 || strstr(reply->text, "X-Accel-Redirect") ||
	    !strstr(reply->text, "Content-Type: application/json"))
		return;
	if (!json_read(body, strlen(body), &root) || !json_object_is_type(root, json_type_object))
		abort();
	json_object_put(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const people[] = { "{ann}", "{bob}", "{carol}", "{dora}", "{root}",
		"{phone}", "", "pct_nobody" };
	static char words[TEXT], query[TEXT], extra[TEXT], path[3 * TEXT], body[4 * TEXT];
	static struct reply reply;
	static int count;
	const struct route *route;
	struct asked a = { .path = path, .body = body, .extra = extra };

	if (size < 2)
		return 0;
	if (count++ % AS_BEFORE == 0 || world.worker.broken)
		relay_put_back();
	route = &routes[data[0] % route_count];
	a.method = route_method_name(route->method);
	a.token = world_text(people[data[1] % 8]);
	data += 2;
	size -= 2;
	take_line(&data, &size, words);
	take_line(&data, &size, query);
	take_line(&data, &size, extra);
	fill_path(route->path, world_text(words), path);
	snprintf(path + strlen(path), TEXT, "?%s", world_text(query));
	snprintf(
	    words, sizeof(words), "%.*s", (int)(size < TEXT ? size : TEXT - 1), (const char *)data);
	snprintf(body, sizeof(body), "%s", world_text(words));
	snprintf(words, sizeof(words), "%.1000s", extra);
	snprintf(extra, sizeof(extra), "%s", words);
	world_call(&a, NULL, &reply);
	check(&reply);
	return 0;
}
