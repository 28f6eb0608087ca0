/* Finding what is kept, and putting a translation together. */
#include "shield.h"

#include "cleanup.h"
#include "text.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unictype.h>
#include <unistr.h>

#define BACKTICKS "```"
#define GROWTH 4 /* a translation is at most so many times as long */
#define GROWTH_BYTES 1024

static ucs4_t
char_at(const char *p, const char *end, size_t *len)
{
	ucs4_t c;
	const int n = u8_mbtouc(&c, (const uint8_t *)p, (size_t)(end - p));

	*len = n > 0 ? (size_t)n : 1;
	return c;
}

static bool
is_word_byte(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* What an e-mail address has before its @. */
static bool
is_local_byte(char c)
{
	return is_word_byte(c) || (c && strchr("._%+-", c));
}

static bool
is_blank(ucs4_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == 0xa0 || c == 0x3000;
}

/* Emoji with all that joins or colours them, and what turns the direction of text. */
static bool
is_sign(ucs4_t c)
{
	static const struct {
		ucs4_t first, last;
	} ranges[] = { { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x2069 },
		{ 0x20e3, 0x20e3 }, { 0x2300, 0x23ff }, { 0x2600, 0x27bf }, { 0x2b00, 0x2bff },
		{ 0xfe0e, 0xfe0f }, { 0x61c, 0x61c }, { 0x1f000, 0x1faff }, { 0xe0020, 0xe007f } };

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static size_t
signs(const char *p, const char *end)
{
	const char *q = p;

	while (q < end) {
		size_t len;

		if (!is_sign(char_at(q, end, &len)))
			break;
		q += len;
	}
	return (size_t)(q - p);
}

static bool
begins(const char *p, const char *end, const char *word)
{
	return (size_t)(end - p) > strlen(word) && strncasecmp(p, word, strlen(word)) == 0;
}

/* Up to white space; the full stop of the sentence is not of the link. */
static size_t
link_length(const char *p, const char *end, bool at_word)
{
	const char *q = p;

	if (!begins(p, end, "http://") && !begins(p, end, "https://") &&
	    !(at_word && begins(p, end, "www.")))
		return 0;
	while (q < end && (unsigned char)*q > ' ' && !strchr("<>\"", *q))
		q++;
	while (q > p && strchr(".,;:!?)'", q[-1]))
		q--;
	return (size_t)(q - p);
}

/* NAME@HOST.TLD */
static size_t
address_length(const char *p, const char *end)
{
	const char *q = p, *host;

	while (q < end && is_local_byte(*q))
		q++;
	if (q == p || q == end || *q != '@')
		return 0;
	host = ++q;
	while (q < end && (is_word_byte(*q) || strchr(".-", *q)))
		q++;
	while (q > host && !is_word_byte(q[-1]))
		q--;
	return q > host && memchr(host, '.', (size_t)(q - host)) ? (size_t)(q - p) : 0;
}

static size_t
mention_length(const char *p, const char *end)
{
	const char *q = p + 1;

	while (q < end && (is_word_byte(*q) || strchr("._-", *q)))
		q++;
	while (q > p + 1 && !is_word_byte(q[-1]))
		q--;
	return *p == '@' && q > p + 1 ? (size_t)(q - p) : 0;
}

static size_t
code_length(const char *p, const char *end)
{
	const char *q = *p == '`' ? memchr(p + 1, '`', (size_t)(end - p - 1)) : NULL;

	return q ? (size_t)(q + 1 - p) : 0;
}

/* How many bytes at `p` are kept; `line` is where its line begins. */
static size_t
kept_length(const char *line, const char *p, const char *end)
{
	const bool at_word = p == line || !is_local_byte(p[-1]);
	size_t len = code_length(p, end);

	if (!len)
		len = link_length(p, end, at_word);
	if (!len && at_word)
		len = address_length(p, end);
	if (!len && at_word)
		len = mention_length(p, end);
	return len ? len : signs(p, end);
}

/* A run of a line: kept, or not. */
struct run {
	const char *at, *end;
	bool kept, letters;
};

/* The run that begins at `p`. */
static struct run
run_at(const char *line, const char *p, const char *end)
{
	struct run r = { .at = p, .end = p };
	size_t len = kept_length(line, p, end);

	if (len) {
		r.end = p + len;
		r.kept = true;
		return r;
	}
	while (r.end < end && kept_length(line, r.end, end) == 0) {
		r.letters = uc_is_property_alphabetic(char_at(r.end, end, &len)) || r.letters;
		r.end += len;
	}
	return r;
}

static void
add(struct segments *s, struct arena *a, const char *from, const char *to)
{
	size_t len;

	while (from < to && is_blank(char_at(from, to, &len)))
		from += len;
	for (const char *p = from, *last = from; p < to; p += len) {
		if (!is_blank(char_at(p, to, &len)))
			last = p + len;
		if (p + len >= to)
			to = last;
	}
	if (s->count == s->room) {
		const int room = s->room ? 2 * s->room : 16;
		struct segment *list = arena_alloc(a, (size_t)room * sizeof(*list));

		if (!list) {
			s->failed = true;
			return;
		}
		if (s->count)
			memcpy(list, s->list, (size_t)s->count * sizeof(*list));
		s->list = list;
		s->room = room;
	}
	s->list[s->count++] =
	    (struct segment){ .at = from, .len = (size_t)(to - from), .owner = s->owner };
}

/* From the first run with letters to the last. */
static void
add_line(struct segments *s, struct arena *a, const char *line, const char *end)
{
	const char *from = NULL, *to = NULL;

	for (struct run r = { .end = line }; r.end < end;) {
		r = run_at(line, r.end, end);
		if (r.kept || !r.letters)
			continue;
		from = from ? from : r.at;
		to = r.end;
	}
	if (from)
		add(s, a, from, to);
}

void
shield_lines(const char *text, struct arena *a, struct segments *out)
{
	bool in_code = false;

	for (const char *p = text; *p;) {
		const char *end = p + strcspn(p, "\n"), *first = p + strspn(p, " \t");

		if (strncmp(first, BACKTICKS, strlen(BACKTICKS)) == 0)
			in_code = !in_code;
		else if (!in_code)
			add_line(out, a, p, end);
		p = end + (*end == '\n');
	}
}

void
shield_pieces(const struct segment *s, struct arena *a, struct segments *out)
{
	const char *end = s->at + s->len;

	for (struct run r = { .end = s->at }; r.end < end;) {
		r = run_at(s->at, r.end, end);
		if (!r.kept && r.letters)
			add(out, a, r.at, r.end);
	}
}

/* How often the bytes are in a text. */
static int
occurrences(const char *text, size_t text_len, const char *what, size_t len)
{
	const char *end = text + text_len;
	int n = 0;

	for (const char *p = text; (p = memmem(p, (size_t)(end - p), what, len)); p += len)
		n++;
	return n;
}

bool
shield_holds(const struct segment *s, const char *translation)
{
	const char *end = s->at + s->len;

	for (struct run r = { .end = s->at }; r.end < end;) {
		size_t len;

		r = run_at(s->at, r.end, end);
		len = (size_t)(r.end - r.at);
		if (r.kept &&
		    occurrences(translation, strlen(translation), r.at, len) !=
			occurrences(s->at, s->len, r.at, len))
			return false;
	}
	return true;
}

/* Control characters of ASCII and of ISO 6429's upper half, and those that turn directions. */
static bool
is_control(ucs4_t c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool
is_own_control(const struct segment *s, const char *p, size_t len)
{
	return memmem(s->at, s->len, p, len) != NULL;
}

bool
shield_trim(const struct segment *s, char *translation)
{
	const char *end;

	if (!text_is_utf8(translation, strlen(translation)))
		return false;
	text_trim(translation);
	end = translation + strlen(translation);
	if (end == translation || (size_t)(end - translation) > GROWTH * s->len + GROWTH_BYTES)
		return false;
	for (const char *p = translation; p < end;) {
		size_t len;
		const ucs4_t c = char_at(p, end, &len);

		if (is_control(c) && (c < 0xa0 || !is_own_control(s, p, len)))
			return false;
		p += len;
	}
	return true;
}

char *
shield_join(const char *text, const struct segments *s, struct arena *a)
{
	size_t size = strlen(text) + 1;
	const char *from = text;
	struct text out;
	char *storage;

	for (int i = 0; i < s->count; i++)
		size += s->list[i].out ? strlen(s->list[i].out) : 0;
	storage = arena_alloc(a, size);
	if (!storage)
		return NULL;
	text_init(&out, storage, size);
	for (int i = 0; i < s->count; i++) {
		const struct segment *one = &s->list[i];

		if (!one->out)
			continue;
		text_printf(&out, "%.*s%s", (int)(one->at - from), from, one->out);
		from = one->at + one->len;
	}
	text_printf(&out, "%s", from);
	return text_ok(&out) ? storage : NULL;
}
