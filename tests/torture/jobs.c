/* The jobs. Each is done with a fault, and must then come to the same end as without one. */
#include "jobs.h"

#include "check.h"
#include "cleanup.h"
#include "clock.h"
#include "db.h"
#include "runfile.h"
#include "secret.h"
#include "sweep_pass.h"
#include "vapid.h"
#include "world.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LATER_SEC ((long)8 * 86400) /* messages have expired then */
#define OLDER 4 /* schema steps that a migration has before it */

extern const char *const schema_steps[];

/* Made by the Makefile from sql/schema. */
enum effect {
	ALL_OR_NOTHING,
	STEP_BY_STEP /* what was done by then stays, and the next time goes on */
};

struct job {
	const char *name;
	void (*prepare)(void); /* or NULL */
	bool (*run)(char *error); /* armed by itself; false with one line in `error` */
	const char *(*look)(bool done); /* or NULL; what is wrong, or NULL */
	enum effect effect;
	long later; /* seconds after the state was made */
	long pause; /* seconds until it is tried again */
};

struct state {
	const struct job *job;
	uint64_t before, after, again;
};

static const struct fault *fault;

static void
arm(void)
{
	const struct fault none = { NULL };

	faults_arm(fault ? fault : &none);
}

static struct db_options
options(void)
{
	return db_options_of(&world.conf);
}

static const char *
path_of(const char *name)
{
	static char path[2][WORLD_PATH * 2];
	static int next;

	snprintf(path[next = !next], sizeof(path[0]), "%s/%s", world.dir, name);
	return path[next];
}

/* -- a worker's start -------------------------------------------------------------------------- */

static bool
start(char *error)
{
	bool ok;

	arm();
	ok = world_open(error);
	faults_disarm();
	world_close();
	return ok;
}

static bool
load(char *error)
{
	struct conf c;
	bool ok;

	arm();
	ok = conf_load(&c, world.dir, error);
	conf_free(&c);
	faults_disarm();
	return ok;
}

static void
forget_keys(void)
{
	unlink(path_of("data/server.key"));
	unlink(path_of("data/vapid.key"));
}

static bool
make_keys(char *error)
{
	bool ok;

	arm();
	ok = secret_key_load(world.conf.data_dir, true, error) &&
	    vapid_load(world.conf.data_dir, error);
	faults_disarm();
	return ok;
}

/* -- the pass ---------------------------------------------------------------------------------- */

static bool
pass(char *error)
{
	const struct db_options o = options();
	struct sweep_result res;
	enum db_result r;
	struct db *db;

	arm();
	db = db_open(&o, error);
	r = db ? db_sweep_take(db, clock_ms(), 0, 0) : DB_FAIL;
	if (r == DB_DONE)
		r = sweep_run(&world.conf, db, false, &res);
	db_close(db);
	faults_disarm();
	if (r != DB_DONE)
		snprintf(error, DB_ERROR_BYTES, "the pass: %d", (int)r);
	return r == DB_DONE;
}

/* -- copies ------------------------------------------------------------------------------------ */

#define COPY "data/backups/copy.db"

static bool
copy(bool with_content, char *error)
{
	const struct db_options o = options();
	bool ok;

	arm();
	ok = db_backup(&o, path_of(COPY), with_content, NULL, error);
	faults_disarm();
	return ok;
}

static bool
copy_some(char *error)
{
	unlink(path_of(COPY));
	return copy(false, error);
}

static bool
copy_all(char *error)
{
	unlink(path_of(COPY));
	return copy(true, error);
}

/* A copy is whole, or there is none. */
static const char *
look_at_copy(bool done)
{
	sqlite3 *h = NULL;
	sqlite3_stmt *st = NULL;
	const char *wrong = "the copy is not whole";

	if (access(path_of(COPY), F_OK) != 0)
		return done ? "there is no copy" : NULL;
	if (sqlite3_open_v2(path_of(COPY), &h, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(h,
		"SELECT (SELECT count(*) FROM account) > 4 AND integrity_check = 'ok' FROM "
		"pragma_integrity_check",
		-1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) == 1)
		wrong = NULL;
	sqlite3_finalize(st);
	sqlite3_close(h);
	return wrong;
}

/* A backup, and a message that was withdrawn since. */
static void
prepare_restore(void)
{
	static struct reply reply;
	char error[DB_ERROR_BYTES];
	const struct asked gone = { "DELETE", world_text("/api/v1/messages/{direct}"),
		world_text("{ann}"), "", "" };

	fault = NULL;
	if (!copy_all(error) || !world_open(error))
		give_up("%s", error);
	world_call(&gone, NULL, &reply);
	if (reply.status != 200)
		give_up("%s", reply.text);
	world_close();
}

static bool
restore(char *error)
{
	const struct db_options o = options();
	int applied;
	bool ok;

	arm();
	ok = db_restore(&o, path_of(COPY), &applied, error);
	faults_disarm();
	if (ok && applied != 1)
		give_up("%d tombstones were applied", applied);
	return ok;
}

/* Whoever comes next brings it to its end. */
static const char *
look_at_restore(bool done)
{
	static char error[DB_ERROR_BYTES];
	const struct db_options o = options();

	(void)done;
	return db_recover(&o, error) ? NULL : error;
}

/* -- the schema -------------------------------------------------------------------------------- */

static void
drop_database(void)
{
	static const char *const names[] = { "data/bridge.db", "data/bridge.db-wal",
		"data/bridge.db-shm" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(path_of(names[i]));
}

static void
prepare_older(void)
{
	sqlite3 *h = NULL;
	char done[64];

	drop_database();
	if (sqlite3_open(world.conf.db_path, &h) != SQLITE_OK)
		give_up("%s", sqlite3_errmsg(h));
	for (int i = 0; i < db_schema_version() - OLDER; i++)
		if (sqlite3_exec(h, schema_steps[i], NULL, NULL, NULL) != SQLITE_OK)
			give_up("step %d: %s", i, sqlite3_errmsg(h));
	snprintf(done, sizeof(done), "PRAGMA user_version=%d", db_schema_version() - OLDER);
	sqlite3_exec(h, done, NULL, NULL, NULL);
	sqlite3_close(h);
}

static bool
migrate(char *error)
{
	const struct db_options o = options();
	bool ok;

	arm();
	ok = db_migrate(&o, error);
	faults_disarm();
	return ok;
}

/* ---------------------------------------------------------------------------------------------- */

static const struct job jobs[] = {
	{ "job: a worker starts", NULL, start, NULL, ALL_OR_NOTHING, 0, 0 },
	{ "job: settings are read", NULL, load, NULL, ALL_OR_NOTHING, 0, 0 },
	{ "job: keys are made", forget_keys, make_keys, NULL, ALL_OR_NOTHING, 0, 0 },
	{ "job: backup", NULL, copy_some, look_at_copy, ALL_OR_NOTHING, 0, 0 },
	{ "job: backup with keys", NULL, copy_all, look_at_copy, ALL_OR_NOTHING, 0, 0 },
	{ "job: restore", prepare_restore, restore, look_at_restore, ALL_OR_NOTHING, 0, 0 },
	{ "job: pass", NULL, pass, NULL, STEP_BY_STEP, LATER_SEC, 0 },
	{ "job: migration", prepare_older, migrate, NULL, STEP_BY_STEP, 0, 1 },
	{ "job: first start", drop_database, migrate, NULL, STEP_BY_STEP, 0, 0 },
};

static void
reference(struct state *s, struct round *r)
{
	char error[CONF_ERROR_BYTES] = "", why[CHECK_BYTES];

	world_chance(1);
	if (!s->job->run(error))
		torture_problem(r, "it fails: %s", error);
	torture_note(r);
	check_look(&s->after, why);
	world_chance(2);
	world_later(s->job->later + s->job->pause);
	if (!s->job->run(error))
		torture_problem(r, "it fails the second time: %s", error);
	check_look(&s->again, why);
}

/* A page that could not be read is reported for a day. */
static bool
may_alarm(const struct state *s, const struct fault *f)
{
	return s->job->run == pass && f->way->class == FAULT_READ && f->way->error == EIO;
}

static void
judge(const struct state *s, bool done, struct round *r)
{
	const char *wrong = s->job->look ? s->job->look(done) : NULL;
	uint64_t state = 0;
	char why[CHECK_BYTES];

	if (wrong)
		torture_problem(r, "%s (%d)", wrong, done);
	if (access(world.conf.db_path, F_OK) != 0) {
		if (done)
			torture_problem(r, "there is no database");
		return;
	}
	if (!check_free(why) || !check_look(&state, why))
		torture_problem(r, "%s", why);
	if (done && state != s->after && !may_alarm(s, r->fault))
		torture_problem(r, "it says that it is done, and not all of it is");
	if (s->job->effect == ALL_OR_NOTHING && state != s->before && state != s->after)
		torture_problem(r, "half of it is done");
}

static void
run(void *arg, struct round *r)
{
	struct state *s = arg;
	char error[CONF_ERROR_BYTES] = "", why[CHECK_BYTES];
	uint64_t state = 0;
	const int descriptors = check_descriptors();
	bool done;

	fault = r->fault;
	if (!fault) {
		reference(s, r);
		return;
	}
	world_chance(1);
	done = s->job->run(error);
	torture_note(r);
	fault = NULL;
	if (!done && !error[0])
		torture_problem(r, "it does not say why it failed");
	if (check_descriptors() != descriptors)
		torture_problem(
		    r, "%d descriptors are left open", check_descriptors() - descriptors);
	judge(s, done, r);
	if (r->problem[0])
		return;
	world_chance(1);
	world_later(s->job->later + s->job->pause);
	if (!s->job->run(error))
		torture_problem(r, "the next time it fails, too: %s", error);
	else if (!check_look(&state, why) ||
	    (state != s->after && state != s->again && !may_alarm(s, r->fault)))
		torture_problem(r, "the next time it does something else %s", why);
}

const char *
jobs_name(int i)
{
	return i < (int)ARRAY_LEN(jobs) ? jobs[i].name : NULL;
}

bool
jobs_make(int i, struct work *out)
{
	struct state *s;
	char why[CHECK_BYTES];

	if (i >= (int)ARRAY_LEN(jobs))
		return false;
	world_later(0);
	fault = NULL;
	if (jobs[i].prepare)
		jobs[i].prepare();
	world_later(jobs[i].later);
	check_any_order(jobs[i].run == pass);
	check_keep();
	s = torture_shared(sizeof(*s));
	s->job = &jobs[i];
	if (access(world.conf.db_path, F_OK) == 0)
		check_look(&s->before, why);
	*out = (struct work){ .arg = s, .run = run };
	snprintf(out->name, sizeof(out->name), "%s", jobs[i].name);
	return true;
}
