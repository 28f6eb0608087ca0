/* The WebChat page: the files that `make web` built, put where the web server can read them. */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include "conf.h"

#include <stdbool.h>

/* Copies PROGRAM/../web/dist (source maps aside) to RUN/page, chat.html last; what is there already
 * stays untouched. Files of an older version stay for 30 days, for pages that are open. A page that
 * is not built is no error. False with one line in `error` when a file cannot be copied. */
bool page_publish(const struct conf *c, const char *run_dir, const char *program_dir,
    char error[static CONF_ERROR_BYTES]);

/* Whether RUN/page holds a page. */
bool page_there(const char *run_dir);

#endif
