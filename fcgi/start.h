/* What has to stand before the pool runs: folders, the one-relay-per-folder lock, the database's
 * schema. */
#ifndef FCGI_START_H
#define FCGI_START_H

#include "conf.h"

#include <stdbool.h>
#include <sys/types.h>

/* Makes data, upload and run folders that are missing and gives them to the unprivileged user.
 * False: one line in `error`. */
bool start_folders(const struct conf *c, uid_t uid, gid_t gid, char error[static CONF_ERROR_BYTES]);

/* Takes the lock DIR/run/relayd.lock, held until the process ends. 0: taken; above 0: the process
 * that holds it; -1: errno. */
pid_t start_lock(const char *dir);

/* The process that holds the lock, 0 when nobody does. Its URL goes to `url` when there is room for
 * one. */
pid_t start_holder(const char *dir, char *url, size_t size);

/* Writes the URL into the lock file, for start_holder, and on a second line whether HOST and PORT
 * came from the "settings" file or from the "environment". */
void start_publish(const struct conf *c, const char *url);

/* Migrates the database and makes the server key as the unprivileged user. False: one line in
 * `error`. */
bool
start_database(const struct conf *c, uid_t uid, gid_t gid, char error[static CONF_ERROR_BYTES]);

#endif
