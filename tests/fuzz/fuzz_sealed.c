/* Fuzzing of sealed records: whatever was sealed is unpacked into parts or refused, and what was
 * packed comes out as it went in; a record that was changed does not open. */
#include "body.c" /* for its static functions */

#include <stdint.h>

#define PARTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_unpack(const uint8_t *data, size_t size)
{
	char *parts[PARTS] = { NULL };
	struct arena a;
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return;
	memcpy(copy, data, size);
	arena_init(&a, 1 << 20);
	if (unpack(copy, size, &a, parts, PARTS))
		for (int i = 0; i < PARTS; i++)
			if (parts[i] && strlen(parts[i]) > size)
				abort();
	arena_free(&a);
	free(copy);
}

/* The input as parts, at its zeros. */
static void
check_round_trip(const uint8_t *data, size_t size)
{
	static const uint8_t id[ID_BYTES] = { 1 };
	const char *in[PARTS] = { NULL };
	char *out[PARTS] = { NULL }, *copy = malloc(size + 1);
	struct body b;
	uint8_t *plain;
	size_t len, at = 0;
	struct arena a;

	if (!copy)
		return;
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (int i = 0; i < PARTS && at <= size; i++) {
		in[i] = copy + at;
		at += strlen(copy + at) + 1;
	}
	arena_init(&a, 1 << 20);
	if (!body_seal(id, in, PARTS, &b) || !(plain = arena_alloc(&a, b.len)))
		abort();
	if (!open_record(id, b.key, b.sealed, b.len, plain, &len) ||
	    !unpack(plain, len, &a, out, PARTS))
		abort();
	for (int i = 0; i < PARTS; i++)
		if (!in[i] != !out[i] || (in[i] && strcmp(in[i], out[i]) != 0))
			abort();
	b.sealed[size % b.len] ^= (uint8_t)(1 << size % 8);
	if (open_record(id, b.key, b.sealed, b.len, plain, &len))
		abort();
	body_free(&b);
	arena_free(&a);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_unpack(data, size);
	check_round_trip(data, size);
	return 0;
}
