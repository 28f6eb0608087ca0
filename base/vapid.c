/* VAPID: one key pair, and tokens signed with it (JWT, RFC 7519, ES256). */
#include "vapid.h"

#include "cleanup.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_BYTES 32
#define POINT_BYTES 65
#define SIGNATURE_BYTES 64
#define CLAIMS_BYTES 1024
#define DER_BYTES 80

static EVP_PKEY *pair;
static char public_text[VAPID_PUBLIC_BYTES];

static void
base64url(const void *data, size_t len, char *out, size_t size)
{
	sodium_bin2base64(out, size, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The point of a private number on the curve, uncompressed; false: the number is none. */
static bool
point_of(const BIGNUM *number, uint8_t out[static POINT_BYTES])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	const bool ok = point && !BN_is_zero(number) &&
	    BN_cmp(number, EC_GROUP_get0_order(group)) < 0 &&
	    EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1 &&
	    EC_POINT_point2oct(
		group, point, POINT_CONVERSION_UNCOMPRESSED, out, POINT_BYTES, NULL) == POINT_BYTES;

	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ok;
}

/* The pair of a number and its point, which the caller frees; NULL: no memory. */
static EVP_PKEY *
pair_of(const BIGNUM *number, const uint8_t point[static POINT_BYTES])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *made = NULL;

	if (build &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
		1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_BYTES) ==
		1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && context && EVP_PKEY_fromdata_init(context) == 1)
		EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	return made;
}

static bool
take_key(const uint8_t key[static KEY_BYTES])
{
	uint8_t point[POINT_BYTES];
	BIGNUM *number;
	bool ok;

	/* without its configuration, which the sandbox keeps away */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	number = BN_bin2bn(key, KEY_BYTES, NULL);
	ok = number && point_of(number, point);
	EVP_PKEY_free(pair);
	pair = ok ? pair_of(number, point) : NULL;
	BN_clear_free(number);
	public_text[0] = '\0';
	if (pair)
		base64url(point, sizeof(point), public_text, sizeof(public_text));
	return pair != NULL;
}

bool
vapid_load(const char *data_dir, char error[static SECRET_ERROR_BYTES])
{
	uint8_t key[KEY_BYTES];
	bool ok;

	if (!secret_file(data_dir, "vapid.key", key, sizeof(key), error, SECRET_ERROR_BYTES))
		return false;
	ok = take_key(key);
	secret_wipe(key, sizeof(key));
	if (!ok)
		snprintf(error, SECRET_ERROR_BYTES,
		    "%s/vapid.key holds no key of P-256; without the file the relay makes another, "
		    "and devices subscribe again",
		    data_dir);
	return ok;
}

const char *
vapid_public(void)
{
	return public_text;
}

/* r and s of a signature in DER, 32 bytes each. */
static bool
plain_signature(const uint8_t *der, size_t len, uint8_t out[static SIGNATURE_BYTES])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	const bool ok = sig &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, SIGNATURE_BYTES / 2) == SIGNATURE_BYTES / 2 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + SIGNATURE_BYTES / 2, SIGNATURE_BYTES / 2) ==
		SIGNATURE_BYTES / 2;

	ECDSA_SIG_free(sig);
	return ok;
}

static bool
sign(const char *text, uint8_t out[static SIGNATURE_BYTES])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[DER_BYTES];
	size_t len = sizeof(der);
	const bool ok = context &&
	    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pair) == 1 &&
	    EVP_DigestSign(context, der, &len, (const uint8_t *)text, strlen(text)) == 1;

	EVP_MD_CTX_free(context);
	return ok && plain_signature(der, len, out);
}

bool
vapid_authorization(
    const char *origin, const char *contact, int64_t expires_sec, char *out, int size)
{
	static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
	char claims[CLAIMS_BYTES], head[sizeof(header) * 2], body[2 * CLAIMS_BYTES],
	    token[3 * CLAIMS_BYTES], signature[2 * SIGNATURE_BYTES];
	uint8_t bytes[SIGNATURE_BYTES];
	/* both were checked to hold nothing that JSON escapes */
	const int len =
	    snprintf(claims, sizeof(claims), "{\"aud\":\"%s\",\"exp\":%lld,\"sub\":\"%s\"}", origin,
		(long long)expires_sec, contact);

	if (!pair || len >= (int)sizeof(claims))
		return false;
	base64url(header, sizeof(header) - 1, head, sizeof(head));
	base64url(claims, (size_t)len, body, sizeof(body));
	if (snprintf(token, sizeof(token), "%s.%s", head, body) >= (int)sizeof(token) ||
	    !sign(token, bytes))
		return false;
	base64url(bytes, sizeof(bytes), signature, sizeof(signature));
	return snprintf(out, (size_t)size, "vapid t=%s.%s, k=%s", token, signature, public_text) <
	    size;
}
