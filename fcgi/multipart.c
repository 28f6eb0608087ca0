/* Reading multipart/form-data by its boundaries. */
#include "multipart.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BOUNDARY_BYTES 70 /* RFC 2046, section 5.1.1 */
#define HEAD_BYTES 8192 /* the headers of one part */
#define BUFFER_BYTES 65536
#define PARTS_MAX 100
#define TYPE "multipart/form-data"

struct reader {
	int fd;
	off_t size;
	char mark[BOUNDARY_BYTES + 8]; /* CR LF - - boundary */
	size_t mark_len;
	const char *why;
	char buffer[BUFFER_BYTES];
};

struct head {
	char *disposition, *type; /* values in the reader's buffer; NULL when missing */
	bool encoded; /* the bytes are not the file's, but some writing of them */
};

static bool
fail(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

bool
multipart_is(const char *type)
{
	size_t n = sizeof(TYPE) - 1;

	return strncasecmp(type, TYPE, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

/* The value of a parameter such as boundary=... or name="...", unquoted, into `out`. False: it is
 * not there, or too long. */
static bool
parameter(const char *value, const char *name, char *out, size_t size)
{
	size_t want = strlen(name), n = 0;

	for (const char *p = strchr(value, ';'); p; p = strchr(p, ';')) {
		bool quoted;

		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, want) != 0 || p[want] != '=') {
			/* a semicolon inside of quotes ends nothing */
			p += strcspn(p, ";\"");
			if (*p == '"') {
				for (p++; *p && *p != '"'; p++)
					p += *p == '\\' && p[1];
			}
			continue;
		}
		p += want + 1;
		quoted = *p == '"';
		for (p += quoted; *p && (quoted ? *p != '"' : !strchr("; \t", *p)); p++) {
			p += quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\');
			if (n + 1 >= size)
				return false;
			out[n++] = *p;
		}
		out[n] = '\0';
		return !quoted || *p == '"';
	}
	return false;
}

static bool
read_boundary(struct reader *r, const char *type)
{
	char boundary[BOUNDARY_BYTES + 1];

	if (!multipart_is(type) || !parameter(type, "boundary", boundary, sizeof(boundary)) ||
	    !boundary[0])
		return fail(r, "The Content-Type names no boundary of 1 to 70 characters.");
	r->mark_len = (size_t)snprintf(r->mark, sizeof(r->mark), "\r\n--%s", boundary);
	return true;
}

static bool
fetch(struct reader *r, off_t at, size_t want, size_t *got)
{
	*got = 0;
	while (*got < want) {
		ssize_t n = pread(r->fd, r->buffer + *got, want - *got, at + (off_t)*got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(r, NULL);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return true;
}

/* The next position at or after `from` where `mark` stands; -1 when there is none. */
static bool
find_mark(struct reader *r, off_t from, const char *mark, size_t len, off_t *found)
{
	*found = -1;
	while (from < r->size) {
		size_t got;
		const char *hit;

		if (!fetch(r, from, sizeof(r->buffer), &got))
			return false;
		hit = memmem(r->buffer, got, mark, len);
		if (hit) {
			*found = from + (hit - r->buffer);
			return true;
		}
		if (got < len)
			return true;
		from += (off_t)(got - len + 1);
	}
	return true;
}

/* A line that begins with white space goes on with the one before (RFC 5322, section 2.2.3). */
static void
unfold(char *headers)
{
	for (char *p = headers; (p = strstr(p, "\r\n")); p += 2)
		if (p[2] == ' ' || p[2] == '\t')
			p[0] = p[1] = ' ';
}

/* The value behind "NAME:" and white space; NULL: the line is another header. */
static char *
header_value(char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " \t");
}

static bool
is_word(const char *value, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(value, word, n) == 0 && value[n + strspn(value + n, " \t")] == '\0';
}

static void
read_header(char *line, struct head *h)
{
	char *value;

	if ((value = header_value(line, "Content-Disposition")))
		h->disposition = value;
	else if ((value = header_value(line, "Content-Type")))
		h->type = value;
	else if ((value = header_value(line, "Content-Transfer-Encoding")))
		h->encoded = h->encoded ||
		    (!is_word(value, "binary") && !is_word(value, "8bit") &&
			!is_word(value, "7bit"));
	else if ((value = header_value(line, "Content-Encoding")))
		h->encoded = h->encoded || !is_word(value, "identity");
	else if (header_value(line, "Content-Range"))
		h->encoded = true;
}

/* Reads the headers that start at `at`; *data is where the part's bytes start. */
static bool
read_head(struct reader *r, off_t at, struct head *h, off_t *data)
{
	size_t got;
	char *end, *line;

	if (!fetch(r, at, HEAD_BYTES, &got))
		return false;
	*h = (struct head){ .encoded = false };
	end = memmem(r->buffer, got, "\r\n\r\n", 4);
	if (got >= 2 && memcmp(r->buffer, "\r\n", 2) == 0)
		return fail(r, "A part has no headers.");
	if (!end)
		return fail(r, "The headers of a part have no end within 8 KiB.");
	if (memchr(r->buffer, '\0', (size_t)(end - r->buffer)))
		return fail(r, "The headers of a part hold a NUL.");
	*data = at + (end - r->buffer) + 4;
	*end = '\0';
	unfold(r->buffer);
	for (line = r->buffer; line;) {
		char *next = strstr(line, "\r\n");

		if (next)
			*next = '\0';
		read_header(line, h);
		line = next ? next + 2 : NULL;
	}
	return true;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f'    ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F'    ? c - 'A' + 10 :
				      -1;
}

/* Undoes percent-encoding; `only`: nothing but these bytes (as browsers write " CR LF), NULL: all.
 */
static void
unescape(char *s, const char *only)
{
	char *out = s;

	for (; *s; s++) {
		int high = s[0] == '%' ? hex(s[1]) : -1, low = high >= 0 ? hex(s[2]) : -1;

		if (low >= 0 && high + low > 0 && (!only || strchr(only, high * 16 + low))) {
			*out++ = (char)(high * 16 + low);
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* The file name that the part gives: filename*=UTF-8''... (RFC 5987) before filename="...". */
static void
read_name(const char *disposition, char out[static FILENAME_BYTES])
{
	static const char utf8[] = "UTF-8'";
	char raw[HEAD_BYTES] = "";
	char *from = raw;

	if (parameter(disposition, "filename*", raw, sizeof(raw)) &&
	    strncasecmp(raw, utf8, sizeof(utf8) - 1) == 0 && strchr(raw + sizeof(utf8) - 1, '\'')) {
		from = strchr(raw + sizeof(utf8) - 1, '\'') + 1;
		unescape(from, NULL);
	} else if (parameter(disposition, "filename", raw, sizeof(raw))) {
		unescape(raw, "\"\r\n");
	} else {
		raw[0] = '\0';
	}
	filename_clean(from, strlen(from), out);
}

/* Notes the part if it is the one. */
static bool
take(struct reader *r, const struct head *h, const char *part, off_t data, off_t end,
    struct multipart_part *out)
{
	char name[HEAD_BYTES];
	const char *type = h->type ? h->type : "";

	if (!h->disposition || !parameter(h->disposition, "name", name, sizeof(name)) ||
	    strcmp(name, part) != 0)
		return true;
	if (strncasecmp(type, "multipart/", 10) == 0)
		return fail(r, "A part may not be multipart itself.");
	if (h->encoded)
		return fail(
		    r, "The part is encoded; it must hold the bytes of the file as they are.");
	if (out->start >= 0)
		return fail(r, "There is more than one part of this name.");
	read_name(h->disposition, out->name);
	media_type_clean(type, out->mime);
	out->start = data;
	out->len = end - data;
	return true;
}

/* What follows a boundary: "--" ends the body, a line end starts a part at *next. */
static bool
after_mark(struct reader *r, off_t at, bool *last, off_t *next)
{
	size_t got;

	if (!fetch(r, at, 256, &got))
		return false;
	*last = got >= 2 && memcmp(r->buffer, "--", 2) == 0;
	*next = at;
	while (!*last && (size_t)(*next - at) < got && strchr(" \t", r->buffer[*next - at]) &&
	    r->buffer[*next - at])
		++*next;
	if (*last)
		return true;
	if ((size_t)(*next - at) + 2 > got || memcmp(r->buffer + (*next - at), "\r\n", 2) != 0)
		return fail(r, "A boundary does not end its line, or the body was cut off.");
	*next += 2;
	return true;
}

static bool
find_part(struct reader *r, const char *part, struct multipart_part *out)
{
	off_t at, next = 0;
	bool last = false;

	/* the first boundary may stand at the very start, without the line end before it */
	if (!find_mark(r, 0, r->mark + 2, r->mark_len - 2, &at))
		return false;
	if (at < 0)
		return fail(r, "The boundary does not stand in the body.");
	if (!after_mark(r, at + (off_t)r->mark_len - 2, &last, &next))
		return false;
	for (int parts = 0; !last; parts++) {
		struct head h;
		off_t data, end;
		char kept[HEAD_BYTES];

		if (parts == PARTS_MAX)
			return fail(r, "There are more than 100 parts.");
		if (!read_head(r, next, &h, &data))
			return false;
		/* the buffer is needed for the search: the headers move out of it */
		memcpy(kept, r->buffer, sizeof(kept));
		if (h.disposition)
			h.disposition = kept + (h.disposition - r->buffer);
		if (h.type)
			h.type = kept + (h.type - r->buffer);
		/* an empty part's boundary starts with the line end of its headers */
		if (!find_mark(r, data - 2, r->mark, r->mark_len, &end))
			return false;
		if (end < 0)
			return fail(r, "The body was cut off: its closing boundary is missing.");
		if (!take(r, &h, part, data, end < data ? data : end, out) ||
		    !after_mark(r, end + (off_t)r->mark_len, &last, &next))
			return false;
	}
	return out->start >= 0 || fail(r, "There is no part of this name.");
}

bool
multipart_find(int fd, off_t size, const char *type, const char *part, struct multipart_part *out,
    const char **why)
{
	struct reader r = { .fd = fd, .size = size };
	bool ok;

	out->start = -1;
	ok = read_boundary(&r, type) && find_part(&r, part, out);
	*why = r.why;
	return ok;
}
