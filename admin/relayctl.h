/* The operator's tool: one function per command. */
#ifndef ADMIN_RELAYCTL_H
#define ADMIN_RELAYCTL_H

#include "conf.h"
#include "db.h"
#include "epoch_state.h"

/* What every command is given. */
struct ctl {
	struct conf conf;
	const char *dir;
	int argc; /* the command's own words */
	char **argv;
};

/* Prints "relayctl: ..." on standard error; returns 1. */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints how the command is used; returns 2. */
int ctl_usage(const char *usage);

/* Takes --json out of the command's words; returns whether it was there. */
bool ctl_json(struct ctl *c);

/* Opens the store of the relay; NULL after saying why. */
struct db *ctl_open(const struct ctl *c);

/* Takes the relay's own lock, which it holds as long as it runs, until this process ends: so nobody
 * starts it meanwhile. False: it is running. */
bool ctl_keep_stopped(const struct ctl *c);

/* What epochs need to know of this machine; `name` keeps what it is called. */
#define CTL_NAME_BYTES 64
struct epoch_plan ctl_epoch_plan(const struct ctl *c, char name[static CTL_NAME_BYTES]);

/* A failed store call in words; returns 1. */
int ctl_db_failed(enum db_result r);

/* These two read the settings themselves. */
int ctl_check(struct ctl *c);
int ctl_doctor(struct ctl *c);

int ctl_user(struct ctl *c);
int ctl_group(struct ctl *c);
int ctl_invite(struct ctl *c);
int ctl_code(struct ctl *c);
int ctl_mail(struct ctl *c);
int ctl_backup(struct ctl *c);
int ctl_restore(struct ctl *c);
int ctl_scrub(struct ctl *c);
int ctl_move(struct ctl *c);
int ctl_machine(struct ctl *c);
int ctl_stats(struct ctl *c);

#endif
