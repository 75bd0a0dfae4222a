/* A survey has a row for each route of the configuration. */
#include "engine/survey.h"
#include "tests/engine/ways_bench.h"

static void a_row_a_route(void **state)
{
	struct bench bench;
	struct survey survey;

	(void)state;
	bench_open(&bench, "routes: [{name: a, host: a.test}, {name: b, host: b.test}]\n");
	assert_false(failed(survey_open(&survey, bench.config)));
	assert_int_equal(survey.route_count, 2);
	assert_string_equal(survey.routes[0].name, "a");
	assert_string_equal(survey.routes[1].name, "b");
	assert_int_equal(survey.routes[1].sessions, 0);
	survey_close(&survey);
	assert_null(survey.routes);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_a_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
