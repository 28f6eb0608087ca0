/* Paths below the upload folder. */
#include "uploads.h"

#include "secret.h"

#include <stdio.h>

bool
uploads_path(
    const char *upload_dir, const uint8_t public_id[static ID_BYTES], char *out, size_t size)
{
	char name[2 * ID_BYTES + 1];

	secret_hex(public_id, ID_BYTES, name);
	return snprintf(out, size, "%s/" UPLOADS_FILES "/%s", upload_dir, name) < (int)size;
}
