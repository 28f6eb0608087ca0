/* The settings: refusals of the environment, settings that hang together, conf_refuse, what is
 * derived, and the wiping of secrets. */
#include "conf_fixture.h"

/* The settings wipe through these; the test looks on. A build with and one without fortification
 * name different ones. */
static char wiped[64];
void wipe_watch(void *p, size_t len) __asm__("explicit_bzero");
void wipe_watch_checked(void *p, size_t len, size_t room) __asm__("__explicit_bzero_chk");

void
wipe_watch(void *p, size_t len)
{
	volatile char *at = p;

	if (len > 0 && len < sizeof(wiped)) {
		memcpy(wiped, p, len);
		wiped[len] = '\0';
	}
	while (len-- > 0)
		*at++ = 0;
}

void
wipe_watch_checked(void *p, size_t len, size_t room)
{
	(void)room;
	wipe_watch(p, len);
}

/* An environment variable is refused; afterwards it is gone. */
static void
refuses_environment(const char *name, const char *value, const char *want)
{
	assert_int_equal(setenv(name, value, 1), 0);
	assert_false(load(NULL));
	assert_string_equal(error, want);
	unsetenv(name);
}

TEST(environment_is_refused_by_its_own_name)
{
	refuses_environment("PORT", "x",
	    "environment: PORT: 'x' is not allowed; a whole number from 1 to 65535 is");
	refuses_environment(
	    "PORT", "", "environment: PORT: '' is not allowed; a whole number from 1 to 65535 is");
	refuses_environment("RELAY_LOG_LEVEL", "loud",
	    "environment: RELAY_LOG_LEVEL: 'loud' is not allowed; one of error|warn|info|debug is");
	refuses_environment("RELAY_NAME", "a\nb",
	    "environment: RELAY_NAME: a text of 1 to 64 bytes without control characters is "
	    "allowed");
}

TEST(environment_with_a_newline_is_refused_in_one_line)
{
	assert_int_equal(setenv("PORT", "1\n2", 1), 0);
	assert_false(load(NULL));
	assert_null(strchr(error, '\n'));
}

TEST(environment_takes_values_as_they_are)
{
	setenv("RELAY_NAME", "\"a\" # b", 1);
	setenv("BRIDGE_DB_PATH", "x.db", 1);
	loads(NULL);
	assert_string_equal(c.name, "\"a\" # b");
	assert_string_equal(c.db_path, scratch_path(dir, "x.db"));
}

TEST(environment_of_other_names_is_ignored)
{
	setenv("RELAY_NO_SUCH_THING", "x", 1);
	loads(NULL);
	unsetenv("RELAY_NO_SUCH_THING");
}

TEST(certificate_without_key_is_refused_where_it_was_set)
{
	refuses("PORT=1\nRELAY_TLS_CERTIFICATE=c.pem\n",
	    "2: RELAY_TLS_CERTIFICATE: set RELAY_TLS_KEY as well, or neither");
	scratch_write(dir, ".env.local", "");
	refuses_environment("RELAY_TLS_CERTIFICATE", "c.pem",
	    "environment: RELAY_TLS_CERTIFICATE: set RELAY_TLS_KEY as well, or neither");
}

TEST(key_without_certificate_is_refused_where_it_was_set)
{
	refuses("RELAY_TLS_KEY=k.pem\n",
	    "1: RELAY_TLS_KEY: set RELAY_TLS_CERTIFICATE as well, or neither");
	loads("RELAY_TLS_KEY=k.pem\nRELAY_TLS_CERTIFICATE=c.pem\n");
}

TEST(mail_server_without_a_sender_address_is_refused)
{
#define SENDER "SMTP_FROM must be an e-mail address while SMTP_HOST is set"
	refuses("SMTP_HOST=mail\n", "1: SMTP_HOST: " SENDER);
	refuses("SMTP_HOST=mail\nSMTP_USERNAME=joe\n", "1: SMTP_HOST: " SENDER);
	loads("SMTP_HOST=mail\nSMTP_FROM=joe@example.org\n");
	loads("SMTP_HOST=mail\nSMTP_USERNAME=joe@example.org\n");
}

/* What would add a directive to nginx's configuration, if it got there. */
static const char *const injections[] = { "; return 200", "{ }", "}", "{", "$request", "\"", "'",
	"\\", "\n", "\r", "x\";\n}\nserver { listen 1; }", " ", "\t", "#", "~" };

/* The value is refused by name, with what is allowed instead. */
static void
refuses_value(const char *name, const char *value, const char *allowed)
{
	assert_int_equal(setenv(name, value, 1), 0);
	if (load(NULL))
		fail_msg("%s=%s is taken", name, value);
	unsetenv(name);
	if (strncmp(error, "environment: ", 13) != 0 || !strstr(error, name) ||
	    strchr(error, '\n') || (!strpbrk(value, "\n\r\t") && !strstr(error, allowed)))
		fail_msg("%s=%s: %s", name, value, error);
}

static void
refuses_injections(const char *name, const char *head, const char *tail, const char *allowed)
{
	for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++) {
		char value[256];

		snprintf(value, sizeof(value), "%s%s%s", head, injections[i], tail);
		refuses_value(name, value, allowed);
	}
}

static void
refuses_values(const char *name, const char *const *values, const char *allowed)
{
	for (; *values; values++)
		refuses_value(name, *values, allowed);
}

static void
is_kept(const char *name, const char *value, char *const *field, const char *want)
{
	assert_int_equal(setenv(name, value, 1), 0);
	loads(NULL);
	unsetenv(name);
	assert_string_equal(*field, want);
}

#define ORIGINS "origins such as https://chat.example.com"

TEST(origin_that_no_browser_sends_is_refused)
{
	refuses_injections("WEBCHAT_ALLOWED_ORIGINS", "https://a.org", "b", ORIGINS);
	refuses_injections("WEBCHAT_ALLOWED_ORIGINS", "https://ok.org,http://a", "b", ORIGINS);
	refuses_values("WEBCHAT_ALLOWED_ORIGINS",
	    (const char *const[]){ "https://a.org b", "https://a#b", "~https://a", "a.org",
		"https://a.org/", "https://a.org/x", "*.a.org", "https://*.a.org", "hostnames",
		"default", "include x", "null", "://x", "https://", "https://a:0",
		"https://a:65536", "https://a:80x", "https://a:", "https://u@a", "file://x",
		"https://a;https://b", "https://[::1", "https://1.2.3", NULL },
	    ORIGINS);
}

TEST(origin_is_kept_as_browsers_write_it)
{
	is_kept("WEBCHAT_ALLOWED_ORIGINS", " https://Chat.Example.COM , http://a:8080",
	    &c.allowed_origins, "https://chat.example.com,http://a:8080");
	is_kept("WEBCHAT_ALLOWED_ORIGINS", "https://a:443,http://b:80,https://c:80",
	    &c.allowed_origins, "https://a,http://b,https://c:80");
	is_kept("WEBCHAT_ALLOWED_ORIGINS",
	    "https://b\xc3\xbc"
	    "cher.example,https://[::1]:8443",
	    &c.allowed_origins, "https://xn--bcher-kva.example,https://[::1]:8443");
	is_kept("WEBCHAT_ALLOWED_ORIGINS", "capacitor://localhost,*", &c.allowed_origins,
	    "capacitor://localhost,*");
}

TEST(proxy_that_is_no_network_is_refused)
{
	refuses_injections("RELAY_TRUSTED_PROXIES", "10.0.0.1", "2", "addresses or networks");
	refuses_values("RELAY_TRUSTED_PROXIES",
	    (const char *const[]){ "proxy.example.org", "10.0.0", "10.0.0.1/", "10.0.0.1/33",
		"10.0.0.1/-1", "10.0.0.1/+8", "10.0.0.1/ 8", "10.0.0.1/8x", "::1/129",
		"10.0.0.1/8/8", "unix:", "1.2.3.4:80", "/8", "0x7f.1", "::1%lo",
		"10.0.0.1/99999999999999999999999999999999999999999999999999999999999", NULL },
	    "addresses or networks");
}

TEST(host_that_cannot_be_listened_on_is_refused)
{
	refuses_injections("HOST", "0.0.0.0", "", "an address of this machine");
	refuses_values("HOST",
	    (const char *const[]){ "unix:/tmp/x", "a b", "a#b", "1.2.3.4 ssl", "1.2.3",
		"1.2.3.4:80", "[1.2.3.4]", "[::1", "::1%lo", "http://x", "a,b", "0.0.0.0/0", "-a",
		NULL },
	    "an address of this machine");
}

TEST(host_is_kept_without_brackets_and_blanks)
{
	is_kept("HOST", "[::1]", &c.host, "::1");
	is_kept("HOST", "*", &c.host, "*");
	is_kept("HOST", "LocalHost", &c.host, "localhost");
}

TEST(domain_that_no_address_has_is_refused)
{
	static const char *const names[] = { "PCHAT_AUTH_ALLOWED_DOMAINS", "PCHAT_ADMIN_DOMAINS" };

	for (int i = 0; i < 2; i++)
		refuses_values(names[i],
		    (const char *const[]){ "@example.com", "*.x", "*", "a;b", "a b", "https://x",
			"x/", "x:25", "ann@x", ".x", "x.", "a..b", "a_b", "ok.example,@bad.example",
			NULL },
		    "mail domains such as example.com");
}

TEST(email_that_nobody_has_is_refused)
{
	static const char *const names[] = { "PCHAT_AUTH_ALLOWED_EMAILS", "PCHAT_ADMIN_EMAILS" };

	for (int i = 0; i < 2; i++)
		refuses_values(names[i],
		    (const char *const[]){ "ann", "@example.com", "*@example.com.", "a@b;c@d",
			"a@b c@d", "Ann <a@b>", "mailto:a@b", "\"a\"@b", "a@[1.2.3.4]", NULL },
		    "addresses such as ann@example.com");
}

TEST(lists_of_people_are_kept_as_addresses_are)
{
	is_kept("PCHAT_AUTH_ALLOWED_DOMAINS",
	    "Example.COM, b\xc3\xbc"
	    "cher.example,",
	    &c.allowed_domains, "example.com,xn--bcher-kva.example");
	is_kept("PCHAT_ADMIN_EMAILS",
	    " Ann@B\xc3\xbc"
	    "cher.example ",
	    &c.admin_emails, "ann@xn--bcher-kva.example");
	assert_true(conf_email_admin(&c, "ann@xn--bcher-kva.example"));
}

TEST(mail_server_that_is_no_host_is_refused)
{
	refuses_values("SMTP_HOST",
	    (const char *const[]){
		"smtp://mail", "mail:587", "mail.example.com/", "a b", "ann@x", NULL },
	    "name or address of a mail server");
	refuses_values("SMTP_FROM",
	    (const char *const[]){ "joe", "Joe <joe@example.org>", "a@b,c@d", NULL },
	    "an e-mail address");
	setenv("SMTP_FROM", "joe@example.org", 1);
	is_kept("SMTP_HOST", "[::1]", &c.smtp_host, "::1");
}

TEST(name_that_cannot_be_seen_is_refused)
{
	refuses_values("RELAY_NAME",
	    (const char *const[]){ " ", "\xe2\x80\x8b", "\xe3\x85\xa4", NULL }, "can be seen");
}

TEST(port_of_the_metrics_is_not_that_of_the_relay)
{
	refuses("PORT=7000\nRELAY_METRICS_PORT=7000\n",
	    "2: RELAY_METRICS_PORT: the relay itself listens on port 7000; another port is "
	    "allowed");
	loads("PORT=7000\nRELAY_METRICS_PORT=7001\n");
}

TEST(file_may_begin_with_a_byte_order_mark)
{
	loads("\xef\xbb\xbfPORT=7\nRELAY_NAME=x\n");
	assert_int_equal(c.port, 7);
}

TEST(value_in_force_is_printed_but_no_secret)
{
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	loads("PORT=7\nSMTP_PASSWORD=s3cret\nRELAY_DURABILITY=normal\n");
	assert_true(conf_write_value(&c, "PORT", out));
	assert_true(conf_write_value(&c, "RELAY_DURABILITY", out));
	assert_true(conf_write_value(&c, "MESSAGE_RETENTION_MODE", out));
	assert_true(conf_write_value(&c, "WEBCHAT_STRICT_PORT", out));
	assert_true(conf_write_value(&c, "RELAY_NAME", out));
	assert_false(conf_write_value(&c, "SMTP_PASSWORD", out));
	assert_false(conf_write_value(&c, "NONE", out));
	fclose(out);
	assert_string_equal(text, "7\nnormal\nscrub_content_on_final\nfalse\nWebChat relay\n");
}

/* conf_refuse says `want` for PORT. */
static void
refuse_says(const char *want)
{
	assert_false(conf_refuse(&c, CONF_PORT, error, "%s %d", "no", 7));
	assert_string_equal(error, want);
}

TEST(conf_refuse_names_the_file_and_line)
{
	char want[SCRATCH_BYTES + 64];

	loads("\n\nPORT=1\n");
	snprintf(want, sizeof(want), "%s/.env.local:3: PORT: no 7", dir);
	refuse_says(want);
}

TEST(conf_refuse_names_the_environment)
{
	setenv("PORT", "1", 1);
	loads("PORT=2\n");
	refuse_says("environment: PORT: no 7");
}

TEST(conf_refuse_names_the_default)
{
	loads("RELAY_WORKERS=2\n");
	refuse_says("default: PORT: no 7");
}

TEST(conf_refuse_cuts_what_is_too_long)
{
	char long_text[4096];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	loads(NULL);
	assert_false(conf_refuse(&c, CONF_PORT, error, "%s", long_text));
	assert_true(strlen(error) < CONF_ERROR_BYTES);
	assert_memory_equal(error, "default: PORT: xxx", 18);
}

TEST(conf_free_wipes_the_secret)
{
	static const char *const secrets[] = { "SMTP_PASSWORD=hunter2\n",
		"RELAY_TRANSLATE_KEY=hunter2\n" };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		loads(secrets[i]);
		wiped[0] = '\0';
		conf_free(&c);
		assert_string_equal(wiped, "hunter2");
	}
}

TEST(conf_free_twice_does_no_harm)
{
	loads("SMTP_PASSWORD=hunter2\nHOST=h\n");
	conf_free(&c);
	conf_free(&c);
	assert_null(c.smtp_password);
	assert_null(c.host);
	assert_null(c.dir);
}

TEST(conf_free_after_a_refusal_does_no_harm)
{
	assert_false(load("SMTP_PASSWORD=hunter2\nPORT=x\n"));
	conf_free(&c);
	assert_false(conf_load(&c, scratch_path(dir, "none"), error));
	conf_free(&c);
	conf_free(&c);
}

TEST(port_of_the_launcher_wins_when_set)
{
	loads("PORT=7\n");
	assert_int_equal(conf_port(&c), 7);
	loads("PORT=7\nWEBCHAT_RELAY_PORT=8\n");
	assert_int_equal(conf_port(&c), 8);
}

TEST(sender_of_mails_is_the_user_name_unless_set)
{
	loads("SMTP_USERNAME=u@example.org\n");
	assert_string_equal(conf_mail_from(&c), "u@example.org");
	loads("SMTP_USERNAME=u@example.org\nSMTP_FROM=f@example.org\n");
	assert_string_equal(conf_mail_from(&c), "f@example.org");
}

TEST(everybody_may_sign_in_without_an_allow_list)
{
	loads("PCHAT_ADMIN_EMAILS=boss@example.org\n");
	assert_true(conf_registration_open(&c));
	assert_true(conf_email_allowed(&c, "any@where.net"));
	assert_false(conf_email_admin(&c, "any@where.net"));
	assert_true(conf_email_admin(&c, "Boss@Example.org"));
}

TEST(allow_lists_take_addresses_and_whole_domains)
{
	loads("PCHAT_AUTH_ALLOWED_EMAILS=a@x.org, b@x.org\nPCHAT_AUTH_ALLOWED_DOMAINS=y.org\n");
	assert_false(conf_registration_open(&c));
	assert_true(conf_email_allowed(&c, "B@x.org"));
	assert_true(conf_email_allowed(&c, "any@Y.org"));
	assert_false(conf_email_allowed(&c, "c@x.org"));
	assert_false(conf_email_allowed(&c, "any@sub.y.org"));
	assert_false(conf_email_allowed(&c, "any@noty.org"));
}

TEST(admins_need_no_allow_list)
{
	loads("PCHAT_AUTH_ALLOWED_EMAILS=a@x.org\nPCHAT_ADMIN_DOMAINS=boss.org\n");
	assert_true(conf_email_allowed(&c, "any@boss.org"));
	assert_true(conf_email_admin(&c, "any@boss.org"));
	assert_false(conf_email_admin(&c, "a@x.org"));
}

/* A list of `name` whose items were separated by blanks, so that it is one long item. To refuse it
 * is right as well. */
static bool
load_blank_list(const char *name)
{
	char line[6000];
	size_t n = (size_t)snprintf(line, sizeof(line), "%s=", name);

	while (n < 5000)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "boss%04zu@example.org ", n);
	return load(line);
}

TEST(admin_list_with_an_over_long_item_makes_nobody_else_an_admin)
{
	assert_false(
	    load_blank_list("PCHAT_ADMIN_EMAILS") && conf_email_admin(&c, "mallory@example.org"));
}

TEST(allow_list_with_an_over_long_item_lets_nobody_else_in)
{
	assert_false(load_blank_list("PCHAT_AUTH_ALLOWED_EMAILS") &&
	    conf_email_allowed(&c, "mallory@example.org"));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(origin_that_no_browser_sends_is_refused),
	EACH(origin_is_kept_as_browsers_write_it),
	EACH(proxy_that_is_no_network_is_refused),
	EACH(host_that_cannot_be_listened_on_is_refused),
	EACH(host_is_kept_without_brackets_and_blanks),
	EACH(domain_that_no_address_has_is_refused),
	EACH(email_that_nobody_has_is_refused),
	EACH(lists_of_people_are_kept_as_addresses_are),
	EACH(mail_server_that_is_no_host_is_refused),
	EACH(name_that_cannot_be_seen_is_refused),
	EACH(port_of_the_metrics_is_not_that_of_the_relay),
	EACH(file_may_begin_with_a_byte_order_mark),
	EACH(value_in_force_is_printed_but_no_secret),
	EACH(environment_is_refused_by_its_own_name),
	EACH(environment_with_a_newline_is_refused_in_one_line),
	EACH(environment_takes_values_as_they_are),
	EACH(environment_of_other_names_is_ignored),
	EACH(certificate_without_key_is_refused_where_it_was_set),
	EACH(key_without_certificate_is_refused_where_it_was_set),
	EACH(mail_server_without_a_sender_address_is_refused),
	EACH(conf_refuse_names_the_file_and_line),
	EACH(conf_refuse_names_the_environment),
	EACH(conf_refuse_names_the_default),
	EACH(conf_refuse_cuts_what_is_too_long),
	EACH(conf_free_wipes_the_secret),
	EACH(conf_free_twice_does_no_harm),
	EACH(conf_free_after_a_refusal_does_no_harm),
	EACH(port_of_the_launcher_wins_when_set),
	EACH(sender_of_mails_is_the_user_name_unless_set),
	EACH(everybody_may_sign_in_without_an_allow_list),
	EACH(allow_lists_take_addresses_and_whole_domains),
	EACH(admins_need_no_allow_list),
	EACH(admin_list_with_an_over_long_item_makes_nobody_else_an_admin),
	EACH(allow_list_with_an_over_long_item_lets_nobody_else_in),
};

int
main(void)
{
	return cmocka_run_group_tests_name("conf rules", tests, NULL, NULL);
}
