#include "bench/mock_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void rules_are_read(void **state)
{
	(void)state;
	char room[256];
	struct text why = TEXT_ON(room);
	struct mock_script script = { .count = 0 };

	assert_true(mock_script_add(&script,
	        VIEW("stage=rcpt,reply=550 5.4.1 No, not "
	             "here,match=nobody@,probability=0.25,limit=7"),
	        &why));
	assert_true(mock_script_add(&script, VIEW("drop=after"), &why));
	assert_int_equal(script.count, 2);
	assert_int_equal(script.rules[0].stage, STAGE_RCPT);
	assert_string_equal(script.rules[0].reply, "550 5.4.1 No, not here");
	assert_string_equal(script.rules[0].match, "nobody@");
	assert_true(script.rules[0].probability == 0.25);
	assert_int_equal(script.rules[0].limit, 7);
	assert_int_equal(script.rules[1].stage, STAGE_ANY);
	assert_int_equal(script.rules[1].drop, MOCK_DROP_AFTER);
}

static void mistakes_are_told(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "stage=eod", "reply", "stage=nowhere,reply=1",
		"drop=now", "reply=1,probability=2", "reply=1,probability=", "reply=1,limit=x",
		"colour=red" };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char room[256];
		struct text why = TEXT_ON(room);
		struct mock_script script = { .count = 0 };
		assert_false(mock_script_add(&script, view_of(wrong[i]), &why));
		assert_true(why.bytes > 0);
		assert_int_equal(script.count, 0);
	}
}

static void first_rule_that_fits_strikes(void **state)
{
	(void)state;
	char room[256];
	struct text why = TEXT_ON(room);
	struct mock_script script = { .count = 0 };
	struct random random;
	size_t strikes = 0;

	random_seed(&random, 1);
	assert_true(mock_script_add(&script, VIEW("stage=eod,reply=1,limit=2"), &why));
	assert_true(mock_script_add(&script, VIEW("stage=mail,match=A@,reply=2"), &why));
	assert_true(mock_script_add(&script, VIEW("stage=rcpt,reply=3,probability=0.5"), &why));
	for (int i = 0; i < 3; i++) {
		const struct mock_rule *rule =
		        mock_script_roll(&script, &random, STAGE_EOD, VIEW(""));
		assert_int_equal(rule != NULL, i < 2);
	}
	assert_null(mock_script_roll(&script, &random, STAGE_MAIL, VIEW("FROM:<b@c>")));
	assert_non_null(mock_script_roll(&script, &random, STAGE_MAIL, VIEW("FROM:<a@c>")));
	for (int i = 0; i < 1000; i++)
		strikes += mock_script_roll(&script, &random, STAGE_RCPT, VIEW("")) != NULL;
	assert_in_range(strikes, 400, 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(first_rule_that_fits_strikes),
	};

	return cmocka_run_group_tests_name("mock_script", tests, NULL, NULL);
}
