/* Sealed bodies: what is sealed opens again, and nothing else does. */
#include "store_fixture.h"

#include "body.h"

#include <sodium.h>

static const char *const full[BODY__MAX] = {
#define SEALED(NAME, field, shown) #field " \xf0\x9f\x98\x80",
#include "sealed.def"
#undef SEALED
};
static uint8_t id[ID_BYTES];
static struct body sealed;

static int
set_up(void **state)
{
	if (store_setup(state) != 0)
		return -1;
	id_make(id);
	return body_seal(id, full, BODY__MAX, &sealed) ? 0 : -1;
}

static int
tear_down(void **state)
{
	body_free(&sealed);
	return store_teardown(state);
}

/* A statement of the test's own, as the store hands it on. */
static struct db_stmt *
as_row(sqlite3_stmt *st)
{
	static struct sqlite_stmt row;

	row = (struct sqlite_stmt){ .base = { .driver = &engine_sqlite }, .st = st };
	return &row.base;
}

/* Opens `len` bytes of a body with a key (NULL: there is none) as they would come from a row. */
static bool
open_as(const uint8_t *open_id, const void *blob, size_t len, const uint8_t *key,
    char *parts[static BODY__MAX])
{
	sqlite3_stmt *st = NULL;
	enum db_result r;

	assert_int_equal(
	    sqlite3_prepare_v2(sqlite_of(store.db->engine)->handle, "SELECT $1, $2", -1, &st, NULL),
	    SQLITE_OK);
	sqlite3_bind_blob64(st, 1, blob, len, SQLITE_STATIC);
	if (key)
		sqlite3_bind_blob(st, 2, key, SECRET_SEAL_KEY_BYTES, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	r = body_open(store.db, as_row(st), 0, open_id, &store.arena, parts, BODY__MAX);
	sqlite3_finalize(st);
	return r == DB_DONE;
}

/* It opens, to an empty text and nothing else. */
static void
says_nothing(const uint8_t *open_id, const void *blob, size_t len, const uint8_t *key)
{
	char *parts[BODY__MAX];

	memset(parts, 1, sizeof(parts));
	assert_true(open_as(open_id, blob, len, key, parts));
	assert_string_equal(parts[BODY_TEXT], "");
	for (int i = 1; i < BODY__MAX; i++)
		assert_null(parts[i]);
}

TEST(every_part_comes_back)
{
	char *parts[BODY__MAX];

	assert_true(open_as(id, sealed.sealed, sealed.len, sealed.key, parts));
	for (int i = 0; i < BODY__MAX; i++)
		assert_string_equal(parts[i], full[i]);
}

TEST(part_that_was_left_out_is_left_out_and_an_empty_one_is_empty)
{
	const char *const some[BODY__MAX] = { [BODY_TEXT] = "", [BODY_TITLE] = "title" };
	char *parts[BODY__MAX];
	struct body b;

	assert_true(body_seal(id, some, BODY__MAX, &b));
	assert_true(open_as(id, b.sealed, b.len, b.key, parts));
	assert_string_equal(parts[BODY_TEXT], "");
	assert_string_equal(parts[BODY_TITLE], "title");
	assert_null(parts[BODY_SUBJECT]);
	assert_null(parts[BODY_ATTACHMENTS]);
	body_free(&b);
	assert_null(b.sealed);
}

/* Its record has room in memory and its text has none: that is no text, not an empty one. */
TEST(body_that_memory_has_no_room_for_is_a_failure_and_not_an_empty_text)
{
	static char large[200000];
	const char *const some[BODY__MAX] = { [BODY_TEXT] = large };
	const size_t ceiling = store.arena.ceiling;
	char *parts[BODY__MAX];
	struct body b;

	memset(large, 'x', sizeof(large) - 1);
	assert_true(body_seal(id, some, BODY__MAX, &b));
	arena_reset(&store.arena);
	store.arena.ceiling = b.len + sizeof(large) / 2;
	assert_false(open_as(id, b.sealed, b.len, b.key, parts));
	assert_true(store.arena.full);
	store.arena.ceiling = ceiling;
	arena_reset(&store.arena);
	assert_true(open_as(id, b.sealed, b.len, b.key, parts));
	assert_string_equal(parts[BODY_TEXT], large);
	body_free(&b);
}

TEST(same_text_is_sealed_otherwise_each_time)
{
	struct body again;

	assert_true(body_seal(id, full, BODY__MAX, &again));
	assert_int_equal(again.len, sealed.len);
	assert_memory_not_equal(again.sealed, sealed.sealed, sealed.len);
	assert_memory_not_equal(again.key, sealed.key, sizeof(sealed.key));
	body_free(&again);
}

TEST(sealed_body_does_not_hold_its_text)
{
	assert_null(memmem(sealed.sealed, sealed.len, "subject", 7));
}

TEST(wrong_key_wrong_message_and_missing_key_say_nothing)
{
	uint8_t other[ID_BYTES], key[SECRET_SEAL_KEY_BYTES];

	id_make(other);
	says_nothing(other, sealed.sealed, sealed.len, sealed.key);
	memcpy(key, sealed.key, sizeof(key));
	key[31] ^= 1;
	says_nothing(id, sealed.sealed, sealed.len, key);
	says_nothing(id, sealed.sealed, sealed.len, NULL);
}

TEST(body_cut_anywhere_says_nothing)
{
	for (size_t len = 1; len < sealed.len; len++)
		says_nothing(id, sealed.sealed, len, sealed.key);
}

TEST(body_with_any_byte_changed_says_nothing)
{
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.sealed[i] ^= 0x80;
		says_nothing(id, sealed.sealed, sealed.len, sealed.key);
		sealed.sealed[i] ^= 0x80;
	}
}

TEST(scrubbed_body_says_nothing)
{
	says_nothing(id, "", 0, NULL);
	says_nothing(id, "", 0, sealed.key);
}

/* Makes a record of version 1 of what is packed in `plain`. */
static void
seal_plain(const void *plain, size_t len, uint8_t *blob)
{
	uint8_t bound[ID_BYTES + 1];

	memcpy(bound, id, ID_BYTES);
	bound[ID_BYTES] = blob[0] = 1;
	secret_seal(
	    &(struct secret_bound){ bound, sizeof(bound) }, plain, len, sealed.key, blob + 1);
}

/* A plain text that is sealed well but packed wrong, as another version might. */
static void
packed_wrong(const void *plain, size_t len)
{
	uint8_t blob[256];

	seal_plain(plain, len, blob);
	says_nothing(id, blob, 1 + len + SECRET_SEAL_EXTRA_BYTES, sealed.key);
}

TEST(body_that_is_packed_wrong_says_nothing)
{
	/* a text of one byte, then all parts left out, then a byte too many */
	static const uint8_t well[] = { 2, 0, 0, 0, 'x', [4 * BODY__MAX + 1] = 'y' };
	static const uint8_t no_text[4 * BODY__MAX];
	uint8_t too_long[4 * BODY__MAX + 1], huge[4 * BODY__MAX];

	memset(too_long, 'x', sizeof(too_long));
	memcpy(too_long, (const uint8_t[]){ 4 * (BODY__MAX - 1) + 3, 0, 0, 0 }, 4);
	memset(huge, 0xff, sizeof(huge));
	for (size_t len = 0; len < sizeof(well) - 1; len++)
		if (len == 0 || len % 4 != 1) /* else some parts are missing */
			packed_wrong(well, len);
	packed_wrong(well, 1);
	packed_wrong(well, sizeof(well));
	packed_wrong(no_text, sizeof(no_text));
	packed_wrong(too_long, sizeof(too_long));
	packed_wrong(huge, sizeof(huge));
}

/* `hex` as bytes; returns how many. */
static size_t
from_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t len = 0;

	assert_int_equal(sodium_hex2bin(out, size, hex, strlen(hex), NULL, &len, NULL), 0);
	return len;
}

/* Records as older programs made them: of "text", "subject", no title, "source", "[]", "", and no
 * event where the version has one. They must open for ever. */
TEST(golden_records_of_every_version_open)
{
	static const struct {
		const char *key, *record;
	} golden[] = {
		{ "afe57022b9adf31d3b048fa8e9f46a36ce96064aa3ffd3859c154c8caf8f08bf",
		    "085f3d402428fb504d68c501142dd180ffb647771e2794165b57d06da8cd2add45662869fdbbaf"
		    "632a402e9c5b3858c0c6153a3f5d8b5a54b5c4bfc11a39ff18f46e393f4edf72beba4d4428e8f0"
		    "3e721cd369" },
		{ "6ea34ad33dace4187734c3ccb65c248e0af5d181c3be64d60c720f59052de8e7",
		    "01e1424761f9021bd991db2188e016f6a42cf7b84c4ebb2bafa34df41afaf2b02f6cf23c60f446"
		    "b5da718773b627a056cc38a122db95df1be1a5bfa00edaec19ce6f382f2adebf28b5df4bc88bc8"
		    "d471c7d5ec633ec52d2f" },
	};

	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		uint8_t key[SECRET_SEAL_KEY_BYTES], record[512], its_id[ID_BYTES];
		char *parts[BODY__MAX];
		size_t len = from_hex(golden[i].record, record, sizeof(record));

		for (int n = 0; n < ID_BYTES; n++)
			its_id[n] = (uint8_t)n;
		from_hex(golden[i].key, key, sizeof(key));
		assert_true(open_as(its_id, record, len, key, parts));
		assert_string_equal(parts[BODY_TEXT], "text");
		assert_string_equal(parts[BODY_SUBJECT], "subject");
		assert_null(parts[BODY_TITLE]);
		assert_string_equal(parts[BODY_SOURCE], "source");
		assert_string_equal(parts[BODY_ATTACHMENTS], "[]");
		assert_string_equal(parts[BODY_WAVEFORM], "");
		assert_null(parts[BODY_FACT]);
		record[0] ^= 3;
		says_nothing(its_id, record, len, key);
	}
}

TEST(record_without_version_whose_first_byte_looks_like_one_opens)
{
	static const uint8_t plain[] = { 2, 0, 0, 0, 'x' };
	uint8_t blob[sizeof(plain) + SECRET_SEAL_EXTRA_BYTES];
	char *parts[BODY__MAX];

	do
		secret_seal(
		    &(struct secret_bound){ id, ID_BYTES }, plain, sizeof(plain), sealed.key, blob);
	while (blob[0] != 1);
	assert_true(open_as(id, blob, sizeof(blob), sealed.key, parts));
	assert_string_equal(parts[BODY_TEXT], "x");
}

TEST(parts_that_are_missing_are_left_out_and_later_ones_passed_over)
{
	uint8_t plain[5 + 4 * BODY__MAX + 6] = { 2, 0, 0, 0, 'x', 0, 0, 0, 0, 2, 0, 0, 0, 't' };
	uint8_t blob[256];
	char *parts[BODY__MAX];
	const size_t surplus = 14 + 4 * (BODY__MAX - 3);

	seal_plain(plain, 14, blob);
	assert_true(open_as(id, blob, 15 + SECRET_SEAL_EXTRA_BYTES, sealed.key, parts));
	assert_string_equal(parts[BODY_TEXT], "x");
	assert_string_equal(parts[BODY_TITLE], "t");
	assert_null(parts[BODY_SOURCE]);
	memcpy(plain + surplus, (const uint8_t[]){ 2, 0, 0, 0, 'z' }, 5);
	seal_plain(plain, surplus + 5, blob);
	assert_true(
	    open_as(id, blob, 1 + surplus + 5 + SECRET_SEAL_EXTRA_BYTES, sealed.key, parts));
	assert_string_equal(parts[BODY_TEXT], "x");
	assert_string_equal(parts[BODY_TITLE], "t");
	assert_null(parts[BODY_FACT]);
}

TEST(text_of_64_kib_is_counted_without_its_wrapping)
{
	static char text[65537];
	const char *const parts[BODY__MAX] = { text };
	char *got[BODY__MAX];
	sqlite3_stmt *st = NULL;
	struct body b;

	memset(text, 'x', sizeof(text) - 1);
	assert_true(body_seal(id, parts, BODY__MAX, &b));
	assert_true(open_as(id, b.sealed, b.len, b.key, got));
	assert_string_equal(got[BODY_TEXT], text);
	sqlite3_prepare_v2(sqlite_of(store.db->engine)->handle, "SELECT $1", -1, &st, NULL);
	sqlite3_bind_blob64(st, 1, b.sealed, b.len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(body_text_bytes(as_row(st), 0), sizeof(text) - 1);
	sqlite3_reset(st);
	sqlite3_bind_blob64(st, 1, b.sealed, 3, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(body_text_bytes(as_row(st), 0), 0);
	sqlite3_finalize(st);
	body_free(&b);
}

TEST(body_that_does_not_fit_its_key_does_not_stop_the_stream)
{
	struct member ann = sign_in("ann"), bob = sign_in("bob");

	send_text(&ann, &bob, "one");
	send_text(&ann, &bob, "two");
	send_text(&ann, &bob, "three");
	store_other_runs("UPDATE message SET body = randomblob(60) WHERE id = (SELECT id FROM "
			 "message ORDER BY id LIMIT 1 OFFSET 1)");
	polls(&bob, 0, "one  three");
}

static int
quiet(void **state)
{
	int r = set_up(state);

	log_setup(
	    "unit", (enum log_level)(LOG_LEVEL_NOTICE)); /* what is wrong here is meant to be */
	return r;
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, quiet, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(every_part_comes_back),
		EACH(part_that_was_left_out_is_left_out_and_an_empty_one_is_empty),
		EACH(body_that_memory_has_no_room_for_is_a_failure_and_not_an_empty_text),
		EACH(same_text_is_sealed_otherwise_each_time),
		EACH(sealed_body_does_not_hold_its_text),
		EACH(wrong_key_wrong_message_and_missing_key_say_nothing),
		EACH(body_cut_anywhere_says_nothing),
		EACH(body_with_any_byte_changed_says_nothing),
		EACH(scrubbed_body_says_nothing),
		EACH(body_that_is_packed_wrong_says_nothing),
		EACH(golden_records_of_every_version_open),
		EACH(record_without_version_whose_first_byte_looks_like_one_opens),
		EACH(parts_that_are_missing_are_left_out_and_later_ones_passed_over),
		EACH(text_of_64_kib_is_counted_without_its_wrapping),
		EACH(body_that_does_not_fit_its_key_does_not_stop_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
