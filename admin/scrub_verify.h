/* Looks for what was scrubbed in every file of the relay. */
#ifndef ADMIN_SCRUB_VERIFY_H
#define ADMIN_SCRUB_VERIFY_H

#include "relayctl.h"

/* Checks the database (no body or key of a scrubbed message, free pages overwritten), that the WAL
 * is empty, that no upload is left without its row and no temporary file of the web server, and
 * searches every file below the relay's folders for the given texts. Prints a line for each place
 * where something is left; returns how many, -1 when it could not look. */
int scrub_verify(const struct ctl *ctl, char **texts, int count);

#endif
