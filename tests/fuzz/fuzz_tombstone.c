/* Fuzzing of the file of tombstones: whatever stands in it, a backup is put back whole or not at
 * all, and the relay starts on what is there. Each record is 'm', 'a' or 'r' and 16 bytes; the
 * bytes of messages and accounts that there are, are in the dictionary's place: a byte 1 to 9
 * behind the letter takes one of them. */
#include "fuzz_relay.h"

#include <fcntl.h>
#include <unistd.h>

#define RECORD 17

static char copy[WORLD_PATH * 2], stones[WORLD_PATH * 2];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct db_options o;
	char error[DB_ERROR_BYTES];

	(void)argc, (void)argv;
	relay_make();
	o = db_options_of(&world.conf);
	snprintf(copy, sizeof(copy), "%s/copy.db", world.dir);
	snprintf(stones, sizeof(stones), "%s.tombstones", world.conf.db_path);
	if (!db_backup(&o, copy, true, NULL, error))
		give_up("%s", error);
	return 0;
}

/* The ids of messages that there are. */
static void
name_real(uint8_t *record)
{
	static const char *const names[] = { "{message}", "{direct}", "{fresh}" };
	const char *hex;

	if (record[0] != 'm' || record[1] == 0 || record[1] > 9)
		return;
	hex = strchr(world_text(names[record[1] % 3]), '_');
	for (int i = 0; hex && i < ID_BYTES; i++) {
		unsigned byte = 0;

		sscanf(hex + 1 + 2 * i, "%2x", &byte);
		record[1 + i] = (uint8_t)byte;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct db_options o = db_options_of(&world.conf);
	char error[DB_ERROR_BYTES] = "", why[CHECK_BYTES];
	uint8_t records[32 * RECORD];
	uint64_t state;
	int fd, applied;

	size = size < sizeof(records) ? size : sizeof(records);
	memcpy(records, data, size);
	for (size_t at = 0; at + RECORD <= size; at += RECORD)
		name_real(records + at);
	check_put_back();
	fd = open(stones, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, records, size) != (ssize_t)size || close(fd) != 0)
		give_up("%s", stones);
	if (!db_restore(&o, copy, &applied, error) && !error[0])
		abort();
	if (!world_open(error) || !check_look(&state, why)) {
		fprintf(stderr, "%s %s\n", error, why);
		abort();
	}
	world_close();
	return 0;
}
