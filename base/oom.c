/* Memory that was out, noted for whoever answers. */
#include "oom.h"

static bool noted;

void
oom_note(void)
{
	noted = true;
}

bool
oom_noted(void)
{
	return noted;
}

bool
oom_take(void)
{
	const bool was = noted;

	noted = false;
	return was;
}
