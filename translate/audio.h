/* How long a recording is, by what its file says of itself. */
#ifndef TRANSLATE_AUDIO_H
#define TRANSLATE_AUDIO_H

#include <stdbool.h>
#include <stdint.h>

struct audio_length {
	int64_t ms;
	bool exact; /* false: a guess by its size, or by how much of it comes in what time */
};

/* Reads headers of a file of `size` bytes, which may hold anything and lie about itself. */
struct audio_length audio_length(int fd, int64_t size);

#endif
