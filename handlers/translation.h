/* What clients may know of translation. */
#ifndef HANDLERS_TRANSLATION_H
#define HANDLERS_TRANSLATION_H

#include "request.h"

/* Adds what is translated into what, and where words go; returns whether there is translation. */
bool translation_show(struct request *r, struct json_object *o);

#endif
