/* relayctl user, code: people. */
#include "relayctl.h"

#include "account.h"
#include "clock.h"
#include "signin.h"
#include "email.h"
#include "table.h"
#include "text.h"
#include "erase.h"
#include "session.h"

#include <string.h>

#define PAGE 100
#define USER_USAGE \
	"user list [--json] | user promote|demote|block|unblock|hide|unhide|delete|logout WHO | " \
	"user sessions WHO [--json]"
#define ARENA_BYTES ((size_t)1 << 20)

static const char *const columns[] = { "chat_address", "email", "role", "state", "created_at",
	"display_name", NULL };

static void
add_user(struct table *t, const struct account *acc)
{
	table_row(t);
	table_text(t, acc->chat_address);
	table_text(t, acc->email);
	table_text(t, acc->role == ROLE_ADMIN ? "admin" : "user");
	table_text(t,
	    acc->blocked && acc->hidden ? "blocked,hidden" :
		acc->blocked            ? "blocked" :
		acc->hidden             ? "hidden" :
					  "active");
	table_time(t, acc->created_at);
	table_text(t, account_name(acc));
}

static int
list_users(struct db *db, bool as_json)
{
	struct table *t = table_new(columns);
	struct account list[PAGE];
	char after[80] = "";
	struct arena a;
	int count = 0;
	enum db_result r = t ? DB_DONE : DB_FAIL;

	arena_init(&a, ARENA_BYTES);
	do {
		if (r == DB_DONE)
			r = db_account_list(db, &a, "", after, PAGE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++)
			add_user(t, &list[i]);
		if (count > 0)
			snprintf(after, sizeof(after), "%s", list[count - 1].chat_address);
		arena_reset(&a);
	} while (r == DB_DONE && count == PAGE);
	arena_free(&a);
	if (t)
		table_print(t, as_json, "Nobody has signed in yet.");
	return r == DB_DONE ? 0 : ctl_db_failed(r);
}

/* The account of WHO: a chat address or an e-mail address, as people type them. */
static enum db_result
find(struct db *db, struct arena *a, const char *who, struct account *out)
{
	char name[EMAIL_BYTES];

	if (email_clean(who, name)) {
		snprintf(name, sizeof(name), "%s", who);
		text_clean_address(name);
	}
	return strchr(name, '@') ? db_account_by_email(db, a, name, out) :
				   db_account_by_address(db, a, name, out);
}

static enum db_result
delete_user(struct db *db, struct arena *a, struct account *acc, enum account_result *result)
{
	enum db_result r = db_account_end(db, a, acc, "relayctl", clock_ms(), result);

	if (r == DB_DONE && *result == ACCOUNT_OK)
		printf("The account %s is erased; housekeeping removes its files.\n",
		    acc->chat_address);
	return r;
}

static enum db_result
logout_user(struct db *db, struct arena *a, struct account *acc)
{
	int ended = 0;
	enum db_result r = db_session_end_all(db, acc, "relayctl", clock_ms(), &ended);

	(void)a;
	if (r == DB_DONE)
		printf("%d session%s and API keys of %s ended.\n", ended, ended == 1 ? "" : "s",
		    acc->chat_address);
	return r;
}

static enum db_result
list_sessions(struct db *db, struct arena *a, const struct account *acc, bool as_json)
{
	static const char *const names[] = { "device", "session", "created_at", "last_seen_at",
		"expires_at", NULL };
	struct table *t = table_new(names);
	struct session list[PAGE];
	int64_t after = 0;
	int count = 0;
	enum db_result r = t ? DB_DONE : DB_FAIL;

	do {
		if (r == DB_DONE)
			r = db_session_list(db, a, acc->id, clock_ms(), after, PAGE, list, &count);
		for (int i = 0; i < count && r == DB_DONE; i++) {
			table_row(t);
			table_text(t, list[i].device_name);
			table_text(t, list[i].session_name);
			table_time(t, list[i].created_at);
			table_time(t, list[i].last_seen_at);
			table_time(t, list[i].expires_at);
			after = list[i].id;
		}
	} while (r == DB_DONE && count == PAGE);
	if (t)
		table_print(t, as_json, "Signed in nowhere.");
	return r;
}

/* promote, block and the like. */
static enum db_result
change_user(struct db *db, struct arena *a, struct account *acc, const char *verb,
    enum account_result *result)
{
	char address[80];
	struct table *t;
	enum db_result r;

	snprintf(address, sizeof(address), "%s", acc->chat_address);
	r = db_account_act(db, a, address, verb, "relayctl", clock_ms(), acc, result);
	t = r == DB_DONE && *result == ACCOUNT_OK ? table_new(columns) : NULL;
	if (t) {
		add_user(t, acc);
		table_print(t, false, "");
	}
	return r;
}

static enum db_result
act(struct db *db, struct arena *a, struct account *acc, const char *verb, bool as_json,
    enum account_result *result)
{
	if (strcmp(verb, "delete") == 0)
		return delete_user(db, a, acc, result);
	if (strcmp(verb, "logout") == 0)
		return logout_user(db, a, acc);
	if (strcmp(verb, "sessions") == 0)
		return list_sessions(db, a, acc, as_json);
	return change_user(db, a, acc, verb, result);
}

static int
one_user(struct db *db, const char *verb, const char *who, bool as_json)
{
	struct account acc;
	struct arena a;
	enum account_result result = ACCOUNT_OK;
	enum db_result r;
	int status = 0;

	arena_init(&a, ARENA_BYTES);
	r = find(db, &a, who, &acc);
	if (r == DB_ROW)
		r = act(db, &a, &acc, verb, as_json, &result);
	if (r == DB_NONE)
		status = ctl_fail("nobody here has the address '%s'", who);
	else if (result == ACCOUNT_LAST_ADMIN)
		status = ctl_fail("'%s' is the last admin; promote another one first", who);
	else if (r != DB_DONE)
		status = ctl_db_failed(r);
	arena_free(&a);
	return status;
}

static bool
is_verb(const char *verb)
{
	struct account any = { .id = 0 };

	return account_apply(&any, verb) || strcmp(verb, "delete") == 0 ||
	    strcmp(verb, "sessions") == 0 || strcmp(verb, "logout") == 0;
}

int
ctl_user(struct ctl *c)
{
	bool as_json = ctl_json(c), list = c->argc == 2 && strcmp(c->argv[1], "list") == 0;
	struct db *db;
	int status;

	if (!list && (c->argc != 3 || !is_verb(c->argv[1])))
		return ctl_usage(USER_USAGE);
	if (as_json && !list && strcmp(c->argv[1], "sessions") != 0)
		return ctl_usage(USER_USAGE);
	db = ctl_open(c);
	if (!db)
		return 1;
	status = list ? list_users(db, as_json) : one_user(db, c->argv[1], c->argv[2], as_json);
	db_close(db);
	return status;
}

int
ctl_code(struct ctl *c)
{
	char email[EMAIL_BYTES], code[SECRET_CODE_BYTES];
	const char *must;
	struct signin_limit limit = { .email = email, .now = clock_ms() };
	int64_t retry_at;
	enum db_result r;
	struct db *db;

	if (c->argc != 2)
		return ctl_usage("code EMAIL");
	must = email_clean(c->argv[1], email);
	if (must)
		return ctl_fail("'%s': an address must be %s", c->argv[1], must);
	db = ctl_open(c);
	if (!db)
		return 1;
	secret_code_make(code);
	r = db_code_request(db, &limit, code, NULL, &retry_at);
	db_close(db);
	if (r != DB_DONE)
		return ctl_db_failed(r);
	printf("%s\n", code);
	secret_wipe(code, sizeof(code));
	return 0;
}
