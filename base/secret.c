/* Randomness, hashes and the server's own key, all by libsodium. */
#include "secret.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t server_key[crypto_auth_hmacsha256_KEYBYTES];
static bool key_loaded;

_Static_assert(crypto_hash_sha256_BYTES == SECRET_HASH_BYTES, "SHA-256");
_Static_assert(crypto_auth_hmacsha256_BYTES == SECRET_HASH_BYTES, "HMAC-SHA-256");

bool
secret_init(void)
{
	return sodium_init() >= 0;
}

/* Makes a key in a file of its own and links it to its name, so that a half written key never
 * counts. */
static bool
key_make(const char *path, size_t len)
{
	char temp[PATH_MAX + 64];
	uint8_t key[sizeof(server_key)];
	bool ok = false;
	auto_close int fd = -1;

	if (snprintf(temp, sizeof(temp), "%s.%d", path, (int)getpid()) >= (int)sizeof(temp))
		return false;
	unlink(temp); /* of another that was killed: in a container all have the same number */
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	randombytes_buf(key, len);
	ok = write(fd, key, len) == (ssize_t)len && fsync(fd) == 0 &&
	    (link(temp, path) == 0 || errno == EEXIST);
	sodium_memzero(key, sizeof(key));
	unlink(temp);
	return ok;
}

/* The key of the file, which is made when it is not there. */
static bool
read_or_make(const char *path, uint8_t *out, size_t len, char *error, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0 && errno == ENOENT && key_make(path, len))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	ok = fd >= 0 && read(fd, out, len) == (ssize_t)len;
	if (!ok)
		snprintf(error, size, "%s: %s", path,
		    fd < 0 ? strerror(errno) : "it is shorter than a key");
	return ok;
}

bool
secret_file(const char *data_dir, const char *name, void *out, size_t len, char *error, size_t size)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", data_dir, name);
	return len <= sizeof(server_key) && read_or_make(path, out, len, error, size);
}

bool
secret_key_load(const char *data_dir, bool make, char error[static SECRET_ERROR_BYTES])
{
	char path[PATH_MAX + 16];

	key_loaded = false;
	snprintf(path, sizeof(path), "%s/server.key", data_dir);
	if (!make && access(path, F_OK) != 0 && errno == ENOENT) {
		snprintf(error, SECRET_ERROR_BYTES,
		    "%s is missing, and the database was made with it: put it back from where your "
		    "backups are. If it is lost: head -c 32 /dev/urandom >%s; then addresses of "
		    "erased accounts can be given out again",
		    path, path);
		return false;
	}
	key_loaded = read_or_make(path, server_key, sizeof(server_key), error, SECRET_ERROR_BYTES);
	return key_loaded;
}

void
secret_token_make(const char *prefix, char out[static SECRET_TOKEN_BYTES])
{
	uint8_t bits[SECRET_HASH_BYTES];

	randombytes_buf(bits, sizeof(bits));
	secret_token_of(prefix, bits, out);
	sodium_memzero(bits, sizeof(bits));
}

void
secret_token_of(const char *prefix, const uint8_t bits[static SECRET_HASH_BYTES],
    char out[static SECRET_TOKEN_BYTES])
{
	memcpy(out, prefix, 4);
	sodium_bin2base64(out + 4, SECRET_TOKEN_BYTES - 4, bits, SECRET_HASH_BYTES,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void
secret_hash(const char *s, uint8_t out[static SECRET_HASH_BYTES])
{
	crypto_hash_sha256(out, (const unsigned char *)s, strlen(s));
}

void
secret_mac(const char *label, const void *data, size_t len, uint8_t out[static SECRET_HASH_BYTES])
{
	crypto_auth_hmacsha256_state st;

	if (!key_loaded) { /* under a key of zeros it would be worth nothing, and nobody would see
			    */
		log_error("the server's key is used before it was loaded");
		abort();
	}
	crypto_auth_hmacsha256_init(&st, server_key, sizeof(server_key));
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)label, strlen(label) + 1);
	crypto_auth_hmacsha256_update(&st, data, len);
	crypto_auth_hmacsha256_final(&st, out);
}

void
secret_code_make(char out[static SECRET_CODE_BYTES])
{
	snprintf(out, SECRET_CODE_BYTES, "%06u", (unsigned)randombytes_uniform(1000000));
}

bool
secret_equal(const uint8_t a[static SECRET_HASH_BYTES], const uint8_t b[static SECRET_HASH_BYTES])
{
	return sodium_memcmp(a, b, SECRET_HASH_BYTES) == 0;
}

void
secret_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}

void
secret_hex(const uint8_t *bytes, size_t len, char *out)
{
	sodium_bin2hex(out, 2 * len + 1, bytes, len);
}

void
secret_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(
    NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES == SECRET_SEAL_EXTRA_BYTES, "seal");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SECRET_SEAL_KEY_BYTES, "seal key");

void
secret_seal(const struct secret_bound *to, const void *plain, size_t len,
    uint8_t key[static SECRET_SEAL_KEY_BYTES], uint8_t *out)
{
	randombytes_buf(key, SECRET_SEAL_KEY_BYTES);
	secret_seal_under(to, key, plain, len, out);
}

void
secret_seal_under(const struct secret_bound *to, const uint8_t key[static SECRET_SEAL_KEY_BYTES],
    const void *plain, size_t len, uint8_t *out)
{
	randombytes_buf(out, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    out + NONCE_BYTES, NULL, plain, len, to->data, to->len, NULL, out, key);
}

bool
secret_open(const struct secret_bound *to, const uint8_t key[static SECRET_SEAL_KEY_BYTES],
    const void *sealed, size_t len, void *out)
{
	const uint8_t *s = sealed;

	return len >= SECRET_SEAL_EXTRA_BYTES &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, s + NONCE_BYTES,
		len - NONCE_BYTES, to->data, to->len, s, key) == 0;
}

_Static_assert(crypto_box_PUBLICKEYBYTES == SECRET_SEAL_KEY_BYTES, "public half");
_Static_assert(crypto_box_SECRETKEYBYTES == SECRET_SEAL_KEY_BYTES, "secret half");
_Static_assert(crypto_box_SEALBYTES == SECRET_BOX_EXTRA_BYTES, "box");

void
secret_pair_make(struct secret_pair *out)
{
	crypto_box_keypair(out->public_half, out->secret_half);
}

bool
secret_box(const uint8_t public_half[static SECRET_SEAL_KEY_BYTES], const void *plain, size_t len,
    uint8_t *out)
{
	return crypto_box_seal(out, plain, len, public_half) == 0;
}

bool
secret_box_open(const struct secret_pair *pair, const void *box, size_t len, void *out)
{
	return len >= SECRET_BOX_EXTRA_BYTES &&
	    crypto_box_seal_open(out, box, len, pair->public_half, pair->secret_half) == 0;
}
