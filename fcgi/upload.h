/* The body of an upload: where nginx put it, or as it comes through the socket, becomes a file of
 * the upload folder. No more than a buffer of it is ever in memory. */
#ifndef FCGI_UPLOAD_H
#define FCGI_UPLOAD_H

#include "filename.h"
#include "request.h"
#include "uploads.h"

struct upload {
	uint8_t id[ID_BYTES];
	char path[4200]; /* where the bytes are now */
	char name[FILENAME_BYTES], mime[MEDIA_TYPE_BYTES];
	int64_t size; /* bytes */
};

/* Moves the request's file into place: a POST's body is multipart/form-data and gives its part
 * `part`, any other is the file itself under `name`. False: it responded with an error and left
 * nothing behind. On true the caller owns the file at out->path until its row is made. */
bool upload_take(struct request *r, const char *part, const char *name, struct upload *out);

/* The row of it was written: should that not be stored after all, the bytes go too. */
void upload_keep(struct request *r, const struct upload *u);

#endif
