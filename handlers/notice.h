/* The relay's own messages: words and buttons for the facts that they tell of, for whoever reads
 * them. */
#ifndef HANDLERS_NOTICE_H
#define HANDLERS_NOTICE_H

#include "message.h"
#include "req.h"

#include <json-c/json_object.h>

/* What a message says: of a fact, in the language of the one who asks. Never NULL. */
const char *notice_text(struct request *r, const struct message *m);

/* Adds to a message's item the fact itself, for clients that have words of their own. */
void notice_add_fact(struct json_object *o, const struct message *m);

/* Adds the buttons with which its reader decides; nothing where there is nothing to decide. */
void notice_add_actions(struct request *r, struct json_object *o, const struct message *m);

#endif
