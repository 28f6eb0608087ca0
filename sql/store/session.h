/* Sessions and API keys. Strings in the structs live in the arena that the call was given. */
#ifndef SQL_SESSION_H
#define SQL_SESSION_H

#include "account.h"

/* What an API key may do, by bits; a session may do all that its user may. */
enum scope { SCOPE_SEND = 1, SCOPE_RECEIVE = 2, SCOPE_PHONE = 4, SCOPE_ADMIN = 8, SCOPE__ALL = 15 };

/* So many sessions a user has at most; one more ends the one that was not seen for longest. */
#define SESSIONS_MAX 100

/* A signed-in device, or an API key of the user. */
struct session {
	int64_t id;
	uint8_t public_id[ID_BYTES];
	char *device_name, *session_name, *listen_channel;
	bool visible;
	int64_t start_seq, sent_seq;
	int64_t created_at, expires_at, last_seen_at; /* expires_at 0: never */
	unsigned scopes; /* 0: a session; else a key, whose name is in session_name */
	char *phone_id; /* of a key: the one phone it speaks for; empty: any */
	int64_t confirmed_seq; /* it has all of the stream up to here */
	bool own; /* it asks for what its user's other sessions do */
	int ended; /* of one that just began: older ones of its user that had to go */
};

/* The session or key of a token's hash and its account; expired ones too: the caller compares
 * expires_at. DB_ROW or DB_NONE. */
enum db_result db_session_by_token(struct db *db, struct arena *a,
    const uint8_t hash[static SECRET_HASH_BYTES], struct session *s, struct account *acc);

/* The same by its public id. */
enum db_result db_session_by_id(struct db *db, struct arena *a,
    const uint8_t public_id[static ID_BYTES], struct session *s, struct account *acc);

/* Up to `limit` sessions of an account that have not expired at `now`, after the id `after`; or the
 * visible ones that were seen since `seen_after`. DB_DONE. */
enum db_result db_session_list(struct db *db, struct arena *a, int64_t account_id, int64_t now,
    int64_t after, int limit, struct session *out, int *count);
enum db_result db_session_live(struct db *db, struct arena *a, int64_t account_id, int64_t now,
    int64_t seen_after, int limit, struct session *out, int *count);

/* When any session of the account was seen last; 0: it has none. DB_DONE. */
enum db_result db_session_last_seen(struct db *db, int64_t account_id, int64_t *at);

/* Ends one session (DB_DONE, DB_NONE when there is none), or all but one (*ended is how many). */
enum db_result
db_session_delete(struct db *db, int64_t account_id, const uint8_t public_id[static ID_BYTES]);
enum db_result
db_session_delete_others(struct db *db, int64_t account_id, int64_t keep_id, int *ended);

/* The keyed hash of a client address (IPv6 cut to its /64) as sessions keep it. */
void db_client_mac(const char *client, uint8_t mac[static SECRET_HASH_BYTES]);

/* Notes that a session was seen, and where. Without `wait` other writers are not waited for:
 * DB_BUSY then, and nothing is lost but the note. */
enum db_result
db_session_touch(struct db *db, int64_t id, const char *client, int64_t now, bool wait);

/* What a session says of itself; NULL: as it was. */
struct presence {
	bool visible;
	const char *device_name, *session_name, *listen_channel;
	const char *account_name; /* for an account that has no display name yet */
};

/* Stores it. DB_DONE, or DB_NONE: the session is gone. */
enum db_result db_session_presence(
    struct db *db, int64_t session_id, const struct account *acc, const struct presence *p);

/* Ends one session of the account, with a note who did it. DB_DONE, or DB_NONE: there is none. */
enum db_result db_session_end(struct db *db, const struct account *acc,
    const uint8_t public_id[static ID_BYTES], const char *actor, int64_t now);

/* Ends all sessions and keys of the account, with a note who did it. DB_DONE, or DB_NONE: it is
 * gone. */
enum db_result db_session_end_all(
    struct db *db, const struct account *acc, const char *actor, int64_t now, int *ended);

#endif
