/* One HTTP call to an engine. The other side is not trusted: no redirects, a bounded response, a
 * bounded time; nothing of the environment is used. */
#ifndef TRANSLATE_WIRE_H
#define TRANSLATE_WIRE_H

#include "conf.h"

#include <stddef.h>
#include <stdint.h>

#define WIRE_RESPONSE_BYTES 262144

/* A form (RFC 7578) with texts and one file, which is read while it is sent. */
struct wire_form {
	struct wire_field {
		const char *name, *value;
	} fields[4];
	int count;
	const char *file_name, *type; /* as the other side is to see them; its field is "file" */
	int fd; /* the caller's */
	int64_t size; /* bytes from its start */
};

struct wire_request {
	const char *url; /* of the settings */
	const char *path; /* put behind it: nothing of a user is in it */
	char *body; /* wiped and freed by the call; NULL: GET, or the form */
	const char *type; /* of the body */
	const struct wire_form *form; /* sent instead of a body */
	char authorization[576]; /* the value of that header; "": none */
};

struct wire_response {
	long status; /* 0: there was none in time */
	int64_t retry_after_sec; /* 0: it did not say */
	const char *body; /* ends with a NUL; good until the next call */
};

/* Makes the call, within `timeout_ms`, and keeps the connection for the next one. */
void wire_call(
    const struct conf *c, struct wire_request *q, int64_t timeout_ms, struct wire_response *a);

/* Wipes what the last response said. */
void wire_forget(void);

#endif
