#include "bench/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* A run whose figures follow from its settings. */
static char seen[256];
static unsigned fails_at; /* sessions */

static bool run_made(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	const unsigned in = settings->load.sessions;
	const unsigned out = settings->stand.sessions;
	const size_t used = strlen(seen);

	(void)snprintf(seen + used, sizeof seen - used, "%u/%u ", in, out);
	if (in == fails_at) {
		text_put(why, VIEW("it fails"));
		return false;
	}
	/* Connections follow from what is swept, too. */
	assert_true(settings->stand.connections > in);
	figures_add(figures, "messages_per_second", 100 * in + out, "1/s");
	figures_add(figures, "engine_cpu", 10 * in + out, "us/message");
	return true;
}

static const struct run_row row = { "made", run_made, 0, "", "" };
static const struct run_row tale = { "tale", run_made, RUN_IS_TALE, "", "" };
static struct options options;
static struct result result;
static char words[512];
static struct text why;

static void begin(const char *in, const char *out)
{
	options_default(&options, &row);
	options.sweeps = true;
	options.lists[0] = (struct option_list){ "in", in };
	options.lists[1] = (struct option_list){ "out", out };
	options.list_count = out == NULL ? 1 : 2;
	result = (struct result){ .run = "made" };
	why = text_on(words, sizeof words);
	seen[0] = '\0';
	fails_at = 0;
}

static void test_every_combination(void **state)
{
	(void)state;

	begin("1,5,20", "3,4");
	assert_true(sweep_is_right(&options, &why));
	assert_true(sweep_measure(&result, &options, &why));
	assert_string_equal(seen, "1/3 1/4 5/3 5/4 20/3 20/4 ");
	assert_int_equal(result.count, 6);
	assert_string_equal(point_setting(result.points[3], "in"), "5");
	assert_string_equal(point_setting(result.points[3], "out"), "4");
	result_finish(&result);
}

static void test_the_best(void **state)
{
	(void)state;
	char *told = NULL;
	size_t bytes;

	begin("1,20,5", "3,4");
	assert_true(sweep_measure(&result, &options, &why));
	FILE *file = open_memstream(&told, &bytes);
	sweep_print_best(&result, file);
	fclose(file);
	assert_string_equal(told, "# best messages_per_second: 2004 1/s at in=20 out=4\n"
	                          "# best engine_cpu: 13 us/message at in=1 out=3\n");
	free(told);
	result_finish(&result);
}

static void test_a_failure_leaves_what_was_before(void **state)
{
	(void)state;

	begin("1,5,20", NULL);
	fails_at = 5;
	assert_false(sweep_measure(&result, &options, &why));
	assert_string_equal(text_string(&why), "it fails (at combination 2 of 3: in=5)");
	assert_int_equal(result.count, 1);
	result_finish(&result);
}

static void test_what_is_not_right(void **state)
{
	(void)state;
	static char many[8192];

	begin("1,2", NULL);
	options.list_count = 0;
	assert_false(sweep_is_right(&options, &why));
	assert_non_null(strstr(text_string(&why), "a list"));
	begin("1,2", NULL);
	options.row = &tale;
	assert_false(sweep_is_right(&options, &why));
	assert_string_equal(text_string(&why), "tale has no figures to sweep");
	for (unsigned i = 0; i < RESULT_POINTS_MAX / 2; i++)
		(void)snprintf(many + strlen(many), sizeof many - strlen(many), "%s%u",
		        i == 0 ? "" : ",", i % 9 + 1);
	begin(many, "1,2");
	assert_true(sweep_is_right(&options, &why));
	begin(many, "1,2,3");
	assert_false(sweep_is_right(&options, &why));
	assert_string_equal(
	        text_string(&why), "1536 combinations of settings; a sweep has 1024 at most");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_the_best),
		cmocka_unit_test(test_a_failure_leaves_what_was_before),
		cmocka_unit_test(test_what_is_not_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
