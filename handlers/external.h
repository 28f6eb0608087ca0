/* What the handlers of external messages share. */
#ifndef HANDLERS_EXTERNAL_H
#define HANDLERS_EXTERNAL_H

#include "inputs.h"
#include "message.h"
#include "post.h"

/* Handles POST messages for a channel other than pchat. */
void external_send(struct request *r, const struct in_message *in);

/* External messages made at this time or before have expired (expiry_cutoff). */
int64_t external_cutoff(const struct request *r);

/* Ends what of the caller's waited too long, so that what is read next says so. While nothing can
 * be written it stays as it is. */
void external_expire(struct request *r);

/* Adds why a failed message failed; nothing for other states. */
void external_add_error(struct request *r, struct json_object *o, const uint8_t id[static ID_BYTES],
    enum delivery_state state);

/* Responds about a message that was stored, is a repeat, or was refused (message.c). */
void message_respond(
    struct request *r, const struct message_new *m, const char *key, enum send_result result);

#endif
