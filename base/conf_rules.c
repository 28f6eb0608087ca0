/* The rules of single settings. Each takes one item and writes the form that is compared with
 * later, or refuses it. */
#include "conf_rules.h"

#include "cleanup.h"
#include "email.h"
#include "text.h"
#include "url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_BYTES 1024
#define PORT_MAX 65535

struct rule {
	enum conf_name name;
	bool (*clean)(const char *item, char out[static ITEM_BYTES]);
	const char *allowed;
};

static bool
keep(const char *item, char *out)
{
	return snprintf(out, ITEM_BYTES, "%s", item) < ITEM_BYTES;
}

/* An address without brackets; false: it is none. */
static bool
clean_ip(const char *item, char *out)
{
	uint8_t bytes[16];
	size_t len = strlen(item);

	if (item[0] == '[' && item[len - 1] == ']')
		snprintf(out, ITEM_BYTES, "%.*s", (int)len - 2, item + 1);
	else if (!keep(item, out))
		return false;
	return inet_pton(AF_INET6, out, bytes) == 1 ||
	    (item[0] != '[' && inet_pton(AF_INET, out, bytes) == 1);
}

/* Digits and dots only are a mistyped address, not a name. */
static bool
clean_host(const char *item, char *out)
{
	return clean_ip(item, out) ||
	    (item[strspn(item, "0123456789.")] && email_domain_clean(item, out, ITEM_BYTES));
}

static bool
clean_listen(const char *item, char *out)
{
	return strcmp(item, "*") == 0 ? keep(item, out) : clean_host(item, out);
}

/* ADDRESS or ADDRESS/BITS. */
static bool
clean_network(const char *item, char *out)
{
	char address[INET6_ADDRSTRLEN + 8], *slash, *end;
	uint8_t bytes[16];
	long bits, most;

	if (snprintf(address, sizeof(address), "%s", item) >= (int)sizeof(address))
		return false;
	slash = strchr(address, '/');
	if (slash)
		*slash++ = '\0';
	most = inet_pton(AF_INET, address, bytes) == 1 ? 32 :
	    inet_pton(AF_INET6, address, bytes) == 1   ? 128 :
							 -1;
	if (most < 0)
		return false;
	bits = slash ? strtol(slash, &end, 10) : most;
	return (!slash || (*slash >= '0' && *slash <= '9' && !*end && bits <= most)) &&
	    keep(item, out);
}

static int
default_port(const char *scheme)
{
	return strcmp(scheme, "https") == 0 ? 443 : strcmp(scheme, "http") == 0 ? 80 : 0;
}

/* ":PORT" or nothing; 0: the scheme's own, -1: no port. */
static long
read_port(const char *s, const char *scheme)
{
	char *end;
	long port;

	if (!*s)
		return 0;
	port = s[0] == ':' && s[1] >= '1' && s[1] <= '9' ? strtol(s + 1, &end, 10) : -1;
	if (port < 1 || port > PORT_MAX || *end)
		return -1;
	return port == default_port(scheme) ? 0 : port;
}

/* Scheme, host and port as a browser writes them in Origin (RFC 6454): lower case, A-labels, no
 * default port. */
static bool
clean_origin(const char *item, char *out)
{
	char scheme[32], host[ITEM_BYTES], kept[ITEM_BYTES];
	const char *rest = strstr(item, "://");
	size_t len;
	long port;
	bool is_v6;

	if (strcmp(item, "*") == 0)
		return keep(item, out);
	if (!rest || rest == item || rest - item >= (long)sizeof(scheme))
		return false;
	snprintf(scheme, sizeof(scheme), "%.*s", (int)(rest - item), item);
	text_lower_ascii(scheme);
	rest += 3;
	len = rest[0] == '[' ? strcspn(rest, "]") + 1 : strcspn(rest, ":");
	if (len > strlen(rest) || len >= sizeof(host) || strcmp(scheme, "file") == 0 ||
	    scheme[strspn(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.")])
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)len, rest);
	port = read_port(rest + len, scheme);
	if (port < 0 || !clean_host(host, kept))
		return false;
	is_v6 = strchr(kept, ':') != NULL;
	len = (size_t)snprintf(out, ITEM_BYTES, is_v6 ? "%s://[%s]" : "%s://%s", scheme, kept);
	if (len < ITEM_BYTES && port)
		len += (size_t)snprintf(out + len, ITEM_BYTES - len, ":%ld", port);
	return len < ITEM_BYTES;
}

/* Bots' tokens go there: in clear text to this machine only. */
static bool
clean_api_url(const char *item, char *out)
{
	return url_is_web(item) && (!url_is_plain(item) || url_is_near(item)) && keep(item, out);
}

/* Without the slash at its end: paths are added to it. */
static bool
clean_engine_url(const char *item, char *out)
{
	if (!url_is_web(item) || !keep(item, out))
		return false;
	if (out[strlen(out) - 1] == '/')
		out[strlen(out) - 1] = '\0';
	return true;
}

/* The rest is libpq's to read: nothing is so rich in forms. */
static bool
clean_database_url(const char *item, char *out)
{
	return (strncmp(item, "postgresql://", 13) == 0 || strncmp(item, "postgres://", 11) == 0) &&
	    keep(item, out);
}

static bool
clean_stun(const char *item, char *out)
{
	return url_is_stun(item) && keep(item, out);
}

static bool
clean_turn(const char *item, char *out)
{
	return url_is_turn(item) && keep(item, out);
}

/* Nothing in it may need an escape in JSON. */
static bool
clean_contact(const char *item, char *out)
{
	char kept[ITEM_BYTES];

	return (strncmp(item, "mailto:", 7) == 0 ? email_clean(item + 7, kept) == NULL :
						   url_is_push(item)) &&
	    keep(item, out);
}

static bool
clean_language(const char *item, char *out)
{
	return text_is_language(item) && strlen(item) < TEXT_LANGUAGE_BYTES && keep(item, out);
}

static bool
clean_address(const char *item, char *out)
{
	return email_clean(item, out) == NULL;
}

static bool
clean_domain(const char *item, char *out)
{
	return email_domain_clean(item, out, ITEM_BYTES);
}

static bool
clean_name(const char *item, char *out)
{
	text_clean_name(item, out, ITEM_BYTES);
	return out[0] != '\0';
}

static const char addresses[] = "addresses such as ann@example.com, separated by commas, are";
static const char domains[] = "mail domains such as example.com, separated by commas, are";

static const struct rule rules[] = {
	{ CONF_HOST, clean_listen, "an address of this machine, a name for one, or * is" },
	{ CONF_RELAY_NAME, clean_name, "a name that can be seen is" },
	{ CONF_WEBCHAT_ALLOWED_ORIGINS, clean_origin,
	    "* or origins such as https://chat.example.com, separated by commas, are" },
	{ CONF_RELAY_TRUSTED_PROXIES, clean_network,
	    "addresses or networks such as 10.0.0.1 or 10.0.0.0/8, separated by commas, are" },
	{ CONF_PCHAT_AUTH_ALLOWED_EMAILS, clean_address, addresses },
	{ CONF_PCHAT_AUTH_ALLOWED_DOMAINS, clean_domain, domains },
	{ CONF_PCHAT_ADMIN_EMAILS, clean_address, addresses },
	{ CONF_PCHAT_ADMIN_DOMAINS, clean_domain, domains },
	{ CONF_SMTP_HOST, clean_host, "the name or address of a mail server, without a port, is" },
	{ CONF_SMTP_FROM, clean_address, "an e-mail address is" },
	{ CONF_DATABASE_URL, clean_database_url,
	    "postgresql://[USER[:PASSWORD]@][HOST[:PORT]][/DATABASE][?NAME=VALUE] is" },
	{ CONF_RELAY_TELEGRAM_API, clean_api_url,
	    "https://HOST[:PORT][/PATH] is, and http:// for 127.0.0.1, [::1] or localhost" },
	{ CONF_RELAY_TRANSLATE_URL, clean_engine_url,
	    "http:// or https://HOST[:PORT][/PATH] without user name and query is" },
	{ CONF_RELAY_TRANSCRIBE_URL, clean_engine_url,
	    "http:// or https://HOST[:PORT][/PATH] without user name and query is" },
	{ CONF_RELAY_STUN_URLS, clean_stun, "stun:HOST[:PORT], separated by commas, are" },
	{ CONF_RELAY_TURN_URLS, clean_turn,
	    "turn:HOST[:PORT][?transport=udp|tcp] and the same with turns:, separated by commas, "
	    "are" },
	{ CONF_RELAY_PUSH_CONTACT, clean_contact, "mailto:ADDRESS or an https address is" },
	{ CONF_RELAY_PUSH_PRIVATE_HOSTS, clean_host,
	    "names or addresses of hosts, without ports, separated by commas, are" },
	{ CONF_RELAY_TRANSLATE_LANGUAGES, clean_language,
	    "languages such as en, es or pt-BR, separated by commas, are" },
};

struct cleaning {
	const struct rule *rule;
	struct text out;
	char *bad;
	size_t size;
};

static bool
clean_item(const char *item, void *arg)
{
	struct cleaning *c = arg;
	char kept[ITEM_BYTES];

	if (!c->rule->clean(item, kept)) {
		snprintf(c->bad, c->size, "%s", item);
		return false;
	}
	text_printf(&c->out, "%s%s", c->out.len ? "," : "", kept);
	return true;
}

const char *
conf_rule_clean(
    enum conf_name name, bool is_list, const char *value, char *out, char *bad, size_t size)
{
	struct cleaning c = { .bad = bad, .size = size };

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].name == name)
			c.rule = &rules[i];
	text_init(&c.out, out, size);
	if (!c.rule) {
		text_printf(&c.out, "%s", value);
		return text_ok(&c.out) ? NULL : "a shorter value is";
	}
	if (is_list ? !text_list_each(value, clean_item, &c) : *value && !clean_item(value, &c))
		return c.rule->allowed;
	return text_ok(&c.out) ? NULL : "a shorter value is";
}
