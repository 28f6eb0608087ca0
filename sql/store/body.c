/* Packing and sealing bodies. Each part is its length plus one in four bytes (0: left out), then
 * its bytes. A record is a version byte and what was sealed, bound to the id and that byte; the
 * first records had none, and are bound to the id alone. */
#include "body.h"

#include "key.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4
#define VERSION 1
#define VERSION_BYTES 1

/* Sealed for an id as a record of a version; 0: without the byte. */
struct aad {
	uint8_t bytes[ID_BYTES + VERSION_BYTES];
	struct secret_bound bound;
};

static const struct secret_bound *
bind_to(struct aad *p, const uint8_t id[static ID_BYTES], uint8_t version)
{
	memcpy(p->bytes, id, ID_BYTES);
	p->bytes[ID_BYTES] = version;
	p->bound = (struct secret_bound){ p->bytes, version ? ID_BYTES + VERSION_BYTES : ID_BYTES };
	return &p->bound;
}

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
	struct aad aad;
	size_t len = 0;
	uint8_t *plain, *at;

	for (int i = 0; i < count; i++)
		len += LENGTH_BYTES + (parts[i] ? strlen(parts[i]) : 0);
	at = plain = malloc(len + 1);
	out->len = VERSION_BYTES + len + SECRET_SEAL_EXTRA_BYTES;
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
	out->sealed[0] = VERSION;
	secret_seal(bind_to(&aad, id, VERSION), plain, len, out->key, out->sealed + VERSION_BYTES);
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
body_text_bytes(struct db_stmt *st, int c)
{
	size_t len = db_bytes(st, c),
	       extra = VERSION_BYTES + SECRET_SEAL_EXTRA_BYTES + (size_t)BODY__MAX * LENGTH_BYTES;

	return len > extra ? len - extra : 0;
}

/* Parts that are not there are left out, and those of a later version are passed over. DB_NONE: it
 * is none of ours; DB_FAIL: no memory. */
static enum db_result
unpack(const uint8_t *at, size_t left, struct arena *a, char **parts, int count)
{
	for (int i = 0; left > 0; i++) {
		size_t n;

		if (left < LENGTH_BYTES)
			return DB_NONE;
		n = get_length(at);
		at += LENGTH_BYTES;
		left -= LENGTH_BYTES;
		if (n == 0)
			continue;
		if (n - 1 > left)
			return DB_NONE;
		if (i < count) {
			parts[i] = arena_strndup(a, (const char *)at, n - 1);
			if (!parts[i])
				return DB_FAIL;
		}
		at += n - 1;
		left -= n - 1;
	}
	return parts[0] ? DB_DONE : DB_NONE;
}

/* The bytes that were sealed, in `plain`, and how many; the first byte of an older record may look
 * like a version, but no record opens as what it is not. */
static bool
open_record(const uint8_t id[static ID_BYTES], const uint8_t key[static SECRET_SEAL_KEY_BYTES],
    const uint8_t *record, size_t len, uint8_t *plain, size_t *plain_len)
{
	struct aad aad;

	*plain_len = len - VERSION_BYTES - SECRET_SEAL_EXTRA_BYTES;
	if (len >= VERSION_BYTES + SECRET_SEAL_EXTRA_BYTES && record[0] == VERSION &&
	    secret_open(bind_to(&aad, id, VERSION), key, record + VERSION_BYTES,
		len - VERSION_BYTES, plain))
		return true;
	*plain_len = len - SECRET_SEAL_EXTRA_BYTES;
	return secret_open(bind_to(&aad, id, 0), key, record, len, plain);
}

/* Nothing is left of it, but that it was there. */
static enum db_result
nothing(struct arena *a, char **parts, int count)
{
	memset(parts, 0, (size_t)count * sizeof(*parts));
	parts[0] = arena_strdup(a, "");
	return parts[0] ? DB_DONE : DB_FAIL;
}

/* A pack without its key (a backup has none) says nothing. One that does not fit its key is worth a
 * line, but not the stream that it stands in. */
enum db_result
body_open(struct db *db, struct db_stmt *st, int c, const uint8_t id[static ID_BYTES],
    struct arena *a, char **parts, int count)
{
	size_t len = db_bytes(st, c), plain_len;
	uint8_t key[SECRET_SEAL_KEY_BYTES], *plain;
	enum db_result r = len > 0 ? key_unwrap(db, st, c + 1, id, key) : DB_NONE;

	memset(parts, 0, (size_t)count * sizeof(*parts));
	if (r != DB_ROW)
		return r == DB_NONE ? nothing(a, parts, count) : r;
	plain = arena_alloc(a, len);
	if (!plain)
		r = DB_FAIL;
	else if (open_record(id, key, db_data(st, c), len, plain, &plain_len))
		r = unpack(plain, plain_len, a, parts, count);
	else
		r = DB_NONE;
	secret_wipe(key, sizeof(key));
	if (r != DB_NONE)
		return r;
	log_error("something sealed cannot be opened: it does not fit its key");
	return nothing(a, parts, count);
}
