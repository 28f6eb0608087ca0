/* Bounded text and the checks on strings from outside. */
#include "text.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#define EMAIL_BYTES 254
#define LOCAL_PART_BYTES 64
#define LIST_ITEM_BYTES 4096

void
text_init(struct text *t, char *storage, size_t size)
{
	*t = (struct text){ .data = storage, .size = size };
	storage[0] = '\0';
}

void
text_printf(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len;
	va_list ap;
	int n;

	if (t->failed)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->data + t->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		t->data[t->len] = '\0';
		t->failed = true;
		return;
	}
	t->len += (size_t)n;
}

bool
text_ok(const struct text *t)
{
	return !t->failed;
}

static bool
is_atom(const char *s, const char *end, const char *extra)
{
	if (s == end || *s == '.' || end[-1] == '.')
		return false;
	for (; s < end; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '.' && s[1] == '.')
			return false;
		if (c >= 0x80 || (!isalnum(c) && !strchr(extra, c)))
			return false;
	}
	return true;
}

bool
text_is_email(const char *s)
{
	const char *at = strrchr(s, '@'), *end = s + strlen(s);

	if (!at || end - s > EMAIL_BYTES || at - s > LOCAL_PART_BYTES)
		return false;
	return is_atom(s, at, ".!#$%&'*+/=?^_`{|}~-") && is_atom(at + 1, end, ".-") && at[1] != '-';
}

void
text_lower_ascii(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

bool
text_is_chat_address(const char *s)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(s);

	return len >= 3 && len <= 64 && strspn(s, alnum) > 0 && strspn(s, all) == len;
}

bool
text_is_utf8(const char *s)
{
	return mbstowcs(NULL, s, 0) != (size_t)-1;
}

void
text_fold(const char *s, char *out, size_t size)
{
	mbstate_t in = { 0 }, to = { 0 };
	size_t left = strlen(s), used = 0;

	while (left > 0) {
		char bytes[MB_LEN_MAX];
		wchar_t wc;
		size_t n = mbrtowc(&wc, s, left, &in), m;

		if (n == 0 || n > left)
			break;
		m = wcrtomb(bytes, (wchar_t)towlower((wint_t)wc), &to);
		if (m == (size_t)-1 || used + m >= size)
			break;
		memcpy(out + used, bytes, m);
		used += m;
		s += n;
		left -= n;
	}
	out[used] = '\0';
}

void
text_trim(char *s)
{
	size_t len = strlen(s), start = strspn(s, " \t\r\n");

	while (len > start && strchr(" \t\r\n", s[len - 1]))
		len--;
	memmove(s, s + start, len - start);
	s[len - start] = '\0';
}

bool
text_list_each(const char *list, bool (*each)(const char *item, void *arg), void *arg)
{
	while (*list) {
		char item[LIST_ITEM_BYTES];
		size_t len = strcspn(list, ",");

		if (len >= sizeof(item))
			return false;
		memcpy(item, list, len);
		item[len] = '\0';
		text_trim(item);
		if (item[0] && !each(item, arg))
			return false;
		list += len + (list[len] == ',');
	}
	return true;
}

static bool
differs(const char *item, void *arg)
{
	return strcasecmp(item, arg) != 0;
}

bool
text_list_has(const char *list, const char *value)
{
	return !text_list_each(list, differs, (void *)(uintptr_t)value);
}

/* The value of \uXXXX at `s` (which points at the backslash), or -1. */
static long
unicode_escape(const char *s, const char *end)
{
	long value = 0;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return -1;
		value = value * 16 +
		    (isdigit((unsigned char)s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
	}
	return value;
}

bool
text_json_escapes_ok(const char *json, size_t len)
{
	const char *s = json, *end = json + len;

	if (memchr(json, '\0', len))
		return false;
	while ((s = memchr(s, '\\', (size_t)(end - s)))) {
		long high = unicode_escape(s, end), low;

		if (high == 0)
			return false;
		if (high < 0xd800 || high > 0xdfff) {
			s += end - s >= 2 ? 2 : 1;
			continue;
		}
		low = unicode_escape(s + 6, end);
		if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
			return false;
		s += 12;
	}
	return true;
}
