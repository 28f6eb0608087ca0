/* Downloads: nginx sends the bytes and says afterwards how that ended. */
#ifndef FCGI_DOWNLOAD_H
#define FCGI_DOWNLOAD_H

#include "id.h"
#include "request.h"

/* Who reads which file, for resp_file: nginx hands it back as r->file_reader. In the arena; NULL:
 * no memory. */
char *
download_reader(struct request *r, const uint8_t file_id[static ID_BYTES], int64_t account_id);

/* Notes the reader if the whole file went out in one response: r->file_sent is "whole", or the
 * Content-Range (RFC 9110, section 14.4) of a part. */
void download_end(struct request *r);

#endif
