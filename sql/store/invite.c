/* Invitations to groups. Whoever invites learns nothing of what becomes of it: not of a block, not
 * of a setting, not of a refusal. */
#include "invite.h"

#include "block.h"
#include "cleanup.h"
#include "group_internal.h"
#include "throttle.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 3600000)
#define PAIR_PER_DAY 10 /* invitations of one to another, over all groups */
#define ALL_PER_DAY 2000 /* invitations of one, enough for two groups as large as they may be */

static const char *const words[] = { "anybody", "contacts", "nobody" };

const char *
invites_from_name(enum invites_from from)
{
	return words[from];
}

int
invites_from_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], name) == 0)
			return (int)i;
	return -1;
}

/* Is the inviter in the address book of the other? Books hold JSON that the relay wrote, in which
 * no text can hold this piece: its quotes would be escaped. DB_ROW or DB_NONE. */
static enum db_result
is_contact(struct db *db, const struct account *who, const struct account *inviter)
{
	char entry[160];

	snprintf(entry, sizeof(entry), "\"channel\":\"pchat\",\"address\":\"%s\"",
	    inviter->chat_address);
	return db_find(db, ST_CONTACTS_HOLD, who->id, entry);
}

/* Invitations that come too often are dropped in silence like all that is not wanted. */
static enum db_result
is_too_often(struct db *db, const struct account *who, const struct account *inviter, int64_t now,
    bool *too_often)
{
	const struct hit_limit pair = { PAIR_PER_DAY, DAY_MS, now },
			       all = { ALL_PER_DAY, DAY_MS, now };
	char one[24], both[48];
	int64_t retry_at = 0;
	enum db_result r;

	snprintf(one, sizeof(one), "%lld", (long long)inviter->id);
	snprintf(both, sizeof(both), "%s\n%lld", one, (long long)who->id);
	r = throttle_hit(db, "invites-pair", both, &pair, &retry_at);
	if (r == DB_DONE && !retry_at)
		r = throttle_hit(db, "invites", one, &all, &retry_at);
	*too_often = retry_at > 0;
	return r;
}

/* Is the invitation to reach them? DB_DONE with *welcome. */
static enum db_result
is_welcome(struct db *db, const struct account *who, const struct account *inviter, int64_t now,
    bool *welcome)
{
	bool too_often = false;
	enum db_result r = db_block_get(db, who->id, inviter->id);

	*welcome = r == DB_NONE && who->invites_from != INVITES_FROM_NOBODY;
	if (*welcome && who->invites_from == INVITES_FROM_CONTACTS) {
		r = is_contact(db, who, inviter);
		*welcome = r == DB_ROW;
	}
	if (db_failed(r) || !*welcome)
		return db_failed(r) ? r : DB_DONE;
	r = is_too_often(db, who, inviter, now, &too_often);
	*welcome = !too_often;
	return r;
}

enum db_result
invite_put(struct db *db, const struct group *g, const struct account *who,
    const struct account *inviter, enum group_role role, int64_t now)
{
	uint8_t id[ID_BYTES];
	const struct group_event event = { .type = FACT_INVITED,
		.who = inviter,
		.by = inviter,
		.role = role,
		.request = id,
		.only = who->id };
	bool welcome = false;
	enum db_result r = is_welcome(db, who, inviter, now, &welcome);

	if (r != DB_DONE || !welcome)
		return r;
	id_make(id);
	r = db_exec(db, ST_INVITE_PUT, &(struct db_blob){ id, ID_BYTES }, g->id, who->id,
	    inviter->id, (int64_t)role, now);
	return r == DB_DONE ? group_notify(db, g, &event, now) : r == DB_NONE ? DB_DONE : r;
}

enum db_result
db_invite_list(struct db *db, struct arena *a, int64_t account_id, int64_t after, int limit,
    struct invite *out, int *count)
{
	struct db_stmt *st = db_bind(db, ST_INVITE_LIST, account_id, after, (int64_t)limit);
	bool ok = true;
	enum db_result r;

	*count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		struct invite *i = &out[(*count)++];

		ok = group_read(st, a, &i->group) && ok;
		i->id = db_i64(st, GROUP_ROW_COUNT);
		ok = db_blob(st, GROUP_ROW_COUNT + 1, i->public_id, ID_BYTES) && ok;
		i->role = (enum group_role)db_int(st, GROUP_ROW_COUNT + 2);
		i->created_at = db_i64(st, GROUP_ROW_COUNT + 3);
		i->inviter_address = db_text(st, GROUP_ROW_COUNT + 4, a, &ok);
		i->inviter_name = db_text(st, GROUP_ROW_COUNT + 5, a, &ok);
	}
	return ok ? r : DB_FAIL;
}

/* The group and role that an invitation is for. DB_ROW or DB_NONE. */
static enum db_result
find(struct db *db, struct arena *a, int64_t account_id, const uint8_t public_id[static ID_BYTES],
    struct group *g, enum group_role *role)
{
	struct db_stmt *st =
	    db_bind(db, ST_INVITE_GET, account_id, &(struct db_blob){ public_id, ID_BYTES });
	enum db_result r = db_one(db, st);

	if (r != DB_ROW)
		return r;
	*role = (enum group_role)db_int(st, GROUP_ROW_COUNT);
	if (!group_read(st, a, g))
		r = DB_FAIL;
	db_reset(st);
	return r;
}

static enum db_result
decide(struct db *db, struct group *g, const struct account *who, enum group_role role, bool accept,
    int64_t now, enum group_result *result)
{
	enum db_result r;

	*result = GROUP_OK;
	if (!accept)
		return db_exec(db, ST_INVITE_DECLINE, g->id, who->id, now);
	r = group_put_in(db, g, who, who, role, now, result);
	if (r == DB_DONE && *result == GROUP_OK) {
		g->role = role;
		g->member_count++;
	}
	return r;
}

enum db_result
db_invite_decide(struct db *db, struct arena *a, const struct account *who,
    const uint8_t public_id[static ID_BYTES], bool accept, int64_t now, struct group *out,
    enum group_result *result)
{
	enum group_role role = GROUP_MEMBER;
	enum db_result r = db_begin(db);

	if (r != DB_DONE)
		return r;
	*result = GROUP_NO_INVITE;
	r = find(db, a, who->id, public_id, out, &role);
	if (r == DB_ROW)
		r = decide(db, out, who, role, accept, now, result);
	r = db_end(db, r);
	return r == DB_NONE ? DB_DONE : r;
}
