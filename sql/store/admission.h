/* Invite links for a relay with an allow-list: each lets so many addresses sign in until it
 * expires. Only hashes of their tokens are stored. */
#ifndef SQL_ADMISSION_H
#define SQL_ADMISSION_H

#include "arena.h"
#include "db.h"
#include "id.h"
#include "secret.h"

#define ADMISSIONS_MAX 1000 /* at a time */

enum admission_result { ADMISSION_MADE, ADMISSION_TOO_MANY };

struct admission {
	int64_t id; /* its position in lists */
	uint8_t public_id[ID_BYTES];
	int64_t uses_left, created_at, expires_at;
};

/* Makes one of m's uses and times, with a note who did it; public_id is filled in. What has expired
 * goes. DB_DONE with *result. */
enum db_result db_admission_add(struct db *db, const uint8_t token_hash[static SECRET_HASH_BYTES],
    const char *actor, struct admission *m, enum admission_result *result);

/* Up to `limit` that are still good at `now`, in the order of their making after position `after`.
 * DB_DONE. */
enum db_result db_admission_list(
    struct db *db, int64_t after, int64_t now, int limit, struct admission *out, int *count);

/* Revokes one, with a note who did it. DB_DONE or DB_NONE. */
enum db_result db_admission_delete(
    struct db *db, const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now);

/* Takes one use of the link for an address, which may sign in from then on. DB_DONE; DB_NONE: the
 * link is not good, or an admin denied the address. */
enum db_result db_admission_redeem(struct db *db, struct arena *a,
    const uint8_t token_hash[static SECRET_HASH_BYTES], const char *email, int64_t now);

#endif
