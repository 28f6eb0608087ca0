/* The calls of the API as work: a good example of each route, and a bad one made from its fields.
 */
#include "calls.h"

#include "check.h"
#include "fields.h"
#include "route.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTH "/api/v1/pchat/auth"
#define CHAT "/api/v1/webchat"
#define PHONE "/api/v1/phone"
#define SEND "/api/v1/messages"

static const struct example {
	const char *method, *route, *who, *path, *body, *extra;
	int status;
} examples[] = {
#define CASE(...) { __VA_ARGS__ },
#include "cases.def"
#undef CASE
};

#define EXAMPLES ((int)(sizeof(examples) / sizeof(*examples)))

bool calls_spoilt;

/* What the call does without a fault: once, and when it comes again. */
#define RENEWED 8 /* of so many that ran out of memory */

struct call {
	struct asked asked;
	int status, again;
	uint64_t before, after, after_again;
	struct reply reply;
};

/* -- judging ----------------------------------------------------------------------------------- */

/* Headers differ by nothing, and neither does the body. */
static bool
is_same(const struct reply *a, const struct reply *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* May it end without a response? */
static bool
may_be_silent(const struct fault *f)
{
	return f->way->class == FAULT_TALK || f->way->class == FAULT_LIBFCGI;
}

/* Does it tell how the relay fares, also of a write that it tries? Then it tells of the fault. */
static bool
is_report(const struct call *c)
{
	return strstr(c->asked.path, "/admin/health") != NULL;
}

static void
judge_reply(const struct call *c, const struct reply *reply, uint64_t state, struct round *r)
{
	if (reply->status == c->status) {
		if (state != c->after && !is_report(c))
			torture_problem(r, "%d, but not all of it is stored", reply->status);
		else if (!is_same(reply, &c->reply) && !may_be_silent(r->fault) && !is_report(c))
			torture_problem(r, "another %d: %.300s", reply->status, reply->text);
	} else if (reply->status != 500 && reply->status != 503 &&
	    !(reply->status == 0 && may_be_silent(r->fault))) {
		torture_problem(r, "a status of %d: %.300s", reply->status, reply->text);
	}
	if (state != c->before && state != c->after)
		torture_problem(r, "half of it is stored (after a %d)", reply->status);
}

static void
judge_descriptors(int before, struct round *r)
{
	const int now = check_descriptors();

	if (now != before)
		torture_problem(r, "%d descriptors are open that were not", now - before);
}

/* A worker that may not go on ends, and the parent starts another. That takes longer than all else
 * here, so it is done now and then. False: it was not. */
static bool
renew(struct round *r)
{
	char error[DB_ERROR_BYTES];

	if (!world.worker.broken)
		return true;
	if (r->fault->way->class == FAULT_MEMORY && r->fault->at % RENEWED != 0)
		return false;
	world_close();
	if (!world_open(error))
		torture_problem(r, "no other worker can start: %s", error);
	return !r->problem[0];
}

/* Done already, it may say so. */
static void
judge_again(const struct call *c, bool was_done, struct round *r)
{
	static struct reply reply;
	char why[CHECK_BYTES];
	uint64_t state = 0;

	world_chance(was_done ? 2 : 1);
	world_call(&c->asked, NULL, &reply);
	if (!check_look(&state, why))
		torture_problem(r, "%s", why);
	if (reply.status != (was_done ? c->again : c->status))
		torture_problem(r, "and then a %d: %.300s", reply.status, reply.text);
	else if (state != (was_done ? c->after_again : c->after))
		torture_problem(r, "and then something else is stored (%d)", reply.status);
}

static void
reference(struct call *c, struct round *r)
{
	static struct reply again;
	char why[CHECK_BYTES];

	check_look(&c->before, why);
	world_chance(1);
	world_call(&c->asked, &(struct fault){ NULL }, &c->reply);
	torture_note(r);
	check_look(&c->after, why);
	if (c->status == 400 && c->reply.status >= 400 && c->reply.status < 500)
		c->status = c->reply.status;
	if (c->reply.status != c->status)
		torture_problem(r, "a status of %d: %.300s", c->reply.status, c->reply.text);
	world_chance(2);
	world_call(&c->asked, NULL, &again);
	c->again = again.status;
	check_look(&c->after_again, why);
}

static void
run(void *arg, struct round *r)
{
	static struct reply reply;
	struct call *c = arg;
	char why[CHECK_BYTES];
	int descriptors;
	uint64_t state = 0;
	bool may_go_on;

	if (!r->fault) {
		reference(c, r);
		return;
	}
	descriptors = check_descriptors();
	world_chance(1);
	world_call(&c->asked, r->fault, &reply);
	torture_note(r);
	if (calls_spoilt)
		check_spoil();
	may_go_on = renew(r);
	if (may_go_on)
		judge_descriptors(descriptors, r);
	if ((may_go_on && !check_free(why)) || !check_look(&state, why))
		torture_problem(r, "%s", why);
	judge_reply(c, &reply, state, r);
	if (may_go_on && !r->problem[0])
		judge_again(c, state == c->after && c->after != c->before, r);
}

static void
died(void *arg, struct round *r)
{
	const struct call *c = arg;
	uint64_t state = 0;
	char why[CHECK_BYTES];

	if (!check_look(&state, why))
		torture_problem(r, "%s", why);
	if (state != c->before && state != c->after)
		torture_problem(r, "half of it is stored");
}

/* -- the list ---------------------------------------------------------------------------------- */

static const struct route *
route_of(const struct example *e)
{
	for (const struct route *r = routes; r->path; r++)
		if (strcmp(r->path, e->route) == 0 &&
		    strcmp(route_method_name(r->method), e->method) == 0)
			return r;
	return NULL;
}

static void
check_complete(void)
{
	for (const struct route *r = routes; r->path; r++) {
		bool found = false;

		for (int i = 0; i < EXAMPLES; i++)
			found = found || route_of(&examples[i]) == r;
		if (!found)
			give_up("no example of %s %s", route_method_name(r->method), r->path);
	}
}

/* A copy that stays; what points to it lies in shared memory, where no sanitizer looks for
 * pointers. */
static const char *
keep(const char *text)
{
	static char *kept[CALLS_MOST * 8];
	static size_t len;

	if (len == sizeof(kept) / sizeof(*kept))
		give_up("too many texts");
	kept[len] = strdup(text);
	return kept[len++];
}

static struct call *
make(const struct example *e)
{
	struct call *c = torture_shared(sizeof(*c));

	c->asked.method = e->method;
	c->asked.path = keep(world_text(e->path));
	c->asked.token = "";
	if (e->who[0]) {
		char name[32];

		snprintf(name, sizeof(name), "{%s}", e->who);
		c->asked.token = keep(world_text(name));
	}
	c->asked.body = keep(world_text(e->body));
	c->asked.extra = keep(world_text(e->extra));
	c->status = e->status;
	return c;
}

/* A field of the wrong kind, no number, nobody's id, or nobody. False: there is no bad one. */
static bool
spoil(struct call *c, const struct example *e)
{
	const struct route *route = route_of(e);
	char text[512];
	const char *star = strchr(e->route, '*');

	c->status = 400;
	if (route->fields && route->body_limit && route->body_limit != ROUTE_FILE) {
		snprintf(text, sizeof(text), "{\"%s\":{}}", route->fields[0].name);
		c->asked.body = keep(text);
	} else if (star) {
		snprintf(
		    text, sizeof(text), "%.*snobody%s", (int)(star - e->route), e->route, star + 1);
		c->asked.path = keep(text);
	} else if (c->asked.token[0]) {
		c->asked.token = "pct_nobody";
	} else {
		return false;
	}
	return true;
}

static void
add(struct work *w, const struct example *e, struct call *c, const char *kind)
{
	snprintf(w->name, sizeof(w->name), "%s %s, %s", e->method, c->asked.path, kind);
	w->arg = c;
	w->run = run;
	w->died = died;
}

int
calls_make(struct work *list, const char *only)
{
	int n = 0;

	check_complete();
	for (int i = 0; i < EXAMPLES; i++) {
		struct call *good, *bad;

		if (only && !strstr(examples[i].path, only) && !strstr(examples[i].route, only))
			continue;
		good = make(&examples[i]);
		add(&list[n++], &examples[i], good, "good");
		bad = make(&examples[i]);
		if (spoil(bad, &examples[i]))
			add(&list[n++], &examples[i], bad, "bad");
	}
	return n;
}
