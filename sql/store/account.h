/* Accounts and their sessions. Strings in the structs live in the arena that the call was given. */
#ifndef SQL_ACCOUNT_H
#define SQL_ACCOUNT_H

#include "arena.h"
#include "db.h"
#include "id.h"
#include "secret.h"

enum role { ROLE_USER, ROLE_ADMIN };

struct account {
	int64_t id;
	char *email, *chat_address, *display_name, *language;
	enum role role;
	bool public_visible, hidden, blocked;
	bool mail_reply_to; /* their mails name their own address in Reply-To */
	int invites_from; /* enum invites_from: who may invite them to groups */
	int64_t delivered_seq; /* all of the stream up to here was confirmed by some session */
	int64_t created_at;
};

/* What an API key may do, by bits; a session may do all that its user may. */
enum scope { SCOPE_SEND = 1, SCOPE_RECEIVE = 2, SCOPE_PHONE = 4, SCOPE_ADMIN = 8, SCOPE__ALL = 15 };

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
};

/* The name to show: the display name, or the chat address while there is none. */
const char *account_name(const struct account *a);

/* Looks an account up. DB_ROW or DB_NONE. */
enum db_result
db_account_by_email(struct db *db, struct arena *a, const char *email, struct account *out);
enum db_result
db_account_by_address(struct db *db, struct arena *a, const char *address, struct account *out);

/* The chat address of an account, in the arena. DB_ROW or DB_NONE. */
enum db_result db_account_address(struct db *db, struct arena *a, int64_t id, char **out);

/* What a change of an account may name; NULL or -1: as it was. */
struct account_change {
	const char *display_name, *language;
	int public_visible, mail_reply_to, invites_from;
};

/* Changes what is named; *acc is the account as it is afterwards. DB_DONE, or DB_NONE: it is gone.
 */
enum db_result db_account_update(
    struct db *db, struct arena *a, struct account *acc, const struct account_change *change);

/* Applies promote, demote, block, unblock, hide or unhide to the struct. False: no such action. */
bool account_apply(struct account *acc, const char *action);

/* The action of an admin on the account of a chat address, and a note who did it; *out is the
 * account as it is afterwards. A blocked account loses its sessions and keys in the same
 * transaction. DB_DONE, DB_NONE: nobody has the address, DB_CONFLICT: no unblocked admin would be
 * left where there was one. */
enum db_result db_account_act(struct db *db, struct arena *a, const char *address,
    const char *action, const char *actor, int64_t now, struct account *out);

/* Erases the account and all that hangs on it; its chat address is never given out again. */
enum db_result
db_account_erase(struct db *db, struct arena *a, const struct account *acc, int64_t now);

/* The same by the operator, or an admin, who is named in the audit log. DB_DONE; DB_CONFLICT: it is
 * the last admin. */
enum db_result db_account_end(
    struct db *db, struct arena *a, const struct account *acc, const char *actor, int64_t now);

/* Ends all sessions and keys of the account, with a note who did it. DB_DONE. */
enum db_result db_session_end_all(
    struct db *db, const struct account *acc, const char *actor, int64_t now, int *ended);

/* Up to `limit` accounts in order of address, after `after` (""); `public_only`: those that the
 * directory may show, filtered by `match` (case-folded substring, "" for all; the full list looks
 * at e-mails too). *count is how many. DB_DONE. */
enum db_result db_account_list(struct db *db, struct arena *a, const char *match, const char *after,
    int limit, struct account *out, int *count);
enum db_result db_account_list_public(struct db *db, struct arena *a, const char *match,
    const char *after, int limit, struct account *out, int *count);

/* The session or key of a token's hash and its account; expired ones too: the caller compares
 * expires_at. DB_ROW or DB_NONE. */
enum db_result db_session_by_token(struct db *db, struct arena *a,
    const uint8_t hash[static SECRET_HASH_BYTES], struct session *s, struct account *acc);

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

/* Notes that a session was seen, and where. Does not wait for other writers: DB_BUSY then, and
 * nothing is lost but the note. */
enum db_result db_session_touch(struct db *db, int64_t id, const char *client, int64_t now);

/* What a session says of itself; NULL: as it was. */
struct presence {
	bool visible;
	const char *device_name, *session_name, *listen_channel;
	const char *account_name; /* for an account that has no display name yet */
};

/* Stores it. DB_DONE, or DB_NONE: the session is gone. */
enum db_result db_session_presence(
    struct db *db, int64_t session_id, const struct account *acc, const struct presence *p);

/* Is there still such a session or key? DB_ROW or DB_NONE. */
enum db_result db_session_exists(struct db *db, const uint8_t public_id[static ID_BYTES]);

#endif
