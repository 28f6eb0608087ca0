/* The breaker and the budgets, at made-up times. */
#include "scratch.h"

#include "ask.h"

#define LONGEST 1000

static struct ask shared;
static struct ask_claim ann = { .account_id = 7, .longest_ms = LONGEST },
			bob = { .account_id = 8, .longest_ms = LONGEST };

static int
set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	ask_init(&shared);
	ann.amount = bob.amount = 0;
	ann.a_day = 0;
	return 0;
}

static void
ends(enum engine_result result, int64_t wait_ms, int64_t now)
{
	const struct ask_outcome o = { .result = result, .wait_ms = wait_ms };

	ask_result(&shared, ASK_TRANSLATION, &o, now);
}

static void
fails(int64_t now)
{
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, now, LONGEST), 0);
	ends(ENGINE_NO_RESPONSE, 0, now);
}

TEST(third_failure_in_a_row_shuts_and_each_try_doubles_up_to_a_minute)
{
	static const int64_t pauses[] = { 5000, 10000, 20000, 40000, 60000, 60000 };
	int64_t now = 1;

	fails(now);
	fails(now);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		fails(now);
		assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, now, LONGEST), pauses[i]);
		assert_int_equal(
		    ask_may_call(&shared, ASK_TRANSLATION, now + pauses[i] - 1, LONGEST), 1);
		now += pauses[i];
	}
}

TEST(success_between_failures_begins_anew)
{
	fails(1);
	fails(1);
	ends(ENGINE_DONE, 0, 1);
	fails(1);
	fails(1);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 1, LONGEST), 0);
}

TEST(what_the_engine_refuses_is_no_failure)
{
	for (int i = 0; i < 5; i++)
		ends(ENGINE_REFUSED, 0, 1);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 1, LONGEST), 0);
}

TEST(one_call_tries_it_out_and_one_that_dies_lets_another)
{
	for (int i = 0; i < 3; i++)
		fails(1);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 6000, LONGEST), 0);
	assert_true(ask_may_call(&shared, ASK_TRANSLATION, 6000, LONGEST) > 0);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 6000 + LONGEST, LONGEST), 0);
	ends(ENGINE_DONE, 0, 7000);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 7000, LONGEST), 0);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 7000, LONGEST), 0);
}

TEST(late_failures_make_the_pause_no_longer)
{
	for (int i = 0; i < 3; i++)
		fails(1);
	for (int i = 0; i < 9; i++)
		ends(ENGINE_NO_RESPONSE, 0, 2);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 2, LONGEST), 4999);
}

TEST(wish_for_a_pause_is_kept)
{
	ends(ENGINE_LATER, 7000, 1);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 1, LONGEST), 7000);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSLATION, 7001, LONGEST), 0);
}

TEST(two_calls_at_a_time)
{
	struct ask_claim second = ann, third = ann;

	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	assert_int_equal(ask_claim(&shared, &second, 1), 0);
	assert_true(ask_claim(&shared, &third, 1) > 0);
	assert_int_equal(ask_claim(&shared, &bob, 1), 0);
	ask_release(&shared, &second, 0);
	assert_int_equal(ask_claim(&shared, &third, 1), 0);
	/* whose worker died */
	assert_int_equal(ask_claim(&shared, &second, 1 + LONGEST), 0);
}

TEST(sixty_calls_a_minute)
{
	for (int i = 0; i < ASK_PER_MINUTE; i++) {
		assert_int_equal(ask_claim(&shared, &ann, 1000), 0);
		ask_release(&shared, &ann, 0);
	}
	assert_int_equal(ask_claim(&shared, &ann, 31000), 30000);
	assert_int_equal(ask_claim(&shared, &ann, 61000), 0);
}

TEST(characters_of_a_day)
{
	ann.a_day = 10;
	ann.amount = 6;
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	assert_int_equal(ask_claim(&shared, &ann, 1), 86400000);
	ask_release(&shared, &ann, 2);
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	assert_int_equal(ask_claim(&shared, &ann, 86400001), 0);
}

TEST(more_accounts_than_there_is_room_for_replace_the_oldest)
{
	ann.a_day = ann.amount = 1;
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	for (int i = 0; i < ASK_ACCOUNTS; i++) {
		struct ask_claim c = { .account_id = 100 + i, .longest_ms = LONGEST };

		assert_int_equal(ask_claim(&shared, &c, 2 + i), 0);
		ask_release(&shared, &c, 0);
	}
	assert_int_equal(ask_claim(&shared, &ann, 5000), 0);
}

TEST(engines_have_breakers_of_their_own)
{
	for (int i = 0; i < 3; i++)
		fails(1);
	assert_true(ask_may_call(&shared, ASK_TRANSLATION, 1, LONGEST) > 0);
	assert_int_equal(ask_may_call(&shared, ASK_TRANSCRIPTION, 1, LONGEST), 0);
}

TEST(engines_have_budgets_of_their_own)
{
	struct ask_claim speech = ann;

	ann.a_day = ann.amount = 10;
	speech.engine = ASK_TRANSCRIPTION;
	speech.a_day = speech.amount = 20;
	speech.at_once = 2;
	assert_int_equal(ask_claim(&shared, &ann, 1), 0);
	ask_release(&shared, &ann, 0);
	assert_int_equal(ask_claim(&shared, &speech, 1), 0);
	ask_release(&shared, &speech, 0);
	assert_int_equal(ask_claim(&shared, &speech, 1), 86400000);
	assert_false(speech.busy);
	ask_release(&shared, &speech, 20);
	assert_int_equal(ask_claim(&shared, &ann, 1), 86400000);
}

TEST(so_many_transcriptions_at_a_time_of_all_accounts)
{
	struct ask_claim first = { .account_id = 1,
		.engine = ASK_TRANSCRIPTION,
		.longest_ms = LONGEST,
		.at_once = 1 },
			 second = first;

	second.account_id = 2;
	assert_int_equal(ask_claim(&shared, &first, 1), 0);
	assert_true(ask_claim(&shared, &second, 1) > 0);
	assert_true(second.busy);
	assert_int_equal(ask_claim(&shared, &bob, 1), 0);
	ask_release(&shared, &first, 0);
	assert_int_equal(ask_claim(&shared, &second, 1), 0);
	assert_false(second.busy);
	/* whose worker died */
	assert_int_equal(ask_claim(&shared, &first, 1 + LONGEST), 0);
}

TEST(refused_transcription_uses_nothing_up)
{
	struct ask_claim first = { .account_id = 1,
		.engine = ASK_TRANSCRIPTION,
		.longest_ms = LONGEST,
		.at_once = 1,
		.amount = 5,
		.a_day = 5 },
			 second = first;

	second.account_id = 2;
	assert_int_equal(ask_claim(&shared, &first, 1), 0);
	assert_true(ask_claim(&shared, &second, 1) > 0);
	ask_release(&shared, &first, 0);
	assert_int_equal(ask_claim(&shared, &second, 1), 0);
}

#define EACH(name) cmocka_unit_test_setup(name, set_up)

TEST(how_engines_did_is_forgotten_with_the_workers_that_met_it)
{
	for (int i = 0; i < 3; i++)
		fails(1);
	assert_int_equal(ask_shut_ms(&shared, ASK_TRANSLATION, 1), 5000);
	ask_reopen(&shared);
	assert_int_equal(ask_shut_ms(&shared, ASK_TRANSLATION, 1), 0);
}

static int
count_of_languages(void)
{
	struct languages known;

	ask_languages(&shared, &known);
	return known.count;
}

/* An engine whose languages the settings name. */
static struct conf
engine_that_knows(char *languages)
{
	static char url[] = "http://127.0.0.1:1";

	return (struct conf){ .translate_timeout_ms = LONGEST,
		.translate_url = url,
		.translate_languages = languages };
}

TEST(languages_stay_until_a_worker_with_the_new_settings_asked)
{
	char en_es[] = "en,es", en_es_he[] = "en,es,he";
	const struct conf two = engine_that_knows(en_es), three = engine_that_knows(en_es_he);

	ask_tend(&shared, &two, 0);
	assert_int_equal(count_of_languages(), 2);
	ask_renew(&shared, 1);
	assert_int_equal(count_of_languages(), 2);
	ask_tend(&shared, &two, 0); /* an old one, which has nothing to say any more */
	assert_int_equal(shared.languages_due_ms, 0);
	ask_tend(&shared, &three, 1);
	assert_int_equal(count_of_languages(), 3);
	ask_reopen(&shared); /* the old ones are gone */
	assert_int_equal(count_of_languages(), 3);
}

static const struct CMUnitTest tests[] = {
	EACH(third_failure_in_a_row_shuts_and_each_try_doubles_up_to_a_minute),
	EACH(success_between_failures_begins_anew),
	EACH(what_the_engine_refuses_is_no_failure),
	EACH(one_call_tries_it_out_and_one_that_dies_lets_another),
	EACH(late_failures_make_the_pause_no_longer),
	EACH(wish_for_a_pause_is_kept),
	EACH(two_calls_at_a_time),
	EACH(sixty_calls_a_minute),
	EACH(characters_of_a_day),
	EACH(engines_have_breakers_of_their_own),
	EACH(engines_have_budgets_of_their_own),
	EACH(so_many_transcriptions_at_a_time_of_all_accounts),
	EACH(refused_transcription_uses_nothing_up),
	EACH(how_engines_did_is_forgotten_with_the_workers_that_met_it),
	EACH(languages_stay_until_a_worker_with_the_new_settings_asked),
	EACH(more_accounts_than_there_is_room_for_replace_the_oldest),
};

int
main(void)
{
	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
