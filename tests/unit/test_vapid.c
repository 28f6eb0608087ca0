/* The key towards push services: made once, refused when it is none, and what it signs is good. */
#include "scratch.h"

#include "secret.h"
#include "vapid.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <sys/stat.h>

static char dir[SCRATCH_BYTES], error[SECRET_ERROR_BYTES];

static int
set_up(void **state)
{
	(void)state;
	scratch_make(dir);
	return secret_init() ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(dir);
	return 0;
}

static bool
load(void)
{
	return vapid_load(dir, error);
}

/* Of RFC 8292's family: private 1 has the generator of P-256 as its point. */
TEST(key_has_the_point_that_belongs_to_it)
{
	uint8_t one[32] = { 0 };

	one[31] = 1;
	scratch_write_bytes(dir, "vapid.key", one, sizeof(one), 0600);
	assert_true(load());
	assert_string_equal(vapid_public(),
	    "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_"
	    "UfU");
}

TEST(key_is_made_once_and_kept_from_others)
{
	char first[VAPID_PUBLIC_BYTES];
	struct stat st;

	assert_true(load());
	snprintf(first, sizeof(first), "%s", vapid_public());
	assert_int_equal(strlen(first), VAPID_PUBLIC_BYTES - 1);
	assert_int_equal(stat(scratch_path(dir, "vapid.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_true(load());
	assert_string_equal(vapid_public(), first);
}

TEST(what_is_no_key_is_refused_and_named)
{
	uint8_t key[32] = { 0 };

	scratch_write_bytes(dir, "vapid.key", key, sizeof(key), 0600);
	assert_false(load());
	assert_non_null(strstr(error, "vapid.key"));
	memset(key, 0xff, sizeof(key));
	scratch_write_bytes(dir, "vapid.key", key, sizeof(key), 0600);
	assert_false(load());
	scratch_write_bytes(dir, "vapid.key", key, 31, 0600);
	assert_false(load());
	assert_string_equal(vapid_public(), "");
}

/* Splits "vapid t=HEAD.BODY.SIGNATURE, k=KEY" in place. */
static void
split(char *value, char **text, char **signature, char **key)
{
	assert_memory_equal(value, "vapid t=", 8);
	*text = value + 8;
	*key = strstr(value, ", k=");
	assert_non_null(*key);
	**key = '\0';
	*key += 4;
	*signature = strrchr(*text, '.');
	assert_non_null(*signature);
	*(*signature)++ = '\0';
}

static size_t
bytes_of(const char *text, uint8_t *out, size_t size)
{
	size_t len = 0;

	assert_int_equal(sodium_base642bin(out, size, text, strlen(text), NULL, &len, NULL,
			     sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	    0);
	return len;
}

static EVP_PKEY *
public_key(const char *text)
{
	uint8_t point[80];
	size_t len = bytes_of(text, point, sizeof(point));
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
				    (char *)(uintptr_t) "prime256v1", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, len),
		OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool
is_signed(const char *text, const char *signature, const char *key)
{
	uint8_t raw[80], *der = NULL;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *pair = public_key(key);
	bool ok;
	int len;

	assert_int_equal(bytes_of(signature, raw, sizeof(raw)), 64);
	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	len = i2d_ECDSA_SIG(sig, &der);
	ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pair) == 1 &&
	    EVP_DigestVerify(context, der, (size_t)len, (const uint8_t *)text, strlen(text)) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	return ok;
}

TEST(every_token_is_signed_by_the_key)
{
	char value[4096], *text, *signature, *key;

	assert_true(load());
	for (int i = 0; i < 300; i++) { /* r and s begin with zeros now and then */
		assert_true(vapid_authorization("https://push.example.com", "mailto:a@example.com",
		    1700000000 + i, value, sizeof(value)));
		split(value, &text, &signature, &key);
		assert_string_equal(key, vapid_public());
		assert_true(is_signed(text, signature, key));
		text[strlen(text) - 1] ^= 1;
		assert_false(is_signed(text, signature, key));
	}
}

TEST(token_says_to_whom_until_when_and_from_whom)
{
	char value[4096], *text, *signature, *key, body[512];

	assert_true(load());
	assert_true(vapid_authorization("https://push.example.com:8443", "mailto:a@example.com",
	    1700000000, value, sizeof(value)));
	split(value, &text, &signature, &key);
	*strchr(text, '.') = '\0';
	body[bytes_of(text, (uint8_t *)body, sizeof(body) - 1)] = '\0';
	assert_string_equal(body, "{\"typ\":\"JWT\",\"alg\":\"ES256\"}");
	text += strlen(text) + 1;
	body[bytes_of(text, (uint8_t *)body, sizeof(body) - 1)] = '\0';
	assert_string_equal(body,
	    "{\"aud\":\"https://push.example.com:8443\",\"exp\":1700000000,"
	    "\"sub\":\"mailto:a@example.com\"}");
}

TEST(value_that_does_not_fit_is_none)
{
	char small[100];

	assert_true(load());
	assert_false(vapid_authorization(
	    "https://p.example", "mailto:a@b.example", 1, small, sizeof(small)));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(key_has_the_point_that_belongs_to_it),
	EACH(key_is_made_once_and_kept_from_others),
	EACH(what_is_no_key_is_refused_and_named),
	EACH(every_token_is_signed_by_the_key),
	EACH(token_says_to_whom_until_when_and_from_whom),
	EACH(value_that_does_not_fit_is_none),
};

int
main(void)
{
	return cmocka_run_group_tests_name("vapid", tests, NULL, NULL);
}
