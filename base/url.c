/* Looking at an address, which stands in the settings. */
#include "url.h"

#include "cleanup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
after_scheme(const char *url)
{
	const char *end = strstr(url, "://");

	return end ? end + 3 : url;
}

bool
url_is_plain(const char *url)
{
	return strncmp(url, "http://", 7) == 0;
}

bool
url_is_web(const char *url)
{
	const char *host = after_scheme(url);

	return (url_is_plain(url) || strncmp(url, "https://", 8) == 0) && *host &&
	    !strchr("/:", *host) && !strpbrk(url, " ?#@\\\"<>");
}

bool
url_is_near(const char *url)
{
	static const char *const near[] = { "127.0.0.1", "localhost", "[::1]" };
	const char *host = after_scheme(url);

	for (size_t i = 0; i < ARRAY_LEN(near); i++)
		if (strncmp(host, near[i], strlen(near[i])) == 0 &&
		    strchr(":/", host[strlen(near[i])]) != NULL)
			return true;
	return false;
}

void
url_host(const char *url, char *out, size_t size)
{
	const char *host = after_scheme(url);

	snprintf(out, size, "%.*s", (int)strcspn(host, "/"), host);
}

/* HOST or HOST:PORT of `len` bytes, where a v6 address stands in brackets. */
static bool
is_host_port(const char *s, size_t len)
{
	static const char digits[] = "0123456789";
	const bool is_v6 = s[0] == '[';
	const char *end = is_v6 ? strchr(s, ']') : s + strcspn(s, ":?/"), *p;

	if (!end || end == s + is_v6)
		return false;
	for (p = s + is_v6; p < end; p++)
		if (!strchr(is_v6 ? "0123456789abcdefABCDEF:." : "-._", *p) &&
		    (is_v6 || !isalnum((unsigned char)*p)))
			return false;
	p = end + is_v6;
	if (p == s + len)
		return true;
	return p[0] == ':' && strspn(p + 1, digits) == (size_t)(s + len - p - 1) &&
	    strtol(p + 1, NULL, 10) > 0 && strtol(p + 1, NULL, 10) <= 65535;
}

/* Of `scheme`, or of the one with an s behind it: what follows. NULL: of neither. */
static const char *
after_name(const char *url, const char *scheme)
{
	const size_t len = strlen(scheme);

	if (strncmp(url, scheme, len) != 0)
		return NULL;
	url += len;
	url += *url == 's';
	return *url == ':' ? url + 1 : NULL;
}

bool
url_is_stun(const char *url)
{
	const char *host = after_name(url, "stun");

	return host && is_host_port(host, strlen(host));
}

bool
url_is_turn(const char *url)
{
	const char *host = after_name(url, "turn");
	const size_t len = host ? strcspn(host, "?") : 0;

	return host && is_host_port(host, len) &&
	    (!host[len] || strcmp(host + len, "?transport=udp") == 0 ||
		strcmp(host + len, "?transport=tcp") == 0);
}

bool
url_is_push(const char *url)
{
	static const char scheme[] = "https://";
	const char *host = url + sizeof(scheme) - 1;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return false;
	for (const char *p = host; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("#\"\\<>^`{|}", *p))
			return false;
	return is_host_port(host, strcspn(host, "/?"));
}

bool
url_origin(const char *url, char *out, size_t size)
{
	const size_t len = (size_t)(after_scheme(url) - url) + strcspn(after_scheme(url), "/?");

	return snprintf(out, size, "%.*s", (int)len, url) < (int)size;
}
