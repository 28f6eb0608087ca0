/* How things look on the wire, in one place. Each returns a new object that the caller hands on. */
#ifndef HANDLERS_SHOW_H
#define HANDLERS_SHOW_H

#include "bridge.h"
#include "change.h"
#include "group.h"
#include "invite.h"
#include "message.h"
#include "req.h"
#include "resp.h"
#include "receipt.h"

/* Text that one response holds at most, or a little more: with every byte of it escaped it still
 * fits into the memory that nginx keeps for a response. */
#define SHOW_TEXT_BYTES 524288

/* The user, as they themselves and admins see them. */
struct json_object *show_user(const struct account *a);

/* A session, as its owner sees it. */
struct json_object *show_session(const struct session *s, int64_t current_id);

/* Responds with a page (in_page) of an account's sessions, oldest first. */
void show_sessions(struct request *r, int64_t account_id);

/* Adds what names a file everywhere. */
void
show_file(struct json_object *o, const char *id, const char *name, const char *mime, int64_t size);

/* An API key, without its token. */
struct json_object *show_key(const struct session *key);

/* A phone or queue, and what waits there. */
struct json_object *show_phone(const struct phone *p);

/* A message as a stream item, for the one who asks; the relay's name signs its own. */
struct json_object *show_message(struct request *r, const struct message *m);

/* How a message moved on. */
struct json_object *show_change(const struct change *c);

/* A group, with the role of whom it is shown to. */
struct json_object *show_group(const struct group *g);

/* An invitation, as the one who is invited sees it. */
struct json_object *show_invite(const struct invite *i);

/* Returns why a call on a group was refused. False for GROUP_OK, GROUP_INVITED, GROUP_REQUESTED and
 * GROUP_DELETED, which the caller responds to. */
bool show_group_refused(struct request *r, enum group_result result);

#endif
