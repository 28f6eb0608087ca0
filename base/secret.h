/* Randomness, hashes and the server's own key, all by libsodium. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_HASH_BYTES 32
#define SECRET_TOKEN_BYTES 48 /* "pct_", 43 characters of base64url (256 bits), NUL */
#define SECRET_CODE_BYTES 7 /* six digits, NUL */

/* Starts libsodium; call once before anything else here. False: no randomness to be had. */
bool secret_init(void);

#define SECRET_ERROR_BYTES 1024

/* Reads the 256-bit server key from the file server.key in the folder of `db_path`. It is kept in
 * memory and keys secret_mac. With `make` one that is missing is made (mode 0600).
 * False with one line in `error`. */
bool secret_key_load(const char *db_path, bool make, char error[static SECRET_ERROR_BYTES]);

/* Reads `len` bytes, at most 32, from a file of that name in the folder, which is made of random
 * ones (mode 0600) when it is not there. False with one line in `error`. */
bool secret_file(
    const char *data_dir, const char *name, void *out, size_t len, char *error, size_t size);

/* A new token: `prefix` (4 characters, such as "pct_") and 256 random bits in base64url. */
void secret_token_make(const char *prefix, char out[static SECRET_TOKEN_BYTES]);

/* The same of 256 bits that are given, such as a MAC: who has those can make it again. */
void secret_token_of(const char *prefix, const uint8_t bits[static SECRET_HASH_BYTES],
    char out[static SECRET_TOKEN_BYTES]);

/* SHA-256 of a string, which is how tokens are stored. */
void secret_hash(const char *s, uint8_t out[static SECRET_HASH_BYTES]);

/* HMAC-SHA-256 (RFC 2104) under the server key of `label`, a NUL byte, and `len` bytes of data.
 * Aborts when no key was loaded. */
void
secret_mac(const char *label, const void *data, size_t len, uint8_t out[static SECRET_HASH_BYTES]);

/* Six uniformly random digits. */
void secret_code_make(char out[static SECRET_CODE_BYTES]);

/* Compares two hashes in constant time. */
bool
secret_equal(const uint8_t a[static SECRET_HASH_BYTES], const uint8_t b[static SECRET_HASH_BYTES]);

/* Overwrites memory; the compiler may not leave it out. */
void secret_wipe(void *p, size_t len);

/* Lower-case hex of `len` bytes; `out` holds 2 * len + 1. */
void secret_hex(const uint8_t *bytes, size_t len, char *out);

#define SECRET_SEAL_KEY_BYTES 32
#define SECRET_SEAL_EXTRA_BYTES 40 /* what sealing adds: nonce and tag */

/* What a seal is bound to: it opens with the same bytes only. */
struct secret_bound {
	const void *data;
	size_t len;
};

/* Seals `len` bytes under a new key, bound to `to`, with XChaCha20-Poly1305: `out` holds len +
 * SECRET_SEAL_EXTRA_BYTES. */
void secret_seal(const struct secret_bound *to, const void *plain, size_t len,
    uint8_t key[static SECRET_SEAL_KEY_BYTES], uint8_t *out);

/* The same under a key that is there. */
void secret_seal_under(const struct secret_bound *to,
    const uint8_t key[static SECRET_SEAL_KEY_BYTES], const void *plain, size_t len, uint8_t *out);

/* Opens what these made of `len` bytes; `out` holds len - SECRET_SEAL_EXTRA_BYTES. False: it
 * is not what was sealed under this key for this. */
bool secret_open(const struct secret_bound *to, const uint8_t key[static SECRET_SEAL_KEY_BYTES],
    const void *sealed, size_t len, void *out);

/* A pair for boxes (X25519): who has the public half can close one, who has both can open it. */
struct secret_pair {
	uint8_t public_half[SECRET_SEAL_KEY_BYTES], secret_half[SECRET_SEAL_KEY_BYTES];
};
void secret_pair_make(struct secret_pair *out);

#define SECRET_BOX_EXTRA_BYTES 48 /* what a box adds */

/* Closes `len` bytes in a box; `out` holds len + SECRET_BOX_EXTRA_BYTES. False: that is no public
 * half. */
bool secret_box(const uint8_t public_half[static SECRET_SEAL_KEY_BYTES], const void *plain,
    size_t len, uint8_t *out);

/* Opens a box of `len` bytes; `out` holds len - SECRET_BOX_EXTRA_BYTES. False: it is for somebody
 * else, or was changed. */
bool secret_box_open(const struct secret_pair *pair, const void *box, size_t len, void *out);

/* `len` random bytes. */
void secret_random(void *out, size_t len);

#endif
