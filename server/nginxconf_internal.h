/* What the writer of templates and that of values share. */
#ifndef SERVER_NGINXCONF_INTERNAL_H
#define SERVER_NGINXCONF_INTERNAL_H

#include "location.h"
#include "nginxconf.h"
#include "text.h"

#include <stdio.h>

struct writer {
	const struct nginxconf *n;
	FILE *out;
	char *error;
	struct text value; /* scratch for one value */
	struct location all[LOCATION_MAX];
	int count;
	const struct location *at; /* the one that is being written; the general one by default */
};

/* Puts what stands between @ signs as `name` into w->value. False: w->error says why not. */
bool nginxconf_value(struct writer *w, const char *name);

/* One line into w->error; returns false. */
bool nginxconf_fail(struct writer *w, const char *what, const char *why);

#endif
