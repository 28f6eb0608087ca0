/* The route table: what the API is made of. The table itself stands with the handlers. */
#ifndef FCGI_ROUTE_H
#define FCGI_ROUTE_H

#include "fields.h"
#include "req.h"

/* Who may call: a session of any member, or of an admin; FOR_HOLDER: members, and whoever brings
 * the thing's own token, which the handler checks. Added to it, the scopes of which an API key
 * needs one; without any the call is for sessions alone. STORES: it puts something new on the disk,
 * which is refused below the floor. */
enum access {
	FOR_ANYONE = 0,
	FOR_HOLDER = 16,
	FOR_MEMBER = 32,
	FOR_ADMIN = 64 | SCOPE_ADMIN,
	STORES = 128
};

#define ROUTE_FILE SIZE_MAX

struct route {
	enum method method;
	const char
	    *path; /* "*" stands for one path part, handed over in request.args; two at most */
	unsigned access; /* enum access, with enum scope */
	size_t body_limit; /* bytes; 0: a body is ignored; ROUTE_FILE: the body is a file */
	const struct field *fields; /* of the body, for GET and files of the query; NULL: none */
	size_t in_size; /* of the struct that the fields fill */
	void (*run)(struct request *r); /* answering nothing means 500 */
};

/* Ends with an entry whose path is NULL. */
extern const struct route routes[];

/* Finds the route of a request and sets its args. NULL: it answered 404 or 405 with Allow. */
const struct route *route_find(struct request *r);

/* The wire's word for a method. */
const char *route_method_name(enum method m);

#endif
