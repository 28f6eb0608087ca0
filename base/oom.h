/* Memory that was out where nothing else can say so: what was read, built or cleaned lacks a part.
 * Of the process, which serves one request at a time. */
#ifndef BASE_OOM_H
#define BASE_OOM_H

#include <stdbool.h>

/* Notes that something is missing. */
void oom_note(void);

/* Was that noted since the last oom_take? */
bool oom_noted(void);

/* The same, and forgets it. */
bool oom_take(void);

#endif
