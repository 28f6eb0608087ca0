/* The names of the settings, as they stand in conf.def. */
#ifndef BASE_CONF_NAME_H
#define BASE_CONF_NAME_H

enum conf_name {
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) CONF_##name,
#include "conf.def"
#undef CONF
#undef GROUP
	CONF__MAX
};

#endif
