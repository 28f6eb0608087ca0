/* Tokens, hashes, the server key's file, codes, and public ids. */
#include "scratch.h"

#include "id.h"
#include "secret.h"

#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define KEY_BYTES 32
#define ROUNDS 1000

static char dir[SCRATCH_BYTES];

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

/* Puts bytes 0, 1, 2, ... in server.key. */
static void
write_key(size_t len, uint8_t first)
{
	uint8_t key[64];

	for (size_t i = 0; i < len; i++)
		key[i] = (uint8_t)(first + i);
	scratch_write_bytes(dir, "server.key", key, len, 0600);
}

static char key_error[SECRET_ERROR_BYTES];

static bool
load_key_of(const char *folder, bool make)
{
	return secret_key_load(scratch_path(dir, folder), make, key_error);
}

static bool
load_key(void)
{
	return load_key_of(".", true);
}

static void
mac_hex(const char *label, const char *data, char out[static 2 * SECRET_HASH_BYTES + 1])
{
	uint8_t mac[SECRET_HASH_BYTES];

	secret_mac(label, data, strlen(data), mac);
	secret_hex(mac, sizeof(mac), out);
}

TEST(token_is_a_prefix_and_43_characters_of_base64url)
{
	static const char base64url[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int i = 0; i < ROUNDS; i++) {
		char token[SECRET_TOKEN_BYTES];

		secret_token_make("pct_", token);
		assert_int_equal(strlen(token), SECRET_TOKEN_BYTES - 1);
		assert_memory_equal(token, "pct_", 4);
		assert_int_equal(strspn(token + 4, base64url), 43);
	}
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, SECRET_TOKEN_BYTES);
}

TEST(tokens_are_all_different)
{
	static char tokens[ROUNDS][SECRET_TOKEN_BYTES];

	for (int i = 0; i < ROUNDS; i++)
		secret_token_make("pct_", tokens[i]);
	qsort(tokens, ROUNDS, sizeof(tokens[0]), compare);
	for (int i = 1; i < ROUNDS; i++)
		assert_string_not_equal(tokens[i - 1], tokens[i]);
}

static void
hashes(const char *text, const char *want)
{
	uint8_t hash[SECRET_HASH_BYTES];
	char hex[2 * SECRET_HASH_BYTES + 1];

	secret_hash(text, hash);
	secret_hex(hash, sizeof(hash), hex);
	assert_string_equal(hex, want);
}

TEST(hash_is_sha256)
{
	hashes("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hashes("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(mac_is_hmac_sha256_of_label_nul_and_data)
{
	static const unsigned char message[] = "label\0data";
	uint8_t want[crypto_auth_hmacsha256_BYTES], key[KEY_BYTES];
	char hex[2 * SECRET_HASH_BYTES + 1], got[2 * SECRET_HASH_BYTES + 1];

	for (int i = 0; i < KEY_BYTES; i++)
		key[i] = (uint8_t)i;
	write_key(KEY_BYTES, 0);
	assert_true(load_key());
	crypto_auth_hmacsha256(want, message, sizeof(message) - 1, key);
	secret_hex(want, sizeof(want), hex);
	mac_hex("label", "data", got);
	assert_string_equal(got, hex);
	/* the same by another program */
	assert_string_equal(
	    got, "31c2ade211eb680eb6fb5c89ce2bd31f2207cb1ad558af5b4e0f1c5748b73bc8");
	mac_hex("label", "", got);
	assert_string_equal(
	    got, "15a249696252d0aa3ea010196b093b83964659178e776237bfef6d328d48122d");
}

TEST(mac_keeps_label_and_data_apart)
{
	char one[2 * SECRET_HASH_BYTES + 1], two[2 * SECRET_HASH_BYTES + 1];

	write_key(KEY_BYTES, 0);
	assert_true(load_key());
	mac_hex("ab", "c", one);
	mac_hex("a", "bc", two);
	assert_string_not_equal(one, two);
}

TEST(key_file_is_made_for_its_owner_alone)
{
	struct stat st;

	assert_true(load_key());
	assert_int_equal(stat(scratch_path(dir, "server.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, KEY_BYTES);
}

TEST(key_file_is_made_without_leaving_another_file)
{
	assert_true(load_key());
	assert_int_equal(unlink(scratch_path(dir, "server.key")), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

TEST(key_file_is_used_again)
{
	char one[2 * SECRET_HASH_BYTES + 1], two[2 * SECRET_HASH_BYTES + 1];

	assert_true(load_key());
	mac_hex("a", "b", one);
	assert_true(load_key());
	mac_hex("a", "b", two);
	assert_string_equal(one, two);
}

TEST(key_of_another_folder_is_another_one)
{
	char one[2 * SECRET_HASH_BYTES + 1], two[2 * SECRET_HASH_BYTES + 1];

	assert_true(load_key());
	mac_hex("a", "b", one);
	assert_int_equal(unlink(scratch_path(dir, "server.key")), 0);
	assert_true(load_key());
	mac_hex("a", "b", two);
	assert_string_not_equal(one, two);
}

TEST(key_file_that_is_too_short_is_refused)
{
	for (size_t len = 0; len < KEY_BYTES; len += 31) {
		write_key(len, 0);
		assert_false(load_key());
		assert_non_null(strstr(key_error, "shorter"));
	}
}

TEST(key_in_a_missing_folder_is_refused)
{
	assert_false(load_key_of("none", true));
	assert_non_null(strstr(key_error, "No such file"));
}

TEST(whoever_needs_the_key_of_others_makes_none)
{
	assert_false(load_key_of(".", false));
	assert_non_null(strstr(key_error, "server.key is missing"));
	assert_non_null(strstr(key_error, "put it back"));
	assert_false(scratch_has(dir, "server.key"));
}

/* In a process of its own, which ends. */
TEST(key_that_was_not_loaded_aborts_whoever_uses_it)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		uint8_t mac[SECRET_HASH_BYTES];

		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		load_key_of(".", false); /* in vain */
		secret_mac("a", "b", 1, mac);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

TEST(code_is_six_digits)
{
	bool seen[10] = { false };

	for (int i = 0; i < ROUNDS; i++) {
		char code[SECRET_CODE_BYTES];

		secret_code_make(code);
		assert_int_equal(strlen(code), 6);
		assert_int_equal(strspn(code, "0123456789"), 6);
		seen[code[0] - '0'] = true;
	}
	for (int i = 0; i < 10; i++)
		assert_true(seen[i]);
}

TEST(equal_looks_at_every_byte)
{
	uint8_t one[SECRET_HASH_BYTES] = { 0 }, two[SECRET_HASH_BYTES] = { 0 };

	assert_true(secret_equal(one, two));
	for (int i = 0; i < SECRET_HASH_BYTES; i++) {
		two[i] = 1;
		assert_false(secret_equal(one, two));
		two[i] = 0;
	}
}

TEST(hex_is_lower_case_and_ended)
{
	char out[7] = "xxxxxx";

	secret_hex((const uint8_t[]){ 0x00, 0xaf, 0x9b }, 3, out);
	assert_string_equal(out, "00af9b");
}

TEST(wipe_clears)
{
	char text[] = "hunter2";

	secret_wipe(text, sizeof(text));
	assert_memory_equal(text, "\0\0\0\0\0\0\0\0", sizeof(text));
}

TEST(id_makes_the_round_trip)
{
	uint8_t id[ID_BYTES], back[ID_BYTES];
	char text[ID_TEXT_BYTES];

	for (int i = 0; i < ROUNDS; i++) {
		id_make(id);
		id_format("msg_", id, text);
		assert_int_equal(strlen(text), 36);
		assert_int_equal(strspn(text + 4, "0123456789abcdef"), 32);
		assert_true(id_parse("msg_", text, back));
		assert_memory_equal(id, back, ID_BYTES);
	}
}

TEST(id_is_written_in_hex_after_its_prefix)
{
	static const uint8_t id[ID_BYTES] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0xab, 0xcd, 0xef, 9, 8,
		7, 6, 5, 4, 3, 2 };
	char text[ID_TEXT_BYTES];

	id_format("ses_", id, text);
	assert_string_equal(text, "ses_00017f80ffabcdef0908070605040302");
}

TEST(id_is_a_random_uuid_of_version_4)
{
	uint8_t one[ID_BYTES], two[ID_BYTES];

	id_make(one);
	id_make(two);
	assert_memory_not_equal(one, two, ID_BYTES);
	assert_int_equal(one[6] >> 4, 4);
	assert_int_equal(one[8] >> 6, 2);
}

TEST(id_of_another_form_is_refused)
{
	static const char *const bad[] = { "", "msg_", "msg", "x",
		"0123456789abcdef0123456789abcdef", "ses_0123456789abcdef0123456789abcdef",
		"MSG_0123456789abcdef0123456789abcdef", "msg_0123456789abcdef0123456789abcde",
		"msg_0123456789abcdef0123456789abcdef0", "msg_0123456789ABCDEF0123456789abcdef",
		"msg_0123456789abcdeg0123456789abcdef", "msg_ 123456789abcdef0123456789abcdef",
		"msg_0123456789abcdef-123456789abcdef", "msg_0123456789abcdef0123456789abcde\n",
		" msg_0123456789abcdef0123456789abcdef", "msg_0x23456789abcdef0123456789abcdef",
		"msg_0123456789abcdef0123456789abcd\xc3\xa4" };
	uint8_t out[ID_BYTES];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (id_parse("msg_", bad[i], out))
			fail_msg("'%s' should be refused", bad[i]);
	assert_true(id_parse("msg_", "msg_0123456789abcdef0123456789abcdef", out));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(token_is_a_prefix_and_43_characters_of_base64url),
	EACH(tokens_are_all_different),
	EACH(hash_is_sha256),
	EACH(mac_is_hmac_sha256_of_label_nul_and_data),
	EACH(mac_keeps_label_and_data_apart),
	EACH(key_file_is_made_for_its_owner_alone),
	EACH(key_file_is_made_without_leaving_another_file),
	EACH(key_file_is_used_again),
	EACH(key_of_another_folder_is_another_one),
	EACH(key_file_that_is_too_short_is_refused),
	EACH(key_in_a_missing_folder_is_refused),
	EACH(whoever_needs_the_key_of_others_makes_none),
	EACH(key_that_was_not_loaded_aborts_whoever_uses_it),
	EACH(code_is_six_digits),
	EACH(equal_looks_at_every_byte),
	EACH(hex_is_lower_case_and_ended),
	EACH(wipe_clears),
	EACH(id_makes_the_round_trip),
	EACH(id_is_written_in_hex_after_its_prefix),
	EACH(id_is_a_random_uuid_of_version_4),
	EACH(id_of_another_form_is_refused),
};

int
main(void)
{
	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
