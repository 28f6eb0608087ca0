/* multipart/form-data (RFC 7578) in a file: finds where the one part lies that holds the upload,
 * without reading more of it into memory than a buffer. */
#ifndef FCGI_MULTIPART_H
#define FCGI_MULTIPART_H

#include "filename.h"

#include <stdbool.h>
#include <sys/types.h>

struct multipart_part {
	off_t start, len; /* its bytes in the body */
	char name[FILENAME_BYTES]; /* cleaned */
	char mime[MEDIA_TYPE_BYTES]; /* cleaned */
};

/* Finds the part named `part` in the `size` bytes of `fd`, whose Content-Type is `type`. Other
 * parts are passed over; a second one of that name, a part that is multipart itself, and a body
 * without its closing boundary are faults. False with one sentence in *why; NULL: the
 * file cannot be read, see errno. */
bool multipart_find(int fd, off_t size, const char *type, const char *part,
    struct multipart_part *out, const char **why);

/* True when a Content-Type names multipart/form-data. */
bool multipart_is(const char *type);

#endif
