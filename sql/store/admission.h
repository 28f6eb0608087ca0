/* Invite links: each lets so many addresses sign in past the allow-list, or so many people join a
 * group, or both, until it expires. Only hashes of their tokens are stored. */
#ifndef SQL_ADMISSION_H
#define SQL_ADMISSION_H

#include "group.h"
#include "secret.h"

#define ADMISSIONS_MAX 1000 /* open at a time, for no group */
#define ADMISSIONS_GROUP_MAX 20 /* for one group */

struct admission {
	int64_t id; /* its position in lists */
	uint8_t public_id[ID_BYTES];
	int64_t uses_left, created_at, expires_at;
	bool admits; /* past the allow-list */
	bool has_group;
	uint8_t group[ID_BYTES]; /* that it is for */
};

/* Makes one of m's uses and times for no group, with a note who did it; public_id and admits are
 * filled in. What has expired goes. DB_DONE; *made is false when there are too many. */
enum db_result db_admission_add(struct db *db, const uint8_t token_hash[static SECRET_HASH_BYTES],
    const char *actor, struct admission *m, bool *made);

/* The same for a group, by one of its owners and admins; m says whether it admits. DB_DONE with
 * *result, also GROUP_TOO_MANY_LINKS. */
enum db_result db_admission_add_group(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t token_hash[static SECRET_HASH_BYTES], struct admission *m,
    enum group_result *result);

/* Up to `limit` that are still good at `now`, in the order of their making after position `after`:
 * all there are, or those of a group, for its owners and admins. DB_DONE. */
enum db_result db_admission_list(
    struct db *db, int64_t after, int64_t now, int limit, struct admission *out, int *count);
enum db_result db_admission_list_group(struct db *db, struct arena *a, const struct group_act *act,
    int64_t after, int limit, struct admission *out, int *count, enum group_result *result);

/* Revokes one, with a note who did it. DB_DONE or DB_NONE. */
enum db_result db_admission_delete(
    struct db *db, const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now);

/* Revokes one of a group. DB_DONE with *result, also GROUP_NO_INVITE. */
enum db_result
db_admission_delete_group(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t public_id[static ID_BYTES], enum group_result *result);

/* Takes one use of the link for an address, which may sign in from then on. DB_DONE; DB_NONE: the
 * link is not good, or an admin denied the address. */
enum db_result db_admission_redeem(struct db *db, struct arena *a,
    const uint8_t token_hash[static SECRET_HASH_BYTES], const char *email, int64_t now);

/* Puts the bearer of a link into its group, whoever may see that. It takes a use, but from somebody
 * whom this link let sign in. DB_DONE with *result; GROUP_NO_INVITE: the link is not good, or not
 * for this group. */
enum db_result db_admission_join(struct db *db, struct arena *a, const struct group_act *act,
    const uint8_t token_hash[static SECRET_HASH_BYTES], enum group_result *result);

#endif
