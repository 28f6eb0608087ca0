/* Names and media types of files as strangers give them: made harmless, and written into headers.
 */
#ifndef FCGI_FILENAME_H
#define FCGI_FILENAME_H

#include <stdbool.h>
#include <stddef.h>

#define FILENAME_BYTES 256 /* a cleaned name, with its NUL */
#define MEDIA_TYPE_BYTES 128 /* a cleaned media type, with its NUL */
#define DISPOSITION_BYTES 1280 /* a Content-Disposition header */

/* Makes a file name out of `len` bytes: the last part of a path, in well-formed UTF-8, without
 * control characters and marks that turn the direction of writing, at most 255 bytes with its
 * extension kept. "file" when nothing is left. */
void filename_clean(const char *name, size_t len, char out[static FILENAME_BYTES]);

/* The type and subtype of a Content-Type value in lower case (RFC 9110, section 8.3.1), without
 * parameters; application/octet-stream when it is none. */
void media_type_clean(const char *type, char out[static MEDIA_TYPE_BYTES]);

/* True for images, audio and video that a browser shows without running anything. */
bool media_type_is_inert(const char *type);

/* A Content-Disposition value (RFC 6266) for a cleaned name: an ASCII fallback, and the whole name
 * in the form of RFC 5987 where they differ. */
void filename_disposition(const char *name, bool inline_, char out[static DISPOSITION_BYTES]);

#endif
