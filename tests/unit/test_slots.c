/* The slots of epoch keys: what is put there is there, for all processes at once, until it is
 * overwritten in place. */
#include "scratch.h"

#include "slots.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES SECRET_SEAL_KEY_BYTES

static char dir[SCRATCH_BYTES], path[SCRATCH_BYTES + 16], file[SCRATCH_BYTES + 32];
static char error[SLOTS_ERROR_BYTES];
static struct slots *slots;
static uint8_t keys[SLOTS_COUNT + 1][KEY_BYTES];

static int
set_up(void **state)
{
	(void)state;
	scratch_make(dir);
	snprintf(path, sizeof(path), "%s/bridge.db", dir);
	snprintf(file, sizeof(file), "%s.epochs", path);
	randombytes_buf(keys, sizeof(keys));
	slots = slots_open(path, false, error);
	return secret_init() && slots ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	slots_close(slots);
	scratch_remove(dir);
	return 0;
}

/* Is a key in the file, as another program reads it? */
static bool
file_has(const uint8_t key[static KEY_BYTES])
{
	uint8_t bytes[8192];
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	for (ssize_t i = 0; i + KEY_BYTES <= n; i++)
		if (memcmp(bytes + i, key, KEY_BYTES) == 0)
			return true;
	return false;
}

static void
open_again(void)
{
	slots_close(slots);
	slots = slots_open(path, false, error);
	assert_non_null(slots);
}

TEST(key_that_was_put_is_had_again_and_by_no_other_number)
{
	uint8_t key[KEY_BYTES];

	assert_false(slots_get(slots, 7, key));
	assert_true(slots_put(slots, 7, keys[0]));
	assert_true(slots_get(slots, 7, key));
	assert_memory_equal(key, keys[0], KEY_BYTES);
	assert_false(slots_get(slots, 8, key));
	assert_false(slots_get(slots, 0, key));
}

TEST(file_is_closed_to_others_and_outlives_the_process)
{
	uint8_t key[KEY_BYTES], node[ID_BYTES];
	struct stat st;

	memcpy(node, slots_node(slots), ID_BYTES);
	assert_true(slots_put(slots, 7, keys[0]));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	open_again();
	assert_true(slots_get(slots, 7, key));
	assert_memory_equal(key, keys[0], KEY_BYTES);
	assert_memory_equal(slots_node(slots), node, ID_BYTES);
}

TEST(destroyed_key_is_gone_from_the_file_and_for_every_process)
{
	struct slots *other = slots_open(path, false, error);
	uint8_t key[KEY_BYTES];

	assert_true(slots_put(slots, 7, keys[0]) && slots_put(slots, 8, keys[1]));
	assert_true(slots_get(other, 7, key));
	assert_true(file_has(keys[0]) && file_has(keys[1]));
	assert_true(slots_destroy(slots, 7));
	assert_false(slots_get(other, 7, key));
	assert_false(file_has(keys[0]));
	assert_true(file_has(keys[1]) && slots_get(other, 8, key));
	slots_close(other);
}

TEST(destroying_what_is_not_there_changes_nothing)
{
	uint8_t key[KEY_BYTES];

	assert_true(slots_put(slots, 7, keys[0]));
	assert_true(slots_destroy(slots, 8));
	assert_true(slots_get(slots, 7, key));
}

TEST(slots_are_as_many_as_they_are_and_are_used_again)
{
	int64_t list[SLOTS_COUNT];

	for (int i = 0; i < SLOTS_COUNT; i++)
		assert_true(slots_put(slots, i + 1, keys[i]));
	assert_int_equal(slots_list(slots, list), SLOTS_COUNT);
	assert_false(slots_put(slots, 99, keys[SLOTS_COUNT]));
	assert_true(slots_put(slots, 2, keys[1])); /* it is there */
	assert_true(slots_destroy(slots, 2));
	assert_true(slots_put(slots, 99, keys[SLOTS_COUNT]));
	assert_int_equal(slots_list(slots, list), SLOTS_COUNT);
}

TEST(renewed_pair_opens_no_box_of_the_one_before)
{
	const char word[] = "the key";
	uint8_t box[sizeof(word) + SECRET_BOX_EXTRA_BYTES], plain[sizeof(word)];
	struct secret_pair before = *slots_pair(slots);

	assert_true(secret_box(before.public_half, word, sizeof(word), box));
	assert_true(secret_box_open(slots_pair(slots), box, sizeof(box), plain));
	assert_string_equal((char *)plain, word);
	assert_true(file_has(before.secret_half));
	assert_true(slots_renew(slots));
	assert_false(secret_box_open(slots_pair(slots), box, sizeof(box), plain));
	assert_false(file_has(before.secret_half));
	box[0] ^= 1;
	assert_false(secret_box_open(&before, box, sizeof(box), plain));
	assert_false(secret_box_open(&before, box, SECRET_BOX_EXTRA_BYTES - 1, plain));
}

/* Two machines must not go by one name: what one destroys the other may have. */
TEST(copy_of_the_file_is_another_machine_with_the_same_keys)
{
	char copy[SCRATCH_BYTES + 32], command[4 * SCRATCH_BYTES];
	uint8_t key[KEY_BYTES];
	struct slots *other;

	assert_true(slots_put(slots, 7, keys[0]));
	snprintf(copy, sizeof(copy), "%s/copy.db", dir);
	snprintf(command, sizeof(command), "cp -p %s %s.epochs", file, copy);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	other = slots_open(copy, false, error);
	assert_non_null(other);
	assert_memory_not_equal(slots_node(other), slots_node(slots), ID_BYTES);
	assert_memory_not_equal(
	    slots_pair(other)->secret_half, slots_pair(slots)->secret_half, KEY_BYTES);
	assert_true(slots_get(other, 7, key));
	slots_close(other);
}

/* After a power cut it is the same machine, without its keys. */
TEST(slots_in_memory_are_on_no_disk_and_their_machine_stays_the_same)
{
	char name[64] = "/dev/shm/webchat-relay-";
	uint8_t key[KEY_BYTES], hash[SECRET_HASH_BYTES];
	struct slots *memory = slots_open(path, true, error);
	struct slots *again = slots_open(path, true, error);

	secret_hash(path, hash);
	secret_hex(hash, ID_BYTES, name + strlen(name));
	assert_true(memory && again && slots_put(memory, 7, keys[0]));
	assert_true(slots_get(again, 7, key));
	assert_false(slots_get(slots, 7, key) || file_has(keys[0]));
	assert_false(file_has(slots_pair(memory)->secret_half));
	assert_memory_equal(slots_node(memory), slots_node(slots), ID_BYTES);
	slots_close(memory);
	slots_close(again);
	assert_int_equal(unlink(name), 0);
	memory = slots_open(path, true, error);
	assert_false(slots_get(memory, 7, key));
	assert_memory_equal(slots_node(memory), slots_node(slots), ID_BYTES);
	slots_close(memory);
	assert_int_equal(unlink(name), 0);
}

/* In a folder that is open to all somebody may have made it first. */
TEST(file_that_others_may_read_or_that_is_something_else_is_refused)
{
	assert_int_equal(chmod(file, 0644), 0);
	assert_null(slots_open(path, false, error));
	assert_non_null(strstr(error, "nobody else may read"));
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(truncate(file, 100), 0);
	assert_null(slots_open(path, false, error));
	slots_close(slots);
	slots = NULL;
	assert_int_equal(truncate(file, 0) + truncate(file, 4096), 0);
	scratch_write(dir, "bridge.db.epochs", "somebody else's");
	assert_int_equal(truncate(file, 4096), 0);
	assert_null(slots_open(path, false, error));
	assert_non_null(strstr(error, "Invalid"));
}

TEST(number_of_tombstones_is_had_by_every_process_and_begins_at_none)
{
	struct slots *other = slots_open(path, false, error);

	assert_int_equal(slots_tombstones(other), 0);
	slots_note_tombstones(slots, 17);
	assert_int_equal(slots_tombstones(other), 17);
	slots_close(other);
}

TEST(folder_that_is_not_there_is_said)
{
	assert_null(slots_open("/nonexistent/bridge.db", false, error));
	assert_non_null(strstr(error, "/nonexistent/bridge.db"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
	    key_that_was_put_is_had_again_and_by_no_other_number, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    file_is_closed_to_others_and_outlives_the_process, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    destroyed_key_is_gone_from_the_file_and_for_every_process, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    destroying_what_is_not_there_changes_nothing, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    slots_are_as_many_as_they_are_and_are_used_again, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    renewed_pair_opens_no_box_of_the_one_before, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    copy_of_the_file_is_another_machine_with_the_same_keys, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    slots_in_memory_are_on_no_disk_and_their_machine_stays_the_same, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    file_that_others_may_read_or_that_is_something_else_is_refused, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    number_of_tombstones_is_had_by_every_process_and_begins_at_none, set_up, tear_down),
	cmocka_unit_test_setup_teardown(folder_that_is_not_there_is_said, set_up, tear_down),
};

int
main(void)
{
	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
