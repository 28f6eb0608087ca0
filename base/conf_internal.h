/* What the files of the settings share. */
#ifndef BASE_CONF_INTERNAL_H
#define BASE_CONF_INTERNAL_H

#include "conf.h"

/* Checks settings that only make sense together. False with one line in `error`. */
bool conf_together(const struct conf *c, char *error);

#endif
