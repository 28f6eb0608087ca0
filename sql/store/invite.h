/* Invitations to groups: whoever is added to one decides whether to join. */
#ifndef SQL_INVITE_H
#define SQL_INVITE_H

#include "group.h"

/* Who may invite an account. */
enum invites_from { INVITES_FROM_ANYBODY, INVITES_FROM_CONTACTS, INVITES_FROM_NOBODY };

/* The wire's word for it, and back; -1: no such word. */
const char *invites_from_name(enum invites_from from);
int invites_from_parse(const char *name);

struct invite {
	int64_t id; /* its position in lists */
	uint8_t public_id[ID_BYTES];
	struct group group;
	enum group_role role; /* that it brings */
	char *inviter_address, *inviter_name;
	int64_t created_at;
};

/* Up to `limit` invitations that wait for the account's answer, oldest first, after position
 * `after`. DB_DONE. */
enum db_result db_invite_list(struct db *db, struct arena *a, int64_t account_id, int64_t after,
    int limit, struct invite *out, int *count);

/* Accepts an invitation (GROUP_OK: a member now; GROUP_FULL: it goes on waiting) or declines it;
 * the inviter is not notified. `out` is the group. GROUP_NO_INVITE: there is none. DB_DONE.
 */
enum db_result db_invite_decide(struct db *db, struct arena *a, const struct account *who,
    const uint8_t public_id[static ID_BYTES], bool accept, int64_t now, struct group *out,
    enum group_result *result);

#endif
