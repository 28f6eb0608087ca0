/* The layout of the upload folder. */
#ifndef BASE_UPLOADS_H
#define BASE_UPLOADS_H

#include "id.h"

#include <stdbool.h>
#include <stddef.h>

#define UPLOADS_FILES "files" /* what has a row */
#define UPLOADS_INCOMING "incoming" /* what is still arriving */

/* What multipart/form-data may add to a file of the largest size. */
#define UPLOADS_OVERHEAD_BYTES 65536

/* The path of a file's bytes below the upload folder, into `out`. False: it is too long. */
bool uploads_path(
    const char *upload_dir, const uint8_t public_id[static ID_BYTES], char *out, size_t size);

#endif
