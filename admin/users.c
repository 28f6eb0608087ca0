/* relayctl user, code: people. */
#include "relayctl.h"

#include "account.h"
#include "clock.h"
#include "signin.h"
#include "email.h"
#include "text.h"

#include <string.h>

#define PAGE 100
#define USER_USAGE "user list | user promote|demote|block|unblock|hide|unhide WHO"
#define ARENA_BYTES ((size_t)1 << 20)

static void
print_users(const struct account *list, int count)
{
	for (int i = 0; i < count; i++)
		printf("%s\t%s\t%s\t%s%s%s\n", list[i].chat_address, list[i].email,
		    account_name(&list[i]), list[i].role == ROLE_ADMIN ? "admin" : "user",
		    list[i].blocked ? ",blocked" : "", list[i].hidden ? ",hidden" : "");
}

static int
list_users(struct db *db)
{
	struct account list[PAGE];
	char after[80] = "";
	struct arena a;
	int count = 0;
	enum db_result r;

	arena_init(&a, ARENA_BYTES);
	do {
		r = db_account_list(db, &a, "", after, PAGE, list, &count);
		print_users(list, count);
		if (count > 0)
			snprintf(after, sizeof(after), "%s", list[count - 1].chat_address);
		arena_reset(&a);
	} while (r == DB_DONE && count == PAGE);
	arena_free(&a);
	return r == DB_DONE ? 0 : ctl_db_failed(r);
}

/* The chat address of WHO, which may be an e-mail address too; NULL: he is unknown. */
static const char *
find_address(struct db *db, struct arena *a, char *name, enum db_result *r)
{
	struct account acc;

	*r = DB_ROW;
	if (!strchr(name, '@'))
		return name;
	*r = db_account_by_email(db, a, name, &acc);
	return *r == DB_ROW ? acc.chat_address : NULL;
}

static int
change_user(struct db *db, const char *verb, const char *who)
{
	char name[EMAIL_BYTES];
	const char *address;
	struct account acc = { .id = 0 };
	struct arena a;
	enum db_result r;
	int status = 0;

	if (!account_apply(&acc, verb))
		return ctl_usage(USER_USAGE);
	if (email_clean(who, name)) {
		snprintf(name, sizeof(name), "%s", who);
		text_clean_address(name);
	}
	arena_init(&a, ARENA_BYTES);
	address = find_address(db, &a, name, &r);
	if (address)
		r = db_account_act(db, &a, address, verb, "relayctl", clock_ms(), &acc);
	if (r == DB_NONE)
		status = ctl_fail("nobody here has the address '%s'", who);
	else if (r == DB_CONFLICT)
		status = ctl_fail("'%s' is the last admin; promote another one first", who);
	else if (r != DB_DONE)
		status = ctl_db_failed(r);
	else
		print_users(&acc, 1);
	arena_free(&a);
	return status;
}

int
ctl_user(struct ctl *c)
{
	struct db *db;
	int status;

	if (c->argc != (c->argc > 1 && strcmp(c->argv[1], "list") == 0 ? 2 : 3))
		return ctl_usage(USER_USAGE);
	db = ctl_open(c);
	if (!db)
		return 1;
	status = c->argc == 2 ? list_users(db) : change_user(db, c->argv[1], c->argv[2]);
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
