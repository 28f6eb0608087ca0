/* Fuzzing of multipart/form-data: a refusal has its sentence, and a part that is found lies in the
 * body, ends where the next boundary stands and holds none. */
#include "multipart.h"
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARK "\r\n--B"
#define MARK_LEN (sizeof(MARK) - 1)
#define BUFFER 65536 /* of the reader: what lies across its end is of interest */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fd = -1;
static uint8_t *body;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fd = memfd_create("body", MFD_CLOEXEC);
	body = malloc(BUFFER + 8192);
	if (fd < 0 || !body)
		abort();
	return 0;
}

static void
check_found(const struct multipart_part *part, size_t len)
{
	size_t start = (size_t)part->start, size = (size_t)part->len, end = start + size;

	if (part->start < 4 || part->len < 0 || end > len)
		abort();
	if (size == 0 && memcmp(body + start - 2, MARK, MARK_LEN) == 0)
		end -= 2; /* it shares the line end of its headers */
	if (end + MARK_LEN + 2 > len || memcmp(body + end, MARK, MARK_LEN) != 0 ||
	    memmem(body + start, size, MARK, MARK_LEN))
		abort();
	if (!part->name[0] || strlen(part->name) >= FILENAME_BYTES ||
	    !text_is_utf8(part->name, strlen(part->name)) || strpbrk(part->name, "/\\\r\n"))
		abort();
	if (!strchr(part->mime, '/') || strlen(part->mime) >= MEDIA_TYPE_BYTES)
		abort();
}

/* A type that is the input's own: nothing is promised but that it is survived. */
static void
try_own_type(const uint8_t *data, size_t size, size_t len)
{
	struct multipart_part part;
	const char *why = NULL;
	char type[256];

	snprintf(type, sizeof(type), "multipart/form-data;%.*s", (int)(size < 200 ? size : 200),
	    (const char *)data);
	if (multipart_find(fd, (off_t)len, type, "file", &part, &why) == (why != NULL))
		abort();
}

/* The first byte says how far the body is moved towards the end of the reader's buffer. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multipart_part part;
	const char *why = NULL;
	size_t pad, len;

	if (size == 0 || size > 8192)
		return 0;
	pad = data[0] & 1 ? BUFFER - data[0] * 4U : 0;
	memset(body, '-', pad);
	memcpy(body + pad, data + 1, size - 1);
	len = pad + size - 1;
	if (ftruncate(fd, 0) != 0 || pwrite(fd, body, len, 0) != (ssize_t)len)
		abort();
	if (multipart_find(fd, (off_t)len, "multipart/form-data; boundary=B", "file", &part, &why))
		check_found(&part, len);
	else if (!why || !why[0])
		abort();
	try_own_type(data, size, len);
	return 0;
}
