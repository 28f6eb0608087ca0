/* The packed form of a fact: type, role, actor and three lengths as numbers, each with a blank
 * behind it, then the three texts as they are. No text can be taken for anything else. */
#include "fact.h"

#include "db_internal.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS 6

bool
fact_has_role(enum fact_type type)
{
	return type == FACT_JOINED || type == FACT_ROLE || type == FACT_INVITED;
}

bool
fact_pack(const struct fact *f, char out[static FACT_BYTES])
{
	struct text t;

	text_init(&t, out, FACT_BYTES);
	text_printf(&t, "%d %d %lld %zu %zu %zu %s%s%s", (int)f->type, (int)f->role,
	    (long long)f->actor_id, strlen(f->address), strlen(f->name), strlen(f->group_name),
	    f->address, f->name, f->group_name);
	return text_ok(&t);
}

/* The numbers in front; NULL when they are not there, else what stands behind them. */
static const char *
read_numbers(const char *at, int64_t out[static NUMBERS])
{
	for (int i = 0; i < NUMBERS; i++) {
		char *end;

		errno = 0;
		out[i] = strtoll(at, &end, 10);
		if (end == at || *end != ' ' || errno != 0)
			return NULL;
		at = end + 1;
	}
	return at;
}

static bool
fits(const int64_t n[static NUMBERS], const char *texts)
{
	const int64_t len = (int64_t)strlen(texts);

	return n[0] >= 0 && n[0] < FACT__MAX && n[1] >= GROUP_NOBODY && n[1] <= GROUP_OWNER &&
	    n[3] >= 0 && n[4] >= 0 && n[5] >= 0 && n[3] <= len && n[4] <= len && n[5] <= len &&
	    n[3] + n[4] + n[5] == len;
}

bool
fact_unpack(struct arena *a, const char *packed, struct fact **out)
{
	int64_t n[NUMBERS];
	const char *texts = read_numbers(packed, n);
	struct fact *f;

	*out = NULL;
	if (!texts || !fits(n, texts))
		return true;
	f = arena_alloc(a, sizeof(*f));
	if (!f)
		return false;
	*f = (struct fact){ .type = (enum fact_type)n[0],
		.role = (enum group_role)n[1],
		.actor_id = n[2],
		.address = arena_printf(a, "%.*s", (int)n[3], texts),
		.name = arena_printf(a, "%.*s", (int)n[4], texts + n[3]),
		.group_name = arena_printf(a, "%.*s", (int)n[5], texts + n[3] + n[4]) };
	*out = f;
	return f->address && f->name && f->group_name;
}

enum db_result
fact_name_actor(struct db *db, struct arena *a, struct fact *f)
{
	char *address = NULL;
	enum db_result r = DB_DONE;

	if (f->actor_id == FACT_BY_THEMSELVES)
		f->actor = f->address;
	else if (f->actor_id > 0)
		r = db_account_address(db, a, f->actor_id, &address);
	if (address)
		f->actor = address;
	return db_failed(r) ? r : DB_DONE;
}
