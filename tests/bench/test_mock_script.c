#include "bench/mock_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mock_script script;
static struct random dice;

static int setup(void **state)
{
	(void)state;
	script = (struct mock_script){ 0 };
	random_seed(&dice, 1);
	return 0;
}

static bool add(const char *rule)
{
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	const bool added = mock_script_add(&script, view_of(rule), &why);

	assert_int_equal(added, why.bytes == 0);
	return added;
}

static void test_reads_rules(void **state)
{
	(void)state;
	assert_true(add("stage=eod,reply=432 4.3.2 Limit, exceeded.,probability=0.25,limit=7"));
	const struct mock_rule *rule = &script.rules[0];
	assert_int_equal(rule->stage, STAGE_EOD);
	assert_int_equal(rule->drop, MOCK_DROP_NONE);
	assert_string_equal(rule->reply, "432 4.3.2 Limit, exceeded.");
	assert_true(rule->probability == 0.25);
	assert_int_equal(rule->limit, 7);
	assert_true(add("drop=after"));
	assert_int_equal(script.rules[1].stage, STAGE_ANY);
	assert_int_equal(script.rules[1].drop, MOCK_DROP_AFTER);
	assert_true(add("stage=rcpt,match=nobody@,drop=before"));
	assert_string_equal(script.rules[2].match, "nobody@");
	assert_true(add("stage=mail,lie=garbage,reply=what?"));
	assert_int_equal(script.rules[3].lie, MOCK_LIE_GARBAGE);
	assert_true(add("lie=drip"));
	assert_int_equal(script.rules[4].lie, MOCK_LIE_DRIP);
	assert_true(add("reply=354 go on,lie=extra"));
	assert_string_equal(script.rules[5].reply, "354 go on");
	assert_int_equal(script.rules[5].lie, MOCK_LIE_EXTRA);
}

static void test_refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"stage=eod",
		"stage=breakfast,drop=after",
		"drop=never",
		"drop=after,probability=2",
		"drop=after,probability=-1",
		"drop=after,probability=",
		"drop=after,probability=1x",
		"drop=after,limit=some",
		"colour=red,drop=after",
		"drop",
		/* A reply is one; and only some lies need one. */
		"reply=xx",
		"reply=650 2.0.0 no",
		"reply=nothing",
		"lie=extra",
		"lie=wild,reply=250 ok",
		"lie=drip,reply=250 ok",
		"drop=after,reply=250 ok",
		"stage=eod, reply=250 ok",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(add(wrong[i]));
	assert_int_equal(script.count, 0);
	while (script.count < MOCK_RULES_MAX)
		assert_true(add("drop=after"));
	assert_false(add("drop=after"));
}

static void test_strikes_by_stage_and_match(void **state)
{
	(void)state;
	assert_true(add("stage=rcpt,match=Nobody@,reply=550 5.4.1 no"));
	assert_null(mock_script_roll(&script, &dice, STAGE_MAIL, VIEW("FROM:<nobody@x>")));
	assert_null(mock_script_roll(&script, &dice, STAGE_RCPT, VIEW("TO:<someone@x>")));
	assert_ptr_equal(mock_script_roll(&script, &dice, STAGE_RCPT, VIEW("TO:<NOBODY@x>")),
	        &script.rules[0]);
	assert_int_equal(script.rules[0].count, 1);
}

static void test_strikes_so_often(void **state)
{
	(void)state;
	assert_true(add("stage=eod,drop=before,limit=2"));
	assert_true(add("reply=451 4.7.0 later"));
	assert_ptr_equal(mock_script_roll(&script, &dice, STAGE_EOD, VIEW("")), &script.rules[0]);
	assert_ptr_equal(mock_script_roll(&script, &dice, STAGE_EOD, VIEW("")), &script.rules[0]);
	assert_ptr_equal(mock_script_roll(&script, &dice, STAGE_EOD, VIEW("")), &script.rules[1]);
}

/* The same seed gives the same answers. */
static void test_rolls_dice(void **state)
{
	(void)state;
	unsigned count = 0;

	assert_true(add("drop=after,probability=0.1"));
	assert_true(add("drop=before,probability=0"));
	for (int i = 0; i < 10000; i++)
		count += mock_script_roll(&script, &dice, STAGE_EOD, VIEW("")) != NULL;
	assert_in_range(count, 900, 1100);
	assert_int_equal(script.rules[0].count, count);
	assert_int_equal(script.rules[1].count, 0);
	random_seed(&dice, 1);
	unsigned again = 0;
	for (int i = 0; i < 10000; i++)
		again += mock_script_roll(&script, &dice, STAGE_EOD, VIEW("")) != NULL;
	assert_int_equal(again, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reads_rules, setup),
		cmocka_unit_test_setup(test_refuses_what_is_none, setup),
		cmocka_unit_test_setup(test_strikes_by_stage_and_match, setup),
		cmocka_unit_test_setup(test_strikes_so_often, setup),
		cmocka_unit_test_setup(test_rolls_dice, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
