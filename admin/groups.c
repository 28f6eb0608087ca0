/* relayctl group: groups, whoever's they are. */
#include "relayctl.h"

#include "clock.h"
#include "group.h"
#include "table.h"

#include <string.h>

#define PAGE 100
#define ARENA_BYTES ((size_t)1 << 20)
#define USAGE "group list [--json] | group delete GROUP_ID"

static void
add_group(struct table *t, const struct group_overview *g)
{
	char id[ID_TEXT_BYTES];

	id_format("grp_", g->group.public_id, id);
	table_row(t);
	table_text(t, id);
	table_int(t, g->group.member_count);
	table_text(t, g->owner ? g->owner : "");
	table_text(t, g->group.is_public ? "public" : "private");
	table_text(t, g->group.is_stream ? "stream" : "chat");
	table_time(t, g->group.created_at);
	table_time(t, g->active_at);
	table_text(t, g->group.name);
}

static int
list_groups(struct db *db, bool as_json)
{
	static const char *const columns[] = { "group_id", "members", "owner", "visibility", "mode",
		"created_at", "active_at", "name", NULL };
	struct table *t = table_new(columns);
	struct group_overview list[PAGE];
	int64_t after = 0;
	struct arena a;
	int count = 0;
	enum db_result r = t ? DB_DONE : DB_FAIL;

	arena_init(&a, ARENA_BYTES);
	do {
		if (r == DB_DONE)
			r = db_group_list_all(db, &a, "", after, PAGE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			add_group(t, &list[i]);
			after = list[i].group.id;
		}
		arena_reset(&a);
	} while (r == DB_DONE && count == PAGE);
	arena_free(&a);
	if (t)
		table_print(t, as_json, "There is no group.");
	return r == DB_DONE ? 0 : ctl_db_failed(r);
}

static int
delete_group(struct db *db, const char *text)
{
	uint8_t id[ID_BYTES];
	struct arena a;
	enum db_result r;

	if (!id_parse("grp_", text, id))
		return ctl_fail("'%s' is no group's id; group list shows them", text);
	arena_init(&a, ARENA_BYTES);
	r = db_group_end(db, &a, id, "relayctl", clock_ms());
	arena_free(&a);
	if (r == DB_NONE)
		return ctl_fail("there is no group %s", text);
	if (r != DB_DONE)
		return ctl_db_failed(r);
	printf("The group %s is deleted; its members are told.\n", text);
	return 0;
}

int
ctl_group(struct ctl *c)
{
	bool as_json = ctl_json(c), list = c->argc == 2 && strcmp(c->argv[1], "list") == 0;
	struct db *db;
	int status;

	if (!list && (c->argc != 3 || strcmp(c->argv[1], "delete") != 0 || as_json))
		return ctl_usage(USAGE);
	db = ctl_open(c);
	if (!db)
		return 1;
	status = list ? list_groups(db, as_json) : delete_group(db, c->argv[2]);
	db_close(db);
	return status;
}
