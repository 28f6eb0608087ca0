/* The settings: where values come from, what is refused and how the one error line names it. */
#include "conf_fixture.h"

#define MANY 70100

/* NAME=xxx... of `len` bytes after the sign. */
static char *
long_line(const char *name, size_t len, const char *end)
{
	char *line = malloc(strlen(name) + len + 10);
	size_t head = strlen(name);

	assert_non_null(line);
	memcpy(line, name, head);
	memset(line + head, 'x', len);
	memcpy(line + head + len, end, strlen(end) + 1);
	return line;
}

#define SHOW_BOOL(v) (v) ? "true" : "false"
#define SHOW_INT(v) number(v)
#define SHOW_ENUM(v) number(v)
#define SHOW_TEXT(v) v
#define SHOW_LIST(v) v
#define SHOW_PATH(v) below(v)

static const char *
number(int64_t n)
{
	static char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	return text;
}

static const char *
below(const char *path)
{
	return strncmp(path, dir, strlen(dir)) == 0 ? path + strlen(dir) : path;
}

static const char golden[] =
    "HOST=0.0.0.0\nPORT=5110\nWEBCHAT_RELAY_PORT=0\nWEBCHAT_WEB_PORT=0\n"
    "WEBCHAT_STRICT_PORT=false\nWEBCHAT_ALLOWED_ORIGINS=*\n"
    "WEBCHAT_GUI=true\nWEBCHAT_GUI_RELAYS=any\nRELAY_TRUSTED_PROXIES=\n"
    "RELAY_TLS_CERTIFICATE=\nRELAY_TLS_KEY=\nRELAY_OWN_NGINX=true\n"
    "RELAY_SOCKET_ACCESS=0\nRELAY_NAME=WebChat relay\n"
    "BRIDGE_DB_PATH=/data/bridge.db\nDATABASE_URL=\nEPOCH_SEC=600\nEPOCH_KEYS=0\n"
    "PCHAT_UPLOAD_DIR=/pchat_uploads\n"
    "PCHAT_AUTH_ALLOWED_EMAILS=\nPCHAT_AUTH_ALLOWED_DOMAINS=\nPCHAT_ADMIN_EMAILS=\n"
    "PCHAT_ADMIN_DOMAINS=\nPCHAT_DEV_EXPOSE_CODES=false\nPCHAT_SESSION_TTL_SEC=2592000\n"
    "PCHAT_FREE_MODE_ENABLED=true\nSMTP_HOST=\nSMTP_PORT=587\nSMTP_TLS=0\nSMTP_USERNAME=\n"
    "SMTP_PASSWORD=\nSMTP_FROM=\nSMTP_CA_FILE=\nRELAY_MAILS_PER_DAY=100\n"
    "RELAY_TELEGRAM_API=https://api.telegram.org\n"
    "RELAY_TRANSLATE_URL=\nRELAY_TRANSLATE_KIND=0\nRELAY_TRANSLATE_KEY=\nRELAY_TRANSLATE_MODEL=\n"
    "RELAY_TRANSLATE_LANGUAGES=\nRELAY_TRANSLATE_TIMEOUT_MS=10000\n"
    "RELAY_TRANSLATE_CHARS_PER_DAY=50000\nRELAY_TRANSCRIBE_URL=\nRELAY_TRANSCRIBE_KEY=\n"
    "RELAY_TRANSCRIBE_MODEL=whisper-1\nRELAY_TRANSCRIBE_TIMEOUT_SEC=60\n"
    "RELAY_TRANSCRIBE_SEC_PER_DAY=1800\n"
    "RELAY_ENGINE_CA_FILE=\nRELAY_ENGINE_PLAIN_HTTP=false\n"
    "RELAY_ASK_WORKERS=3\nRELAY_STUN_URLS=\nRELAY_TURN_URLS=\nRELAY_TURN_SECRET=\n"
    "RELAY_CALLS_RELAY_ONLY=false\nRELAY_PUSH=false\nRELAY_PUSH_CONTACT=\n"
    "RELAY_PUSH_PAUSE_SEC=60\nRELAY_PUSH_PRIVATE_HOSTS=\nRELAY_PUSH_CA_FILE=\nMESSAGE_RETENTION_"
    "MODE=1\n"
    "PCHAT_FILE_HOLD_SEC=86400\nRETENTION_DEVICE_GRACE_SEC=86400\nMESSAGE_RECORD_TTL_SEC="
    "7776000\nRELAY_AUDIT_TTL_SEC="
    "31536000\n"
    "QUEUE_STALE_TTL_SEC=259200\nPCHAT_QUEUE_STALE_TTL_SEC=604800\n"
    "QUEUE_HOUSEKEEPING_INTERVAL_SEC=60\nPCHAT_UPLOAD_TTL_SEC=2592000\n"
    "PCHAT_JOIN_REQUEST_TTL_SEC=2592000\nPCHAT_MAX_UPLOAD_BYTES=104857600\n"
    "PCHAT_UPLOAD_QUOTA_BYTES=1073741824\nPCHAT_MIN_FREE_BYTES=268435456\n"
    "PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN=true\nRELAY_WORKERS=4\nRELAY_USER=www-data\n"
    "RELAY_DURABILITY=0\nRELAY_BUSY_TIMEOUT_MS=2000\nRELAY_WORKER_REQUESTS=1000000\n"
    "RELAY_REQUEST_MEMORY=16777216\nRELAY_POLL_INTERVAL_MS=2000\nRELAY_API_RATE=50\n"
    "RELAY_MEMBERS_INVITE=false\nRELAY_AUTH_RATE=60\n"
    "RELAY_MAX_CONNECTIONS=100\nRELAY_WAITING_MESSAGES=50000\n"
    "RELAY_WAITING_BYTES=536870912\nRELAY_WAITING_PAIR_MESSAGES=20000\n"
    "RELAY_WAITING_PAIR_BYTES=134217728\nRELAY_CODES_PER_ADDRESS=10\nRELAY_CODES_PER_CLIENT=300\n"
    "RELAY_LIVE=0\nRELAY_LIVE_MAX=4000\n"
    "RELAY_METRICS_PORT=0\nRELAY_LOG_LEVEL=2\nRELAY_LOG_ADDRESSES=false\n";

TEST(defaults_are_the_golden_ones)
{
	char got[8192] = "";
	size_t len = 0;

	loads(NULL);
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) \
	len += (size_t)snprintf(got + len, sizeof(got) - len, #name "=%s\n", SHOW_##kind(c.field));
#include "conf.def"
#undef CONF
#undef GROUP
	assert_string_equal(got, golden);
	for (int i = 0; i < CONF__MAX; i++)
		assert_int_equal(c.lines[i], 0);
	assert_string_equal(c.dir, dir);
}

TEST(file_with_comments_and_blank_lines)
{
	loads("# PORT=1\n\n  \t\n   # x\nPORT=2 # three\nRELAY_NAME=a#b\nHOST=::1 #\n"
	      "SMTP_HOST=# nothing\n");
	assert_int_equal(c.port, 2);
	assert_string_equal(c.name, "a#b");
	assert_string_equal(c.host, "::1");
	assert_string_equal(c.smtp_host, "");
	assert_int_equal(c.lines[CONF_PORT], 5);
}

TEST(file_with_quotes_keeps_what_is_inside)
{
	loads("RELAY_NAME=\"a # b\"\nSMTP_USERNAME='h\"h'\nSMTP_FROM=\"\"\nSMTP_PASSWORD=a'b\"c\n");
	assert_string_equal(c.name, "a # b");
	assert_string_equal(c.smtp_username, "h\"h");
	assert_string_equal(c.smtp_from, "");
	assert_string_equal(c.smtp_password, "a'b\"c");
}

TEST(file_with_export_and_blanks_around_names)
{
	loads("export PORT=7\n  export   RELAY_WORKERS = 8  \n HOST =h\n");
	assert_int_equal(c.port, 7);
	assert_int_equal(c.workers, 8);
	assert_string_equal(c.host, "h");
}

TEST(file_with_crlf_and_no_newline_at_its_end)
{
	loads("PORT=7\r\nRELAY_NAME=x\r\n\r\nRELAY_WORKERS=3");
	assert_int_equal(c.port, 7);
	assert_string_equal(c.name, "x");
	assert_int_equal(c.workers, 3);
}

TEST(file_with_equals_signs_in_a_value)
{
	loads("SMTP_PASSWORD=a=b==\n");
	assert_string_equal(c.smtp_password, "a=b==");
}

TEST(last_line_of_a_name_wins)
{
	loads("PORT=1\nPORT=2\nPORT=3\n");
	assert_int_equal(c.port, 3);
	assert_int_equal(c.lines[CONF_PORT], 3);
}

TEST(environment_wins_over_file)
{
	setenv("PORT", "9", 1);
	setenv("RELAY_WORKERS", "2", 1);
	loads("PORT=7\nRELAY_NAME=x\n");
	assert_int_equal(c.port, 9);
	assert_int_equal(c.workers, 2);
	assert_string_equal(c.name, "x");
	assert_int_equal(c.lines[CONF_PORT], -1);
	assert_int_equal(c.lines[CONF_RELAY_WORKERS], -1);
	assert_int_equal(c.lines[CONF_RELAY_NAME], 2);
}

TEST(bad_line_of_the_file_is_refused_though_the_environment_would_win)
{
	setenv("PORT", "9", 1);
	refuses("PORT=0\n", "1: PORT: '0' is not allowed; a whole number from 1 to 65535 is");
}

TEST(boolean_words_are_understood)
{
	static const char *const words[] = { "true", "TRUE", "1", "yes", "on", "On" };
	static const char *const noes[] = { "false", "False", "0", "no", "off" };
	char line[64];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(line, sizeof(line), "WEBCHAT_STRICT_PORT=%s\n", words[i]);
		loads(line);
		assert_true(c.strict_port);
	}
	for (size_t i = 0; i < sizeof(noes) / sizeof(noes[0]); i++) {
		snprintf(line, sizeof(line), "PCHAT_FREE_MODE_ENABLED=%s\n", noes[i]);
		loads(line);
		assert_false(c.free_mode);
	}
}

TEST(boolean_of_another_word_is_refused)
{
	refuses("\nWEBCHAT_STRICT_PORT=maybe\n",
	    "2: WEBCHAT_STRICT_PORT: 'maybe' is not allowed; true or false is");
	refuses("WEBCHAT_STRICT_PORT=\n",
	    "1: WEBCHAT_STRICT_PORT: '' is not allowed; true or false is");
}

TEST(number_that_is_none_is_refused)
{
#define PORTS " is not allowed; a whole number from 1 to 65535 is"
	refuses("PORT=x\n", "1: PORT: 'x'" PORTS);
	refuses("PORT=\n", "1: PORT: ''" PORTS);
	refuses("PORT=80x\n", "1: PORT: '80x'" PORTS);
	refuses("PORT=8.0\n", "1: PORT: '8.0'" PORTS);
	refuses("PORT=0x50\n", "1: PORT: '0x50'" PORTS);
	refuses("PORT=8 0\n", "1: PORT: '8 0'" PORTS);
}

TEST(number_out_of_range_is_refused_at_both_ends)
{
	refuses("\n\nPORT=0\n", "3: PORT: '0'" PORTS);
	refuses("PORT=65536\n", "1: PORT: '65536'" PORTS);
	refuses("PORT=-1\n", "1: PORT: '-1'" PORTS);
	refuses("PORT=99999999999999999999\n", "1: PORT: '99999999999999999999'" PORTS);
	loads("PORT=65535\n");
	loads("PORT=1\n");
	loads("PCHAT_UPLOAD_QUOTA_BYTES=1125899906842624\n");
	assert_int_equal(c.upload_quota_bytes, 1125899906842624);
}

TEST(enum_values_are_understood)
{
	static const char *const words[] = { "full", "scrub_content_on_final", "scrub_all_on_final",
		"scrub_content_on_claim", "scrub_all_on_claim" };
	char line[80];

	for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++) {
		snprintf(line, sizeof(line), "MESSAGE_RETENTION_MODE=%s\n", words[i]);
		loads(line);
		assert_int_equal(c.retention_mode, i);
	}
	loads("RELAY_DURABILITY=normal\nRELAY_LOG_LEVEL=debug\n");
	assert_int_equal(c.durability, DURABILITY_NORMAL);
	assert_int_equal(c.log_level, 3);
}

TEST(enum_of_another_word_is_refused)
{
#define DURABLE " is not allowed; one of full|normal is"
	refuses("RELAY_DURABILITY=half\n", "1: RELAY_DURABILITY: 'half'" DURABLE);
	refuses("RELAY_DURABILITY=\n", "1: RELAY_DURABILITY: ''" DURABLE);
	refuses("RELAY_DURABILITY=ful\n", "1: RELAY_DURABILITY: 'ful'" DURABLE);
	refuses("RELAY_DURABILITY=fully\n", "1: RELAY_DURABILITY: 'fully'" DURABLE);
	refuses("RELAY_DURABILITY=Full\n", "1: RELAY_DURABILITY: 'Full'" DURABLE);
	refuses("RELAY_DURABILITY=full|normal\n", "1: RELAY_DURABILITY: 'full|normal'" DURABLE);
}

TEST(text_of_a_wrong_length_is_refused)
{
	char *line = long_line("RELAY_NAME=", 64, "\n");

	loads(line);
	free(line);
	line = long_line("RELAY_NAME=", 65, "\n");
	refuses(
	    line, "1: RELAY_NAME: a text of 1 to 64 bytes without control characters is allowed");
	free(line);
	refuses("RELAY_NAME=\n",
	    "1: RELAY_NAME: a text of 1 to 64 bytes without control characters is allowed");
}

TEST(text_with_a_control_character_is_refused)
{
#define NAMES "1: RELAY_NAME: a text of 1 to 64 bytes without control characters is allowed"
	refuses("RELAY_NAME=a\tb\n", NAMES);
	refuses("RELAY_NAME=a\rb\n", NAMES);
	refuses("RELAY_NAME=\"a\x1b[1m\"\n", NAMES);
	refuses("RELAY_NAME=a\x7f\n", NAMES);
}

TEST(path_with_a_control_character_or_too_long_is_refused)
{
#define PATHS " not a path of 1 to 4096 bytes without control characters"
	char *line = long_line("BRIDGE_DB_PATH=/", 4096, "\n");

	refuses("BRIDGE_DB_PATH=a\tb\n", "1: BRIDGE_DB_PATH:" PATHS);
	refuses("BRIDGE_DB_PATH=\n", "1: BRIDGE_DB_PATH:" PATHS);
	refuses("BRIDGE_DB_PATH=./\n", "1: BRIDGE_DB_PATH:" PATHS);
	refuses(line, "1: BRIDGE_DB_PATH:" PATHS);
	free(line);
	line = long_line("BRIDGE_DB_PATH=", 4090, "\n");
	refuses(line, "1: BRIDGE_DB_PATH:" PATHS);
	free(line);
}

TEST(path_is_relative_to_the_folder_unless_absolute)
{
	loads("BRIDGE_DB_PATH=x/y.db\nPCHAT_UPLOAD_DIR=././up\nSMTP_CA_FILE=../ca.pem\n");
	assert_string_equal(below(c.db_path), "/x/y.db");
	assert_string_equal(below(c.upload_dir), "/up");
	assert_string_equal(below(c.smtp_ca_file), "/../ca.pem");
	loads("BRIDGE_DB_PATH=/srv/a.db\n");
	assert_string_equal(c.db_path, "/srv/a.db");
	loads("SMTP_CA_FILE=\n");
	assert_string_equal(c.smtp_ca_file, "");
}

TEST(unknown_setting_is_refused)
{
#define UNKNOWN ": unknown setting; docs/settings.md lists those that are allowed"
	refuses("PORT=1\nPROT=2\n", "2: PROT" UNKNOWN);
	refuses("port=1\n", "1: port" UNKNOWN);
	refuses("=1\n", "1: " UNKNOWN);
	refuses("#\nexport X=1\n", "2: X" UNKNOWN);
}

TEST(line_without_an_equals_sign_is_refused)
{
	refuses("\nPORT\n", "2: PORT: a line is NAME=VALUE, or a comment after #");
}

TEST(line_without_an_equals_sign_does_not_show_what_may_be_a_secret)
{
	assert_false(load("SMTP_PASSWORD: hunter2\n"));
	assert_null(strstr(error, "hunter2"));
}

TEST(quotes_that_do_not_match_are_refused)
{
#define QUOTES "1: RELAY_NAME: the quotes around the value do not match"
	refuses("RELAY_NAME=\"a\n", QUOTES);
	refuses("RELAY_NAME='a\"\n", QUOTES);
	refuses("RELAY_NAME=\"\n", QUOTES);
	refuses("RELAY_NAME=\"a\" # b\n", QUOTES);
}

TEST(over_long_line_is_refused)
{
	char *line = long_line("PORT=1\n#", MANY, "\nPORT=2\n");

	refuses(line, "2: line: longer than 69998 bytes");
	free(line);
	line = long_line("# ", MANY, "");
	refuses(line, "1: line: longer than 69998 bytes");
	free(line);
	line = long_line("PCHAT_ADMIN_EMAILS=a@b,", 65535 - 4, "\n");
	memset(strstr(line, "a@b,") + 4, ',', 65535 - 4); /* empty items do not count */
	loads(line);
	free(line);
}

TEST(file_that_others_can_read_is_closed_to_them)
{
	static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0602, 0610 };
	struct stat st;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		scratch_write_bytes(dir, ".env.local", "PORT=1\n", 7, modes[i]);
		loads(NULL);
		assert_int_equal(stat(scratch_path(dir, ".env.local"), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

TEST(file_for_the_owner_alone_is_read)
{
	scratch_write_bytes(dir, ".env.local", "PORT=1\n", 7, 0400);
	loads(NULL);
	assert_int_equal(c.port, 1);
}

TEST(file_that_is_a_folder_is_refused)
{
	assert_int_equal(mkdir(scratch_path(dir, ".env.local"), 0700), 0);
	assert_false(load(NULL));
	assert_non_null(strstr(error, "/.env.local: file: cannot be read"));
}

TEST(missing_folder_is_refused)
{
	char want[CONF_ERROR_BYTES + SCRATCH_BYTES];

	assert_false(conf_load(&c, scratch_path(dir, "none"), error));
	snprintf(want, sizeof(want), "%s/none: folder: cannot be opened: No such file or directory",
	    dir);
	assert_string_equal(error, want);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(defaults_are_the_golden_ones),
	EACH(file_with_comments_and_blank_lines),
	EACH(file_with_quotes_keeps_what_is_inside),
	EACH(file_with_export_and_blanks_around_names),
	EACH(file_with_crlf_and_no_newline_at_its_end),
	EACH(file_with_equals_signs_in_a_value),
	EACH(last_line_of_a_name_wins),
	EACH(environment_wins_over_file),
	EACH(bad_line_of_the_file_is_refused_though_the_environment_would_win),
	EACH(boolean_words_are_understood),
	EACH(boolean_of_another_word_is_refused),
	EACH(number_that_is_none_is_refused),
	EACH(number_out_of_range_is_refused_at_both_ends),
	EACH(enum_values_are_understood),
	EACH(enum_of_another_word_is_refused),
	EACH(text_of_a_wrong_length_is_refused),
	EACH(text_with_a_control_character_is_refused),
	EACH(path_with_a_control_character_or_too_long_is_refused),
	EACH(path_is_relative_to_the_folder_unless_absolute),
	EACH(unknown_setting_is_refused),
	EACH(line_without_an_equals_sign_is_refused),
	EACH(line_without_an_equals_sign_does_not_show_what_may_be_a_secret),
	EACH(quotes_that_do_not_match_are_refused),
	EACH(over_long_line_is_refused),
	EACH(file_that_others_can_read_is_closed_to_them),
	EACH(file_for_the_owner_alone_is_read),
	EACH(file_that_is_a_folder_is_refused),
	EACH(missing_folder_is_refused),
};

int
main(void)
{
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
