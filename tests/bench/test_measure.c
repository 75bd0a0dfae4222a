#include "bench/measure.h"

#include "bench/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A run that writes down whose turn it was. */
static char turns[16];
static bool fails;

static bool run_turn(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	const bool other = settings->stand.sluice != NULL;

	turns[strlen(turns) + 1] = '\0';
	turns[strlen(turns)] = other ? 'B' : 'A';
	if (fails)
		text_put(why, VIEW("it fails"));
	figures_add(figures, "rate", other ? 2 : 1, "1/s");
	return !fails;
}

static const struct run_row row = { "turns", run_turn, 0, "", "" };
static struct result result;
static char words[64];
static struct text why;

static bool measured(uint64_t repeat, const char *against)
{
	struct options options;

	options_default(&options, &row);
	options.repeat = repeat;
	options.against = against;
	turns[0] = '\0';
	result = (struct result){ .run = "turns" };
	why = text_on(words, sizeof words);
	return measure_point(&result, &options, &why);
}

static void test_repeats(void **state)
{
	(void)state;

	assert_true(measured(3, NULL));
	assert_string_equal(turns, "AAA");
	assert_int_equal(result.points[0]->figures.rows[0].count, 3);
	assert_int_equal(result.points[0]->other.count, 0);
	result_finish(&result);
}

static void test_goes_by_turns(void **state)
{
	(void)state;

	assert_true(measured(3, "other"));
	assert_string_equal(turns, "ABBAAB");
	assert_true(figures_sum(&result.points[0]->figures, "rate") == 3);
	assert_true(figures_sum(&result.points[0]->other, "rate") == 6);
	result_finish(&result);
}

static void test_stops_at_the_first_failure(void **state)
{
	(void)state;

	fails = true;
	assert_false(measured(3, "other"));
	fails = false;
	assert_string_equal(turns, "A");
	assert_string_equal(text_string(&why), "it fails");
	result_finish(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_goes_by_turns),
		cmocka_unit_test(test_stops_at_the_first_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
