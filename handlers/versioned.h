/* What the calls of a user's documents share: the version in ETag, If-None-Match and If-Match. */
#ifndef HANDLERS_VERSIONED_H
#define HANDLERS_VERSIONED_H

#include "document.h"
#include "request.h"

/* The caller's document; its text is NULL while there is none, which is a version, too. False: it
 * responded. */
bool versioned_load(struct request *r, enum document_kind kind, struct document *out);

/* Puts `text` instead of the older one, with If-Match only over the version that it names (else
 * 412 with the sentence `changed`). The response, with its etag, to add to; NULL: it failed. */
struct json_object *
versioned_store(struct request *r, enum document_kind kind, char *text, const char *changed);

#endif
