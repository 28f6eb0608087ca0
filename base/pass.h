/* What a worker tells relay-live about a caller, in one line that nobody else can write: the web
 * server carries it, and others of the machine may reach the socket. */
#ifndef BASE_PASS_H
#define BASE_PASS_H

#include <stdbool.h>
#include <stdint.h>

#define PASS_KEY_BYTES 32
#define PASS_TEXT_BYTES 160

struct pass {
	int64_t account;
	int64_t checked_ms; /* Unix time before the credential was looked at */
	int64_t after; /* of a long poll; -1: a stream is asked for */
};

/* Writes the line. */
void pass_write(const uint8_t key[static PASS_KEY_BYTES], const struct pass *p,
    char out[static PASS_TEXT_BYTES]);

/* Reads it. False: it was not written so, under this key. */
bool pass_read(const uint8_t key[static PASS_KEY_BYTES], const char *text, struct pass *p);

#endif
