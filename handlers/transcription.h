/* What clients may know of transcripts. */
#ifndef HANDLERS_TRANSCRIPTION_H
#define HANDLERS_TRANSCRIPTION_H

#include "request.h"

#define TRANSCRIPTION_BYTES 8388608 /* of one recording */
#define TRANSCRIPTION_MS 300000

/* Adds where recordings go; returns whether there are transcripts. */
bool transcription_show(struct request *r, struct json_object *o);

#endif
