/* Memory of one request: alignment, zeroing, the ceiling, and what a reset leaves behind. */
#include "scratch.h"

#include "arena.h"

#define CHUNK 16384
#define ALIGN _Alignof(max_align_t)

static struct arena a;

static int
set_up(void **state)
{
	(void)state;
	arena_init(&a, 4 * CHUNK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static void
is_zero(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(p[i], 0);
}

TEST(memory_is_aligned_for_every_size)
{
	for (size_t size = 1; size < 100; size++) {
		char *p = arena_alloc(&a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % ALIGN, 0);
	}
}

TEST(memory_is_zeroed_and_pieces_do_not_overlap)
{
	char *one = arena_alloc(&a, 17), *two;

	assert_non_null(one);
	is_zero(one, 17);
	memset(one, 'x', 17);
	two = arena_alloc(&a, 33);
	assert_non_null(two);
	is_zero(two, 33);
	memset(two, 'y', 33);
	for (int i = 0; i < 17; i++)
		assert_int_equal(one[i], 'x');
}

TEST(memory_from_a_heap_that_was_used_is_zeroed)
{
	volatile char *used[4];

	for (size_t i = 0; i < 4; i++) {
		used[i] = malloc(CHUNK + 64);
		assert_non_null(used[i]);
		for (size_t n = 0; n < CHUNK + 64; n++)
			used[i][n] = 'x';
	}
	for (size_t i = 0; i < 4; i++)
		free((void *)(uintptr_t)used[i]);
	is_zero(arena_alloc(&a, CHUNK), CHUNK);
}

TEST(memory_used_again_after_a_reset_is_zeroed)
{
	char *p = arena_alloc(&a, 100);

	assert_non_null(p);
	memset(p, 'x', 100);
	arena_reset(&a);
	assert_ptr_equal(arena_alloc(&a, 100), p);
	is_zero(p, 100);
}

TEST(reset_wipes_what_was_there)
{
	char *p = arena_strdup(&a, "hunter2");

	assert_string_equal(p, "hunter2");
	arena_reset(&a);
	is_zero(p, 8);
}

TEST(reset_keeps_one_small_chunk)
{
	for (int i = 0; i < 3; i++)
		assert_non_null(arena_alloc(&a, CHUNK));
	assert_int_equal(a.total, 3 * CHUNK);
	arena_reset(&a);
	assert_int_equal(a.total, CHUNK);
	assert_non_null(a.head);
	assert_non_null(arena_alloc(&a, CHUNK));
	assert_int_equal(a.total, CHUNK);
}

TEST(reset_keeps_no_large_chunk)
{
	assert_non_null(arena_alloc(&a, 2 * CHUNK));
	arena_reset(&a);
	assert_int_equal(a.total, 0);
	assert_null(a.head);
}

TEST(reset_of_an_empty_arena_does_no_harm)
{
	arena_reset(&a);
	arena_reset(&a);
	assert_int_equal(a.total, 0);
	arena_free(&a);
	assert_non_null(arena_alloc(&a, 1));
}

TEST(ceiling_refuses_more_but_not_what_still_fits)
{
	assert_non_null(arena_alloc(&a, 3 * CHUNK));
	assert_null(arena_alloc(&a, CHUNK + 1));
	assert_non_null(arena_alloc(&a, CHUNK));
	assert_null(arena_alloc(&a, 1));
	assert_int_equal(a.total, 4 * CHUNK);
}

TEST(ceiling_refuses_what_is_larger_than_itself)
{
	assert_null(arena_alloc(&a, 4 * CHUNK + 1));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - ALIGN));
	assert_null(arena_alloc(&a, SIZE_MAX / 2));
	assert_int_equal(a.total, 0);
	assert_non_null(arena_alloc(&a, 4 * CHUNK));
}

TEST(ceiling_is_there_again_after_a_reset)
{
	assert_non_null(arena_alloc(&a, 4 * CHUNK));
	assert_null(arena_alloc(&a, 1));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 4 * CHUNK));
}

TEST(ceiling_below_a_chunk_gives_nothing)
{
	struct arena tiny;

	arena_init(&tiny, CHUNK - 1);
	assert_null(arena_alloc(&tiny, 1));
	arena_free(&tiny);
}

TEST(strdup_copies_and_hands_null_on)
{
	char text[] = "abc", *copy = arena_strdup(&a, text);

	text[0] = 'x';
	assert_string_equal(copy, "abc");
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strdup(&a, ""), "");
}

TEST(strndup_ends_its_copy_and_takes_nuls_as_bytes)
{
	char *copy = arena_strndup(&a, "ab\0cd", 5);

	assert_memory_equal(copy, "ab\0cd", 6);
	assert_string_equal(arena_strndup(&a, "abcd", 2), "ab");
	assert_string_equal(arena_strndup(&a, "abcd", 0), "");
}

TEST(printf_formats_any_length)
{
	char *text = arena_printf(&a, "%s-%d", "a", 7), *wide;

	assert_string_equal(text, "a-7");
	wide = arena_printf(&a, "%*s", 20000, "z");
	assert_non_null(wide);
	assert_int_equal(strlen(wide), 20000);
	assert_string_equal(wide + 19999, "z");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
}

TEST(arena_knows_that_something_was_refused_until_the_reset)
{
	assert_false(a.full);
	assert_non_null(arena_alloc(&a, 4 * CHUNK));
	assert_false(a.full);
	assert_null(arena_alloc(&a, 1));
	assert_true(a.full);
	assert_false(a.gone);
	arena_reset(&a);
	assert_false(a.full);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_true(a.full);
}

TEST(strings_beyond_the_ceiling_are_null)
{
	assert_null(arena_printf(&a, "%*s", 5 * CHUNK, "z"));
	assert_non_null(arena_alloc(&a, 4 * CHUNK));
	assert_null(arena_strdup(&a, "a"));
	assert_null(arena_printf(&a, "a"));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(memory_is_aligned_for_every_size),
	EACH(memory_is_zeroed_and_pieces_do_not_overlap),
	EACH(memory_from_a_heap_that_was_used_is_zeroed),
	EACH(memory_used_again_after_a_reset_is_zeroed),
	EACH(reset_wipes_what_was_there),
	EACH(reset_keeps_one_small_chunk),
	EACH(reset_keeps_no_large_chunk),
	EACH(reset_of_an_empty_arena_does_no_harm),
	EACH(ceiling_refuses_more_but_not_what_still_fits),
	EACH(ceiling_refuses_what_is_larger_than_itself),
	EACH(ceiling_is_there_again_after_a_reset),
	EACH(ceiling_below_a_chunk_gives_nothing),
	EACH(strdup_copies_and_hands_null_on),
	EACH(strndup_ends_its_copy_and_takes_nuls_as_bytes),
	EACH(printf_formats_any_length),
	EACH(arena_knows_that_something_was_refused_until_the_reset),
	EACH(strings_beyond_the_ceiling_are_null),
};

int
main(void)
{
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
