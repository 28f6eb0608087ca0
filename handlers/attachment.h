/* Attachments of a message that is sent. */
#ifndef HANDLERS_ATTACHMENT_H
#define HANDLERS_ATTACHMENT_H

#include "inputs.h"
#include "message.h"
#include "post.h"
#include "req.h"

/* Looks up what in->attachments names: m->files, and m->attachments as items show them. False: it
 * responded. */
bool attachment_list(struct request *r, const struct in_message *in, struct message_new *m);

/* Responds that a file is not there for the caller. */
void attachment_unknown(struct request *r);

#endif
