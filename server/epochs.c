/* A step about twice a second. What stands in the way is worth one line, not one a step. */
#include "epochs.h"

#include "clock.h"
#include "epoch.h"
#include "log.h"
#include "process.h"
#include "replay.h"
#include "sandbox.h"
#include "secret.h"

#include <unistd.h>

#define STEP_US 500000
#define FIRST_STEP_US 50000
#define FIRST_WAIT_MS 10000
#define NAME_BYTES 64

struct keeper {
	struct db_options store;
	struct db *db; /* NULL: it is not open */
	char name[NAME_BYTES];
	struct epoch_plan plan;
	int64_t until; /* so long a start waits for the first steps; monotonic */
	bool failing;
};

static void
set_up(struct keeper *k, const struct conf *c)
{
	*k = (struct keeper){ .store = db_options_of(c) };
	if (gethostname(k->name, sizeof(k->name) - 1) != 0)
		k->name[0] = '\0';
	k->plan = (struct epoch_plan){ .length_ms = c->epoch_sec * 1000, .name = k->name };
}

static bool
reach(struct keeper *k)
{
	char error[DB_ERROR_BYTES];

	if (!k->db)
		k->db = db_open(&k->store, error);
	if (!k->db && !k->failing)
		log_warn("epochs: %s", error);
	return k->db;
}

static enum db_result
step(struct keeper *k)
{
	const enum db_result r = reach(k) ? db_epoch_step(k->db, &k->plan, clock_ms()) : DB_BUSY;
	const bool fails = r == DB_FAIL || r == DB_NONE;

	if (fails && !k->failing)
		log_error("epochs do not go on: keys of what was scrubbed stay where they are");
	if (r == DB_DONE && k->failing)
		log_info("epochs go on again");
	k->failing = r != DB_DONE && (k->failing || fails || !k->db);
	return r;
}

/* What was erased or scrubbed stays so in a database that was put back from a copy. True: nothing
 * of that is left to do. */
static bool
replay(struct keeper *k)
{
	int applied = 0;
	bool is_done = false;

	if (db_replay_step(k->db, &applied, &is_done) == DB_DONE && !is_done)
		k->until = clock_mono_ms() + FIRST_WAIT_MS;
	if (applied)
		log_warn("the database was put back from a copy: %d message%s or account%s that "
			 "went since went again",
		    applied, applied == 1 ? "" : "s", applied == 1 ? "" : "s");
	return is_done;
}

bool
epochs_begin(const struct conf *c, char error[static CONF_ERROR_BYTES])
{
	enum db_result r = DB_BUSY;
	struct keeper k;
	bool here = false, is_done = false;

	if (!c->database_url[0])
		return true;
	set_up(&k, c);
	k.until = clock_mono_ms() + FIRST_WAIT_MS;
	while (!is_done && r != DB_NONE && clock_mono_ms() < k.until) {
		r = step(&k);
		here = k.db && db_epoch_is_here(k.db);
		is_done = here && replay(&k);
		if (!is_done)
			usleep(FIRST_STEP_US);
	}
	db_close(k.db);
	if (r == DB_NONE)
		return conf_refuse(c, CONF_DATABASE_URL, error,
		    "%s.epochs has keys of another database, whose texts would be lost with them: "
		    "set the address as it was, or move that file away",
		    c->db_path);
	if (!here)
		log_error(
		    "no machine that is up has the key of the current epoch: texts wait until "
		    "one is; see docs/several-machines.md");
	return true;
}

int
epochs_run(const struct conf *c, uid_t uid, gid_t gid, pid_t parent)
{
	const int status = process_begin("relay-epochs", SYSCALLS_EPOCHS, uid, gid, parent);
	char no_key[SECRET_ERROR_BYTES];
	struct keeper k;

	if (status >= 0)
		return status;
	if (!secret_key_load(c->data_dir, false, no_key)) {
		log_error("%s", no_key);
		return 1;
	}
	set_up(&k, c);
	reach(&k);
	sandbox_enter((const char *const[]){ c->data_dir, NULL },
	    (const char *const[]){ "/etc", "/usr", "/lib", "/run", "/dev", NULL });
	syscalls_enter(SYSCALLS_EPOCHS, c->database_url);
	while (!process_is_stopping()) {
		if (step(&k) == DB_DONE)
			replay(&k);
		usleep(STEP_US);
	}
	db_close(k.db);
	return 0;
}
