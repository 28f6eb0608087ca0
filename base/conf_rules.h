/* What a setting must be, besides its kind and length, to be able to match or work. */
#ifndef BASE_CONF_RULES_H
#define BASE_CONF_RULES_H

#include "conf_name.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the kept form of `value` of the setting into `size` bytes at `out`: that of a list item by
 * item. NULL when it is fine (`*bad` is untouched), else what is allowed; `bad`, of `size` bytes,
 * then names the item at fault. A setting without a rule is kept as it is. */
const char *conf_rule_clean(
    enum conf_name name, bool is_list, const char *value, char *out, char *bad, size_t size);

#endif
