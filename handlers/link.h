/* Links to files, for what cannot send a header, such as <video>: good for a quarter of an hour,
 * for one file and one session or key. Nothing of one is stored. */
#ifndef HANDLERS_LINK_H
#define HANDLERS_LINK_H

#include "request.h"

#define LINK_BYTES 160

/* What stands behind `?link=` for the caller and a file, until `expires_at`. */
void link_make(const struct request *r, const uint8_t file_id[static ID_BYTES], int64_t expires_at,
    char out[static LINK_BYTES]);

/* Whose link to the file it is, in *account_id: 0 when it does not hold, because it is over, the
 * session or key has ended, or it was never made. False: it responded. */
bool link_reader(struct request *r, const char *link, const uint8_t file_id[static ID_BYTES],
    int64_t *account_id);

#endif
