/* Bounded text and the checks on strings from outside. */
#include "text.h"

#include <ctype.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unictype.h>
#include <unigbrk.h>
#include <unistr.h>
#include <wchar.h>
#include <wctype.h>

#define ITEM_BYTES 1024 /* of a list: so who may sign in depends on no allocation */

#define GRAPHEME_BYTES 64

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

/* The length of the character at `s`, 0 when it is ill-formed. */
static size_t
utf8_char(const unsigned char *s, size_t left)
{
	size_t len = s[0] < 0x80        ? 1 :
	    s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
	    s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
	    s[0] >= 0xf0 && s[0] < 0xf5 ? 4 :
					  0;

	if (len == 0 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool
text_is_language(const char *s)
{
	for (bool first = true;; first = false) {
		const size_t n = strspn(s, first ? LETTERS : LETTERS "0123456789");

		if (n < (first ? 2 : 1) || n > (first ? 3 : 8) || (s[n] != '-' && s[n] != '\0'))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

bool
text_is_utf8(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	while (len > 0) {
		size_t n = utf8_char(p, len);

		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
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

/* Bytes of the white space that stands at `s`; 0: none does. */
static size_t
space_bytes(const char *s)
{
	ucs4_t c;
	int n = *s ? u8_strmbtouc(&c, (const uint8_t *)s) : 0;

	return n > 0 && uc_is_property(c, UC_PROPERTY_WHITE_SPACE) ? (size_t)n : 0;
}

void
text_trim(char *s)
{
	const char *start = s, *end;
	size_t n;

	while ((n = space_bytes(start)) > 0)
		start += n;
	end = start;
	for (const char *p = start; *p; p += n ? n : 1) {
		n = space_bytes(p);
		if (n == 0)
			end = p + 1;
	}
	memmove(s, start, (size_t)(end - start));
	s[end - start] = '\0';
}

void
text_clean_address(char *s)
{
	text_trim(s);
	if (s[0] == '@')
		memmove(s, s + 1, strlen(s));
	text_lower_ascii(s);
}

/* Embeddings, overrides and isolates: what follows them is shown in another order, to the end of
 * the line. */
static bool
turns_direction(ucs4_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool
is_seen(ucs4_t c)
{
	return c != 0x2800 && !uc_is_property(c, UC_PROPERTY_WHITE_SPACE) &&
	    !uc_is_property(c, UC_PROPERTY_DEFAULT_IGNORABLE_CODE_POINT) &&
	    !uc_is_property(c, UC_PROPERTY_ISO_CONTROL);
}

void
text_clean_name(const char *typed, char *out, size_t size)
{
	bool seen = false;
	size_t len = 0;
	ucs4_t c;

	for (int n; *typed && (n = u8_strmbtouc(&c, (const uint8_t *)typed)) > 0; typed += n) {
		if (turns_direction(c) || len + (size_t)n >= size)
			continue;
		memcpy(out + len, typed, (size_t)n);
		len += (size_t)n;
		seen = seen || is_seen(c);
	}
	out[seen ? len : 0] = '\0';
	text_trim(out);
}

bool
text_list_each(const char *list, bool (*each)(const char *item, void *arg), void *arg)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		char usual[ITEM_BYTES], *longer = len < sizeof(usual) ? NULL : malloc(len + 1),
					*item = longer ? longer : usual;
		bool go_on;

		if (!longer && len >= sizeof(usual))
			return false;
		memcpy(item, list, len);
		item[len] = '\0';
		text_trim(item);
		go_on = !item[0] || each(item, arg);
		free(longer);
		if (!go_on)
			return false;
		list += len + (list[len] == ',');
	}
	return true;
}

struct search {
	const char *value;
	bool found;
};

static bool
differs(const char *item, void *arg)
{
	struct search *s = arg;

	s->found = strcasecmp(item, s->value) == 0;
	return !s->found;
}

bool
text_list_has(const char *list, const char *value)
{
	struct search s = { .value = value };

	text_list_each(list, differs, &s);
	return s.found;
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

/* Skips a string whose opening quote is at `s`; NULL when it holds what it must not. */
static const char *
skip_string(const char *s, const char *end)
{
	for (s++; s < end && *s != '"'; s++) {
		long high, low;

		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s != '\\')
			continue;
		high = unicode_escape(s, end);
		low = high >= 0xd800 && high <= 0xdbff ? unicode_escape(s + 6, end) : -1;
		if (high == 0 ||
		    (high >= 0xd800 && high <= 0xdfff && (low < 0xdc00 || low > 0xdfff)))
			return NULL;
		s += low >= 0 ? 11 : high >= 0 ? 5 : 1;
	}
	return s < end ? s + 1 : NULL;
}

/* Skips true, false, null or a number; NULL when it is none of them. */
static const char *
skip_word(const char *s, const char *end)
{
	static const char *const words[] = { "true", "false", "null" };
	const char *start = s;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - s) >= n && memcmp(s, words[i], n) == 0)
			return s + n;
	}
	if (s < end && *s == '-')
		s++;
	if (end - s >= 2 && s[0] == '0' && isdigit((unsigned char)s[1]))
		return NULL;
	while (s < end && (isdigit((unsigned char)*s) || strchr("+-.eE", *s))) {
		bool digits = s > start && isdigit((unsigned char)s[-1]) && s + 1 < end &&
		    isdigit((unsigned char)s[1]);

		if (*s == '.' && !digits)
			return NULL;
		s++;
	}
	return s > start && isdigit((unsigned char)s[-1]) ? s : NULL;
}

bool
text_json_strict(const char *json, size_t len)
{
	const char *s = json, *end = json + len;

	if (memchr(json, '\0', len) || !text_is_utf8(json, len))
		return false;
	while (s && s < end) {
		if (*s == '"')
			s = skip_string(s, end);
		else if (strchr("{}[]:, \t\r\n", *s))
			s++;
		else
			s = skip_word(s, end);
	}
	return s != NULL;
}

bool
text_from_base64(const char *s, uint8_t *out, size_t size, size_t *len)
{
	return sodium_base642bin(
		   out, size, s, strlen(s), NULL, len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

bool
text_is_grapheme(const char *s)
{
	const uint8_t *p = (const uint8_t *)s;
	char breaks[GRAPHEME_BYTES];
	size_t len = strnlen(s, GRAPHEME_BYTES + 1);
	ucs4_t c;

	if (len == 0 || len > GRAPHEME_BYTES || u8_strmbtouc(&c, p) <= 0 || uc_is_cntrl(c) ||
	    uc_is_space(c) || uc_is_general_category(c, UC_FORMAT))
		return false;
	u8_grapheme_breaks(p, len, breaks);
	return memchr(breaks + 1, 1, len - 1) == NULL;
}
