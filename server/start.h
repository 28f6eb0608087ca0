/* What has to stand before the pool runs: folders, the one-relay-per-folder lock, the database's
 * schema. */
#ifndef SERVER_START_H
#define SERVER_START_H

#include "conf.h"

#include <stdbool.h>
#include <sys/types.h>

/* Makes data, upload and run folders that are missing and gives them to the unprivileged user.
 * False: one line in `error`. */
bool start_folders(const struct conf *c, uid_t uid, gid_t gid, char error[static CONF_ERROR_BYTES]);

/* Takes the lock DIR/run/relayd.lock, held until the process ends. 0: taken; above 0: the process
 * that holds it; -1: errno. */
pid_t start_lock(const char *dir);

/* Writes the URL into the lock file, for runfile_read, and on a second line whether HOST and PORT
 * came from the "settings" file or from the "environment". */
void start_publish(const struct conf *c, const char *url);

/* Migrates the database and makes the server key as the unprivileged user. False: one line in
 * `error`. */
bool
start_database(const struct conf *c, uid_t uid, gid_t gid, char error[static CONF_ERROR_BYTES]);

#endif
