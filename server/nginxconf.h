/* Writing an nginx configuration from the templates in nginx/, the routes and the settings. */
#ifndef SERVER_NGINXCONF_H
#define SERVER_NGINXCONF_H

#include "conf.h"
#include "route.h"

struct nginxconf {
	const struct conf *conf;
	const char *template_dir; /* the project's nginx/ */
	const char *template_name; /* relay.conf.in, relay-tls.conf.in, or an include-... */
	const char *user; /* user of nginx's workers; NULL: nginx is not started as root */
	const char *socket_dir; /* where the pools' sockets lie, with a slash; "": beside it */
	const struct route *routes; /* the table that locations and limits are made of */
	int port;
};

/* Writes `path` (mode 0600). In a template, @NAME@ is a value, a line "@include FILE@" another
 * template of the same folder, and a line "@LOCATIONS@" one for each location. False with one line
 * in `error`; then `path` is as it was. */
bool
nginxconf_write(const struct nginxconf *n, const char *path, char error[static CONF_ERROR_BYTES]);

#endif
