/* Bounded text: a builder that never overflows, and the checks that strings from outside must pass.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends into the caller's storage; always terminated. Once something did not fit, it stays
 * failed. */
struct text {
	char *data;
	size_t size, len;
	bool failed;
};

/* Starts an empty text in `size` bytes (at least 1) of `storage`. */
void text_init(struct text *t, char *storage, size_t size);

/* Appends formatted; on lack of room nothing is appended and the text is failed. */
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* True when everything appended so far fitted. */
bool text_ok(const struct text *t);

/* Lower-cases A-Z in place. */
void text_lower_ascii(char *s);

/* True for a chat address: ^[a-z0-9][a-z0-9._-]{2,63}$ */
bool text_is_chat_address(const char *s);

/* True for what has the form of a language tag (RFC 5646): two or three letters, then subtags
 * of up to eight letters and digits, each behind a hyphen. Engines name languages by short ones:
 * en, pt-BR, zh-Hans. */
#define TEXT_LANGUAGE_BYTES 12
bool text_is_language(const char *s);

/* True for well-formed UTF-8 (RFC 3629). */
bool text_is_utf8(const char *s, size_t len);

/* Writes the case-folded form of UTF-8 `s` for searching; cut at a character when `size` is short.
 */
void text_fold(const char *s, char *out, size_t size);

/* Trims white space at both ends, in place: that of ASCII, and of Unicode (what a paste from a
 * page brings along). */
void text_trim(char *s);

/* Gives a chat address, or any id that a client names, the form it is kept in: no white space
 * around it, no @ before it, lower case. */
void text_clean_address(char *s);

/* Writes the kept form of a name that is shown to others: without the characters that turn the
 * direction of what stands around them, trimmed, and empty when nothing of it can be seen. `size`
 * is more than the bytes of `typed`, which is UTF-8. */
void text_clean_name(const char *typed, char *out, size_t size);

/* True when `value` is one of the comma-separated items of `list` (compared without regard to ASCII
 * case). */
bool text_list_has(const char *list, const char *value);

/* Calls `each` for every trimmed non-empty item of a comma list; stops and returns false when
 * `each` does. */
bool text_list_each(const char *list, bool (*each)(const char *item, void *arg), void *arg);

/* What json-c lets pass though RFC 8259 does not: false for JSON text that holds a NUL (raw or
 * escaped), ill-formed UTF-8, a lone surrogate escape, a control character inside a string, single
 * quotes, NaN, Infinity, or a number without digits around its point. */
bool text_json_strict(const char *json, size_t len);

/* Decodes base64 of RFC 4648, padded, into up to `size` bytes. False: it is none, or longer. */
bool text_from_base64(const char *s, uint8_t *out, size_t size, size_t *len);

/* Is it what a reader takes for one character (a grapheme cluster of UAX 29), such as an emoji,
 * that shows, of up to 64 bytes? */
bool text_is_grapheme(const char *s);

#endif
