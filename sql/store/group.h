/* Groups, their members and the requests to join. Rights are checked in the transaction that uses
 * them, so nobody acts on a right that they have just lost. Strings live in the given arena. */
#ifndef SQL_GROUP_H
#define SQL_GROUP_H

#include "account.h"
#include "group_role.h"

#define GROUP_MEMBERS_MAX 1000

struct group {
	int64_t id;
	uint8_t public_id[ID_BYTES];
	char *name, *description;
	bool is_public, is_stream, is_open;
	int64_t member_count, created_at;
	enum group_role role; /* of the account that asked */
	bool is_asked; /* its request to join waits: my_request */
	uint8_t my_request[ID_BYTES];
};

/* Why a group call was refused; GROUP_REQUESTED: a request to join waits now. */
enum group_result {
	GROUP_OK,
	GROUP_UNKNOWN, /* no such group, or a private one of others */
	GROUP_NEEDS_ADMIN,
	GROUP_NEEDS_OWNER,
	GROUP_LAST_OWNER,
	GROUP_FULL,
	GROUP_NO_MEMBER,
	GROUP_NO_ACCOUNT,
	GROUP_NO_REQUEST,
	GROUP_NO_INVITE,
	GROUP_TOO_MANY_LINKS,
	GROUP_REQUESTED,
	GROUP_INVITED,
	GROUP_DELETED
};

struct group_member {
	char *chat_address, *display_name;
	enum group_role role;
	int64_t joined_at;
};

struct join_request {
	int64_t id; /* its position in lists */
	uint8_t public_id[ID_BYTES];
	char *chat_address, *display_name;
	int64_t created_at;
};

/* Who does something to which group, when. */
struct group_act {
	const struct account *actor;
	const uint8_t *group_id;
	int64_t now;
};

/* Makes a group of g's fields with `owner` as its owner; id, public_id and role are filled in.
 * DB_DONE. */
enum db_result
db_group_create(struct db *db, struct group *g, const struct account *owner, int64_t now);

/* A group with the role that the account has in it. DB_ROW or DB_NONE. */
enum db_result db_group_get(struct db *db, struct arena *a,
    const uint8_t public_id[static ID_BYTES], int64_t account_id, struct group *out);

/* Up to `limit` of the account's own groups after the group `after` (NULL: from the start), in
 * order of id; or public groups that it is no member of, whose name holds `match`. DB_DONE. */
enum db_result db_group_list(struct db *db, struct arena *a, int64_t account_id,
    const uint8_t *after, int limit, struct group *out, int *count);
enum db_result db_group_list_public(struct db *db, struct arena *a, int64_t account_id,
    const char *match, int limit, struct group *out, int *count);

/* What a change of a group may name; NULL or -1: as it was. */
struct group_change {
	const char *name, *description;
	int is_public, is_stream, is_open;
};

/* The calls below return DB_DONE with *result; `out` is the group as it is afterwards. */
enum db_result db_group_update(struct db *db, struct arena *a, const struct group_act *act,
    const struct group_change *change, struct group *out, enum group_result *result);
enum db_result db_group_delete(
    struct db *db, struct arena *a, const struct group_act *act, enum group_result *result);

/* Any group, ended by the operator, who is named in the audit log; its members are notified.
 * DB_DONE, or DB_NONE: there is none. */
enum db_result db_group_end(struct db *db, struct arena *a,
    const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now);

/* A group as the operator sees it: none of its messages, and of its members its owner alone. */
struct group_overview {
	struct group group;
	char *owner; /* chat address of who has owned it for longest; NULL: nobody does */
	int64_t owners;
	int64_t active_at; /* of its newest message or event that is still known; 0: of none */
};

/* Up to `limit` of all groups whose name holds `match` ("": of all), in order of id after `after`
 * (0: from the start). DB_DONE. */
enum db_result db_group_list_all(struct db *db, struct arena *a, const char *match, int64_t after,
    int limit, struct group_overview *out, int *count);

/* Joins an open public group, or asks to: then GROUP_REQUESTED with the request's id. */
enum db_result db_group_join(struct db *db, struct arena *a, const struct group_act *act,
    uint8_t request_id[static ID_BYTES], enum group_result *result);

/* Takes the actor's request to join back: GROUP_NO_REQUEST when none waits. */
enum db_result db_join_take_back(
    struct db *db, struct arena *a, const struct group_act *act, enum group_result *result);

/* Leaves; the last owner may only when nobody else is there, and then the group goes:
 * GROUP_DELETED. */
enum db_result db_group_leave(
    struct db *db, struct arena *a, const struct group_act *act, enum group_result *result);

/* Invites somebody (to no role of an owner or admin unless the actor is an owner): GROUP_INVITED,
 * also where it does not reach them. Who asked to join is let in: GROUP_OK. */
enum db_result db_member_add(struct db *db, struct arena *a, const struct group_act *act,
    const char *address, enum group_role role, enum group_result *result);

/* Gives a member another role, or (GROUP_NOBODY) removes them. */
enum db_result db_member_set(struct db *db, struct arena *a, const struct group_act *act,
    const char *address, enum group_role role, enum group_result *result);

/* Up to `limit` members in order of address. The group is one that db_group_get returned. DB_DONE.
 */
enum db_result db_member_list(struct db *db, struct arena *a, int64_t group_id, const char *after,
    int limit, struct group_member *out, int *count);

/* The public id of a group that the account is in. DB_ROW, or DB_NONE. */
enum db_result db_member_group(
    struct db *db, int64_t group_id, int64_t account_id, uint8_t public_id[static ID_BYTES]);

/* Up to `limit` pending requests after position `after`, oldest first. DB_DONE. */
enum db_result db_join_list(struct db *db, struct arena *a, int64_t group_id, int64_t after,
    int limit, struct join_request *out, int *count);

/* Lets the one who asked in, or not; they are notified. */
enum db_result db_join_decide(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t request_id[static ID_BYTES], bool approve, enum group_result *result);

/* The wire's word for a role, and back (GROUP_NOBODY: no such role). */
const char *group_role_name(enum group_role role);
enum group_role group_role_parse(const char *name);

/* Inside a write: transfers the ownership of the groups of an account that is about to go. DB_DONE.
 */
enum db_result
group_transfer_owned(struct db *db, struct arena *a, const struct account *acc, int64_t now);

#endif
