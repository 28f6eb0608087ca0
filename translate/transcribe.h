/* Engines that write down speech, by OpenAI's contract: POST /v1/audio/transcriptions. */
#ifndef TRANSLATE_TRANSCRIBE_H
#define TRANSLATE_TRANSCRIBE_H

#include "adapter.h"

struct transcribe_job {
	int fd; /* of the recording, read from its start */
	int64_t size; /* bytes */
	const char *media_type;
	const char *language; /* what is spoken; NULL: the engine finds out */
	int64_t timeout_ms;
	char *text; /* out, with ENGINE_DONE: in the arena; "": nobody speaks */
	char spoken[TEXT_LANGUAGE_BYTES]; /* out: the language; "": nobody said */
	int64_t wait_ms; /* out, with ENGINE_LATER */
};

/* The extension of a media type, by which engines choose how to read a recording. NULL: it is no
 * audio that they know. */
const char *transcribe_extension(const char *media_type);

/* One call of the engine of the settings. */
enum engine_result
transcribe_call(const struct conf *c, struct transcribe_job *job, struct arena *a);

/* The same with a second of silence, to try the engine out; job->timeout_ms is in. */
enum engine_result
transcribe_silence(const struct conf *c, struct transcribe_job *job, struct arena *a);

/* Makes a transcript fit to be shown: one line, without control characters. What is one phrase over
 * and over, as these models write for noise, becomes "". In place. False: it is no text. */
bool transcribe_clean(char *text, struct arena *a);

#endif
