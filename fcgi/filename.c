/* Cleaning names and media types of files. */
#include "filename.h"

#include "cleanup.h"
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXTENSION_BYTES 16

/* Length of the well-formed UTF-8 character at `s` and its code point; 0 when it is none. */
static size_t
character(const char *s, size_t len, uint32_t *point)
{
	static const uint8_t marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned char lead = (unsigned char)*s;
	size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (n > len || !text_is_utf8(s, n))
		return 0;
	*point = (uint32_t)(n == 1 ? lead : lead & ~(marks[n] | (0x80U >> n)));
	for (size_t i = 1; i < n; i++)
		*point = *point << 6 | ((unsigned char)s[i] & 0x3f);
	return n;
}

/* Controls, line and paragraph ends, byte order marks, and what turns the direction of writing. */
static bool
is_unwanted(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Cuts to `room` bytes at a character, keeping a short extension. */
static void
shorten(char *name, size_t room)
{
	size_t len = strlen(name), keep, stem;
	const char *dot = strrchr(name, '.');

	if (len <= room)
		return;
	keep = dot && dot > name ? strlen(dot) : 0;
	if (keep > EXTENSION_BYTES)
		keep = 0;
	stem = room - keep;
	while (stem > 0 && ((unsigned char)name[stem] & 0xc0) == 0x80)
		stem--;
	memmove(name + stem, name + len - keep, keep + 1);
}

/* Spaces at both ends go, dots at the end too: some systems drop them by themselves. */
static void
trim(char *name)
{
	size_t len = strlen(name), lead = strspn(name, " ");

	while (len > lead && (name[len - 1] == ' ' || name[len - 1] == '.'))
		len--;
	memmove(name, name + lead, len - lead);
	name[len - lead] = '\0';
}

void
filename_clean(const char *name, size_t len, char out[static FILENAME_BYTES])
{
	char work[4 * FILENAME_BYTES];
	size_t n = 0, start = 0, used;

	for (size_t i = 0; i < len; i++)
		if (name[i] == '/' || name[i] == '\\')
			start = i + 1;
	/* The end of an overlong name counts: that is where the extension stands. */
	if (len - start >= sizeof(work) - 1)
		start = len - (sizeof(work) - 2);
	for (size_t i = start; i < len; i += used) {
		uint32_t point = 0;

		used = character(name + i, len - i, &point);
		if (used == 0) {
			used = 1;
			work[n++] = '_';
		} else if (!is_unwanted(point)) {
			memcpy(work + n, name + i, used);
			n += used;
		}
	}
	work[n] = '\0';
	trim(work);
	shorten(work, FILENAME_BYTES - 1);
	trim(work);
	snprintf(out, FILENAME_BYTES, "%s", work[0] ? work : "file");
}

static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("!#$&-^_.+", c));
}

static size_t
token_len(const char *s)
{
	size_t n = 0;

	while (is_token_char(s[n]))
		n++;
	return n;
}

void
media_type_clean(const char *type, char out[static MEDIA_TYPE_BYTES])
{
	size_t main, sub, len;

	type += strspn(type, " \t");
	main = token_len(type);
	sub = main && type[main] == '/' ? token_len(type + main + 1) : 0;
	len = main + 1 + sub;
	if (sub == 0 || len >= MEDIA_TYPE_BYTES || (type[len] && !strchr(" \t;", type[len]))) {
		snprintf(out, MEDIA_TYPE_BYTES, "application/octet-stream");
		return;
	}
	snprintf(out, MEDIA_TYPE_BYTES, "%.*s", (int)len, type);
	text_lower_ascii(out);
}

bool
media_type_is_inert(const char *type)
{
	static const char *const inert[] = { "image/png", "image/jpeg", "image/gif", "image/webp",
		"image/avif", "image/bmp", "audio/aac", "audio/flac", "audio/mp4", "audio/mpeg",
		"audio/ogg", "audio/opus", "audio/wav", "audio/webm", "audio/x-m4a", "audio/x-wav",
		"video/mp4", "video/ogg", "video/quicktime", "video/webm" };

	for (size_t i = 0; i < ARRAY_LEN(inert); i++)
		if (strcmp(type, inert[i]) == 0)
			return true;
	return false;
}

void
filename_disposition(const char *name, bool inline_, char out[static DISPOSITION_BYTES])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "!#$&+-.^_`|~";
	struct text t;
	bool differs = false;

	text_init(&t, out, DISPOSITION_BYTES);
	text_printf(&t, "%s; filename=\"", inline_ ? "inline" : "attachment");
	for (const char *p = name; *p; p++) {
		bool ascii = *p >= 0x20 && *p < 0x7f && !strchr("\"\\%", *p);

		/* one "_" for each character, not for each byte */
		if (ascii)
			text_printf(&t, "%c", *p);
		else if (((unsigned char)*p & 0xc0) != 0x80)
			text_printf(&t, "_");
		differs |= !ascii;
	}
	text_printf(&t, "\"");
	if (!differs)
		return;
	text_printf(&t, "; filename*=UTF-8''");
	for (const char *p = name; *p; p++)
		text_printf(&t, strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
}
