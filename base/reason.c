/* Cleaning reasons: servers and phones repeat the address that they refuse. */
#include "reason.h"

#include "text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_DIGITS 5 /* that make a word a number of somebody */
#define RUN_DIGITS 7 /* that make several words one */
#define DIGITS "0123456789"
#define BETWEEN " \t<>()[]{}\"',;:"

static bool
is_part_of_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Puts one "*" in place of `len` bytes; returns what follows. */
static char *
blot(char *at, size_t len)
{
	*at = '*';
	memmove(at + 1, at + len, strlen(at + len) + 1);
	return at + 1;
}

/* Hides each place where `what` stands as a word of its own. */
static void
hide(char *text, const char *what, size_t len)
{
	char *p = text;

	while (len > 0 && *p) {
		bool alone = (p == text || !is_part_of_word(p[-1])) &&
		    strncasecmp(p, what, len) == 0 && !is_part_of_word(p[len]);

		p = alone ? blot(p, len) : p + 1;
	}
}

static int
digits_in(const char *s, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++)
		n += isdigit((unsigned char)s[i]) != 0;
	return n;
}

static void
hide_words(char *text)
{
	for (char *p = text; *p;) {
		size_t len = strcspn(p, BETWEEN);

		if (len > 0 && (memchr(p, '@', len) || digits_in(p, len) >= WORD_DIGITS))
			p = blot(p, len);
		else
			p += len ? len : 1;
	}
}

/* A telephone number may be written in groups. */
static void
hide_runs(char *text)
{
	for (char *p = text; *p;) {
		size_t len = *p == ' ' ? 0 : strspn(p, DIGITS "+-()./ ");

		while (len > 0 && p[len - 1] == ' ')
			len--;
		if (len > 0 && digits_in(p, len) >= RUN_DIGITS)
			p = blot(p, len);
		else
			p += len ? len : 1;
	}
}

/* Bytes of an enhanced code, such as 5.7.26 (RFC 3463). */
static size_t
enhanced_bytes(const char *text)
{
	size_t all = 0;

	for (int part = 0; part < 3; part++) {
		size_t len = strspn(text + all, DIGITS);

		if (len == 0 || len > 3)
			return 0;
		all += len;
		if (part < 2 && text[all++] != '.')
			return 0;
	}
	return all;
}

/* Bytes of "550 5.1.1", "550-5.7.26" or "550" at the beginning (RFC 5321). */
static size_t
code_bytes(const char *text)
{
	size_t n = strspn(text, DIGITS), more;

	if (n != 3)
		return 0;
	more = text[n] == ' ' || text[n] == '-' ? enhanced_bytes(text + n + 1) : 0;
	return more ? n + 1 + more : n;
}

void
reason_clean(const char *words, const char *address, char *out, size_t size)
{
	const char *at = strrchr(address, '@');
	char *rest;

	snprintf(out, size, "%s", words);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	for (size_t len = strlen(out); len > 0 && !text_is_utf8(out, len); len--)
		out[len - 1] = '\0'; /* cut within a character */
	rest = out + code_bytes(out);
	hide(rest, address, strlen(address));
	if (at) {
		hide(rest, address, (size_t)(at - address));
		hide(rest, at + 1, strlen(at + 1));
	}
	hide_runs(rest);
	hide_words(rest);
}

int
reason_code(const char *words)
{
	for (const char *p = words; *p;) {
		size_t len = strspn(p, DIGITS);

		if (len == 3 && (*p == '4' || *p == '5'))
			return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
		p += len ? len : 1;
	}
	return 0;
}
