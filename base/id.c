/* Public ids, made by libuuid. */
#include "id.h"

#include <sodium.h>
#include <string.h>
#include <uuid/uuid.h>

#define NEAR_IDS 256 /* about what a page of an index holds */
#define NEAR_BYTES 6

void
id_make(uint8_t out[static ID_BYTES])
{
	uuid_generate_random(out);
}

void
id_make_near(uint8_t out[static ID_BYTES])
{
	static uint8_t first[ID_BYTES];
	static unsigned made;

	if (made++ % NEAR_IDS == 0)
		id_make(first);
	memcpy(out, first, ID_BYTES);
	randombytes_buf(out + NEAR_BYTES, ID_BYTES - NEAR_BYTES);
}

void
id_format(const char *prefix, const uint8_t id[static ID_BYTES], char out[static ID_TEXT_BYTES])
{
	static const char hex[] = "0123456789abcdef";

	memcpy(out, prefix, 4);
	for (int i = 0; i < ID_BYTES; i++) {
		out[4 + 2 * i] = hex[id[i] >> 4];
		out[5 + 2 * i] = hex[id[i] & 15];
	}
	out[4 + 2 * ID_BYTES] = '\0';
}

static int
nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
id_parse(const char *prefix, const char *s, uint8_t out[static ID_BYTES])
{
	if (strncmp(s, prefix, 4) != 0 || strlen(s) != 4 + 2 * ID_BYTES)
		return false;
	for (int i = 0; i < ID_BYTES; i++) {
		int high = nibble(s[4 + 2 * i]), low = nibble(s[5 + 2 * i]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}
