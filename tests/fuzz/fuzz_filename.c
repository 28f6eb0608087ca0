/* Fuzzing of names and media types: whatever comes in, what goes out is harmless, stays as it is
 * when it is cleaned again, and fits into a header on one line. */
#include "filename.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(const char *s, size_t room)
{
	if (strlen(s) >= room)
		abort();
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			abort();
}

static void
check_name(const char *name)
{
	char again[FILENAME_BYTES], header[DISPOSITION_BYTES];
	size_t len = strlen(name);

	if (len == 0 || len >= FILENAME_BYTES || !text_is_utf8(name, len) || strpbrk(name, "/\\") ||
	    name[0] == ' ' || name[len - 1] == ' ' || name[len - 1] == '.')
		abort();
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			abort();
	filename_clean(name, len, again);
	if (strcmp(name, again) != 0)
		abort();
	for (int i = 0; i < 2; i++) {
		filename_disposition(name, i, header);
		check_line(header, sizeof(header));
		if (strstr(header, "\"\""))
			abort();
	}
}

static void
check_type(const char *type)
{
	char again[MEDIA_TYPE_BYTES];

	check_line(type, MEDIA_TYPE_BYTES);
	media_type_clean(type, again);
	if (strcmp(type, again) != 0 || !strchr(type, '/') || strpbrk(type, " ;\"\\,"))
		abort();
	if (media_type_is_inert(type) && strncmp(type, "image/", 6) != 0 &&
	    strncmp(type, "audio/", 6) != 0 && strncmp(type, "video/", 6) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[FILENAME_BYTES], type[MEDIA_TYPE_BYTES], *copy = malloc(size + 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	copy[size] = '\0';
	filename_clean((const char *)data, size, name);
	check_name(name);
	media_type_clean(copy, type);
	check_type(type);
	free(copy);
	return 0;
}
