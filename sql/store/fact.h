/* What the relay itself tells people is a fact: what happened, to whom, by whom. The store keeps it
 * sealed in one small field and knows no words for it; whoever shows one makes them. */
#ifndef SQL_FACT_H
#define SQL_FACT_H

#include "account.h"
#include "group_role.h"

/* Kept by number: new ones go to the end. */
enum fact_type {
	FACT_JOINED,
	FACT_LEFT,
	FACT_REMOVED,
	FACT_ROLE, /* they have another role now */
	FACT_UPDATED, /* of the group, by whom it is about */
	FACT_DELETED, /* likewise */
	FACT_REQUESTED, /* to join */
	FACT_APPROVED,
	FACT_REJECTED,
	FACT_INVITED, /* by whom it is about */
	FACT_ACCESS, /* somebody outside the allow-list asks to be let in */
	FACT__MAX
};

#define FACT_BY_THEMSELVES (-1)
#define FACT_BYTES 1024 /* of the packed form */

struct fact {
	enum fact_type type;
	enum group_role role; /* of a type that has one: that they have, or would get */
	int64_t about_id; /* the account that it is about, when it is put; 0: none */
	int64_t actor_id; /* the account that did it; 0: not disclosed */
	const char *address, *name; /* whom it is about: the chat address, of FACT_ACCESS that of
				       mail; and the name as it was then, "" for none */
	const char *group_name; /* of an invitation, else "" */
	const char
	    *actor; /* chat address of who did it, once named; NULL: not disclosed, or gone */
	bool has_request;
	uint8_t request[ID_BYTES]; /* what the reader is to decide */
};

/* True for the types that tell a role. */
bool fact_has_role(enum fact_type type);

/* Writes all but about_id and request, which are columns, as one text. False: no room. */
bool fact_pack(const struct fact *f, char out[static FACT_BYTES]);

/* Reads it back into the arena; *out is NULL for what this program cannot read. False: no memory.
 */
bool fact_unpack(struct arena *a, const char *packed, struct fact **out);

/* Finds who did it, unless their account is gone. DB_DONE. */
enum db_result fact_name_actor(struct db *db, struct arena *a, struct fact *f);

#endif
