/* What listens for the pool: its socket, and the nginx that the pool runs for itself. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include "conf.h"
#include "location.h"

#include <stdbool.h>
#include <sys/types.h>

/* Sockets of the run folder: the workers', of both pools, and relay-live's. */
#define LISTENER_SOCKET LOCATION_MAIN_SOCKET
#define LISTENER_ASK LOCATION_ASK_SOCKET
#define LISTENER_LIVE LOCATION_LIVE_SOCKET

/* A listening socket of that name in the run folder, owned by uid and gid, mode 0660, or 0666 for
 * `access` SOCKET_EVERYONE. -1: see errno. */
int listener_socket(
    const char *run_dir, const char *name, uid_t uid, gid_t gid, enum conf_socket_access access);

/* Writes RUN/nginx.conf for `port` and has nginx check it. False with one line in `error`. */
bool listener_write(const struct conf *c, const char *run_dir, const char *program_dir, int port,
    char error[static CONF_ERROR_BYTES]);

/* Writes RUN/nginx-http.conf and RUN/nginx-server.conf, for a web server that is not the relay's
 * own. False with one line in `error`. */
bool listener_write_includes(const struct conf *c, const char *run_dir, const char *program_dir,
    char error[static CONF_ERROR_BYTES]);

/* True when the pool's nginx responds to GET /health with 200 (over TLS: when it accepts). */
bool listener_responds(const struct conf *c, int port);

/* A port of HOST where the relay may listen: that of the settings or, unless WEBCHAT_STRICT_PORT,
 * one of the next hundred; a move is logged. 0: none; why stands in `error`. */
int listener_port(const struct conf *c, char error[static CONF_ERROR_BYTES]);

/* Ends an nginx that a killed pool left behind, by its pid file and only if it is ours. */
void listener_end_stale(const char *run_dir);

/* Sets a large access log aside (one older one is kept). True: nginx shall open a new one (USR1).
 */
bool listener_rotate_log(const char *run_dir);

/* The log of a detached relay, in its run folder. */
#define LISTENER_LOG "relay.log"

/* Copies that log aside when it is large (one older one is kept) and starts it anew. */
void listener_turn_log_over(const char *run_dir);

/* Removes a socket of that name from the run folder. */
void listener_remove(const char *run_dir, const char *name);

/* The address that people can use for the relay, as http(s)://ADDRESS:PORT; for port 0, which is a
 * relay without an nginx of its own, unix:PATH of the socket. */
void listener_url(const struct conf *c, int port, char *out, size_t size);

#endif
