/* Looking at an address, which stands in the settings. */
#include "url.h"

#include "cleanup.h"

#include <stdio.h>
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
