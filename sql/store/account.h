/* Accounts. Strings in the structs live in the arena that the call was given. */
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

/* The name to show: the display name, or the chat address while there is none. */
const char *account_name(const struct account *a);

/* Looks an account up. DB_ROW or DB_NONE. */
enum db_result
db_account_by_email(struct db *db, struct arena *a, const char *email, struct account *out);
enum db_result
db_account_by_address(struct db *db, struct arena *a, const char *address, struct account *out);

/* The chat address of an account, in the arena. DB_ROW or DB_NONE. */
enum db_result db_account_address(struct db *db, struct arena *a, int64_t id, char **out);

/* Does the directory show them? */
bool account_is_listed(const struct account *a);

/* Did account `other_id` write to `id`, or are they in one group? It takes as long as `id` has
 * groups and messages, whoever the other one is, and for 0 (nobody) too. DB_ROW or DB_NONE. */
enum db_result db_account_met(struct db *db, int64_t id, int64_t other_id);

/* What a change of an account may name; NULL or -1: as it was. */
struct account_change {
	const char *display_name, *language;
	int public_visible, mail_reply_to, invites_from;
};

/* Changes what is named; *acc is the account as it is afterwards. DB_DONE, or DB_NONE: it is gone.
 */
enum db_result db_account_update(
    struct db *db, struct arena *a, struct account *acc, const struct account_change *change);

/* What an admin's word on an account comes to. */
enum account_result {
	ACCOUNT_OK,
	ACCOUNT_LAST_ADMIN /* no unblocked admin would be left where there was one */
};

/* Applies promote, demote, block, unblock, hide or unhide to the struct. False: no such action. */
bool account_apply(struct account *acc, const char *action);

/* The action of an admin on the account of a chat address, and a note who did it; *out is the
 * account as it is afterwards. A blocked account loses its sessions and keys in the same
 * transaction. DB_DONE with *result, or DB_NONE: nobody has the address. */
enum db_result
db_account_act(struct db *db, struct arena *a, const char *address, const char *action,
    const char *actor, int64_t now, struct account *out, enum account_result *result);

/* Up to `limit` accounts in order of address, after `after` (""); `public_only`: those that the
 * directory may show, filtered by `match` (case-folded substring, "" for all; the full list looks
 * at e-mails too). *count is how many. DB_DONE. */
enum db_result db_account_list(struct db *db, struct arena *a, const char *match, const char *after,
    int limit, struct account *out, int *count);
enum db_result db_account_list_public(struct db *db, struct arena *a, const char *match,
    const char *after, int limit, struct account *out, int *count);

#endif
