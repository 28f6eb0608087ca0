/* Packing and sealing bodies. Each part is its length plus one in four bytes (0: left out), then
 * its bytes. */
#include "body.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4

static const uint8_t zeros[SECRET_SEAL_KEY_BYTES];
const struct db_blob body_no_key = { zeros, sizeof(zeros) };

static uint8_t *
put_length(uint8_t *at, size_t n)
{
	for (int i = 0; i < LENGTH_BYTES; i++)
		*at++ = (uint8_t)(n >> (8 * i));
	return at;
}

static size_t
get_length(const uint8_t *at)
{
	size_t n = 0;

	for (int i = 0; i < LENGTH_BYTES; i++)
		n |= (size_t)at[i] << (8 * i);
	return n;
}

bool
body_seal(const uint8_t id[static ID_BYTES], const char *const *parts, int count, struct body *out)
{
	size_t len = 0;
	uint8_t *plain, *at;

	for (int i = 0; i < count; i++)
		len += LENGTH_BYTES + (parts[i] ? strlen(parts[i]) : 0);
	at = plain = malloc(len + 1);
	out->len = len + SECRET_SEAL_EXTRA_BYTES;
	out->sealed = malloc(out->len);
	if (!plain || !out->sealed) {
		free(plain);
		free(out->sealed);
		out->sealed = NULL;
		return false;
	}
	for (int i = 0; i < count; i++) {
		size_t n = parts[i] ? strlen(parts[i]) : 0;

		at = put_length(at, parts[i] ? n + 1 : 0);
		if (n > 0)
			memcpy(at, parts[i], n);
		at += n;
	}
	secret_seal(id, plain, len, out->key, out->sealed);
	secret_wipe(plain, len);
	free(plain);
	return true;
}

void
body_free(struct body *b)
{
	secret_wipe(b->key, sizeof(b->key));
	free(b->sealed);
	b->sealed = NULL;
}

size_t
body_text_bytes(sqlite3_stmt *st, int c)
{
	size_t len = (size_t)sqlite3_column_bytes(st, c),
	       extra = SECRET_SEAL_EXTRA_BYTES + (size_t)BODY__MAX * LENGTH_BYTES;

	return len > extra ? len - extra : 0;
}

static bool
unpack(const uint8_t *at, size_t left, struct arena *a, char **parts, int count)
{
	for (int i = 0; i < count; i++) {
		size_t n;

		if (left < LENGTH_BYTES)
			return false;
		n = get_length(at);
		at += LENGTH_BYTES;
		left -= LENGTH_BYTES;
		if (n == 0)
			continue;
		if (n - 1 > left)
			return false;
		parts[i] = arena_strndup(a, (const char *)at, n - 1);
		if (!parts[i])
			return false;
		at += n - 1;
		left -= n - 1;
	}
	return left == 0;
}

/* Nothing is left of it, but that it was there. */
static bool
nothing(struct arena *a, char **parts, int count)
{
	memset(parts, 0, (size_t)count * sizeof(*parts));
	parts[0] = arena_strdup(a, "");
	return parts[0] != NULL;
}

/* A pack without its key (a backup has none) says nothing. One that does not fit its key is worth a
 * line, but not the stream that it stands in. */
bool
body_open(sqlite3_stmt *st, int c, const uint8_t id[static ID_BYTES], struct arena *a, char **parts,
    int count)
{
	size_t len = (size_t)sqlite3_column_bytes(st, c);
	uint8_t key[SECRET_SEAL_KEY_BYTES], *plain;
	bool ok;

	memset(parts, 0, (size_t)count * sizeof(*parts));
	if (len == 0 || !db_blob(st, c + 1, key, sizeof(key)) ||
	    memcmp(key, zeros, sizeof(zeros)) == 0)
		return nothing(a, parts, count);
	plain = arena_alloc(a, len);
	if (!plain)
		return false;
	ok = secret_open(id, key, sqlite3_column_blob(st, c), len, plain) &&
	    unpack(plain, len - SECRET_SEAL_EXTRA_BYTES, a, parts, count) && parts[0];
	secret_wipe(key, sizeof(key));
	if (ok)
		return true;
	log_error("something sealed cannot be opened: it does not fit its key");
	return nothing(a, parts, count);
}
