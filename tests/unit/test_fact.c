/* Facts: what is packed comes back, and nothing that people are called is taken for more. */
#include "store_fixture.h"

#include "fact.h"

static const char *const odd_names[] = { "", "7 1 2 ", "%s%n%99999d", "{name}",
	"a\x1f"
	"b\nc",
	"\xe2\x80\xae"
	"evil\xe2\x81\xa9",
	"\xd7\xa2\xd7\x93\xd7\x94", "0 0 0 0 0 0 " };

static struct fact *
round_trip(const struct fact *f)
{
	char packed[FACT_BYTES];
	struct fact *out = NULL;

	assert_true(fact_pack(f, packed));
	assert_true(fact_unpack(&store.arena, packed, &out));
	assert_non_null(out);
	return out;
}

TEST(every_type_and_role_comes_back)
{
	for (int type = 0; type < FACT__MAX; type++)
		for (int role = GROUP_NOBODY; role <= GROUP_OWNER; role++) {
			const struct fact f = { .type = (enum fact_type)type,
				.role = (enum group_role)role,
				.actor_id = 7 + type,
				.address = "ann",
				.name = "Ann",
				.group_name = "Hikers" };
			const struct fact *got = round_trip(&f);

			assert_int_equal(got->type, type);
			assert_int_equal(got->role, role);
			assert_int_equal(got->actor_id, 7 + type);
			assert_string_equal(got->address, "ann");
			assert_false(got->has_request);
			assert_null(got->actor);
		}
}

TEST(names_come_back_to_the_letter)
{
	for (size_t i = 0; i < ARRAY_LEN(odd_names); i++)
		for (size_t k = 0; k < ARRAY_LEN(odd_names); k++) {
			const struct fact f = { .type = FACT_INVITED,
				.role = GROUP_NOBODY,
				.actor_id = FACT_BY_THEMSELVES,
				.address = odd_names[k],
				.name = odd_names[i],
				.group_name = odd_names[k] };
			const struct fact *got = round_trip(&f);

			assert_string_equal(got->name, odd_names[i]);
			assert_string_equal(got->address, odd_names[k]);
			assert_string_equal(got->group_name, odd_names[k]);
		}
}

TEST(what_is_no_fact_of_this_program_is_none)
{
	static const char *const others[] = { "", "{\"type\":\"joined\"}", "0", "0 0 0 0 0 0",
		"0 0 0 1 1 1 ab", "0 0 0 1 1 1 abcd", "-1 0 0 0 0 0 ", "99 0 0 0 0 0 ",
		"0 9 0 0 0 0 ", "0 0 0 -1 1 0 ", "0 0 0 9223372036854775807 1 1 a",
		"0 0 0 99999999999999999999 0 0 " };

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct fact *out = (struct fact *)&others;

		assert_true(fact_unpack(&store.arena, others[i], &out));
		assert_null(out);
	}
}

TEST(names_that_are_too_long_are_refused_and_the_longest_fit)
{
	char packed[FACT_BYTES], name[2 * FACT_BYTES];
	struct fact f = { .address = "", .name = name, .group_name = "" };

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(fact_pack(&f, packed));
	name[256] = '\0'; /* the longest name; twice that is more than a group's or an address */
	f.address = f.group_name = name;
	assert_true(fact_pack(&f, packed));
}

TEST(actor_is_named_while_their_account_is_there)
{
	struct member ann = sign_in("ann");
	struct fact f = { .actor_id = ann.acc.id };

	assert_int_equal(fact_name_actor(store.db, &store.arena, &f), DB_DONE);
	assert_string_equal(f.actor, "ann");
	f = (struct fact){ .actor_id = ann.acc.id + 1 };
	assert_int_equal(fact_name_actor(store.db, &store.arena, &f), DB_DONE);
	assert_null(f.actor);
	f = (struct fact){ .actor_id = FACT_BY_THEMSELVES, .address = "eve" };
	assert_int_equal(fact_name_actor(store.db, &store.arena, &f), DB_DONE);
	assert_string_equal(f.actor, "eve");
	f = (struct fact){ .address = "eve" };
	assert_int_equal(fact_name_actor(store.db, &store.arena, &f), DB_DONE);
	assert_null(f.actor);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
	EACH(every_type_and_role_comes_back),
	EACH(names_come_back_to_the_letter),
	EACH(what_is_no_fact_of_this_program_is_none),
	EACH(names_that_are_too_long_are_refused_and_the_longest_fit),
	EACH(actor_is_named_while_their_account_is_there),
};

int
main(void)
{
	return cmocka_run_group_tests_name("fact", tests, NULL, NULL);
}
